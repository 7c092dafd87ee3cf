"""Read: raw pages out of the archive to article text, dates and language."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime

import structlog

from rasid.pipeline.archive import Page, WarcReader
from rasid.pipeline.records import Entry, Run
from rasid.pipeline.store import read_records, write_records
from rasid.pipeline.telemetry import count_endings, stage
from rasid.pipeline.versions import is_removed
from rasid.reading import Reading, read_fragment, read_page
from rasid.sources import Feed, usable_feeds


log = structlog.get_logger()


@stage
def read(run: Run, path: str) -> str:
    """Read the archived pages of the entries at `path`; the path of the same with articles."""
    feeds = usable_feeds()
    archive = WarcReader()
    entries = list(read_records(path, Entry))
    done = [
        entry
        if entry.done or entry.archive is None or entry.article is not None
        else _read(entry, archive.page(entry.archive), feeds.get(entry.feed_id), run)
        for entry in entries
    ]
    count_endings(run, "read", entries, done)
    log.info("read", articles=sum(e.article is not None for e in done), of=len(done))
    return write_records(run.path(f"articles/{path.rpartition('/')[2]}"), Entry, done)


def _read(entry: Entry, page: Page, feed: Feed | None, run: Run) -> Entry:
    reading = _reading(entry, page, feed.timezone if feed else "UTC")
    if entry.has_article and is_removed(reading):
        return entry.withdrawn(f"{reading.outcome}: {reading.error}")
    if reading.outcome != "ok":
        ended = entry.failed(reading.outcome, reading.error, now=run.started_at)
        return replace(ended, flags=reading.flags)
    article = {
        key: value
        for key, value in asdict(reading).items()
        if key not in {"outcome", "flags", "error"}
    }
    article["published_at"] = reading.published_at.isoformat() if reading.published_at else None
    article["fetched_at"] = page.fetched_at.isoformat()
    return replace(entry, article=article, flags=reading.flags)


def _reading(entry: Entry, page: Page, timezone: str) -> Reading:
    item = entry.item
    published = item["published_at"]
    said_at = datetime.fromisoformat(published) if published else None
    if page.is_fragment:
        return read_fragment(
            page.body.decode(),
            url=page.url,
            title=item["title"],
            summary=item["summary"],
            authors=tuple(item["authors"]),
            feed_published=said_at,
            feed_published_raw=item["published_raw"],
            timezone=timezone,
            today=page.fetched_at,
        )
    return read_page(
        page.body,
        url=page.url,
        http_charset=page.http_charset,
        feed_published=said_at,
        feed_published_raw=item["published_raw"],
        feed_title=item["title"],
        timezone=timezone,
        today=page.fetched_at,
    )
