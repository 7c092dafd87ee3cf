"""Tag: find the attacks and movements that the articles of a batch speak of."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import lru_cache

import structlog

from rasid.pipeline.records import Entry, Run
from rasid.pipeline.store import read_records, write_records
from rasid.pipeline.telemetry import stage
from rasid.tagging import Tagger, load_tagger


log = structlog.get_logger()


@stage
def tag(run: Run, path: str) -> str:
    """Tag the articles of the entries at `path`; the path of the same with their mentions."""
    done = [_tag(entry) for entry in read_records(path, Entry)]
    log.info("tagged", mentions=sum(len(e.mentions) for e in done), articles=len(done))
    return write_records(run.path(f"tagged/{path.rpartition('/')[2]}"), Entry, done)


@lru_cache(maxsize=1)
def tagger() -> Tagger:
    """The tagger of this process; loading it takes longer than tagging a hundred articles."""
    return load_tagger()


def _tag(entry: Entry) -> Entry:
    if entry.done or entry.article is None:
        return entry
    article = entry.article
    published = article["published_at"]
    mentions = tagger().tag(
        f"{article['title']}\n{article['text']}",
        title_end=len(article["title"]),
        published_at=datetime.fromisoformat(published) if published else None,
    )
    return replace(
        entry,
        article={**article, "tagger_version": tagger().version},
        mentions=tuple(mention.to_json() for mention in mentions),
    )
