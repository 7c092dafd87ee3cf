"""Index: write articles and mentions, then settle their entries in the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import structlog

from elasticsearch import Elasticsearch
from elasticsearch.helpers import scan

from rasid.pipeline.documents import (
    article_document,
    mention_documents,
    withdrawn_document,
    withdrawn_mention,
)
from rasid.pipeline.ledger import write_entries
from rasid.pipeline.outcomes import WITHDRAWN, Outcome
from rasid.pipeline.records import Entry, Run
from rasid.pipeline.store import read_records
from rasid.pipeline.stories import join_late, place
from rasid.pipeline.telemetry import count_endings, stage, time_to_index
from rasid.pipeline.versions import next_look, text_change, versions
from rasid.search import Write, alias, delete_stale_mentions, index_for, write_all
from rasid.sources import Feed, entry_id, usable_feeds


log = structlog.get_logger()

_PUBLISHED = ("published_at", "published_source", "published_precision", "published_raw")


@stage
def index(es: Elasticsearch, run: Run, path: str) -> dict[str, int]:
    """Index the articles of the entries at `path` and settle all of these; counts by outcome.

    An entry is settled only after Elasticsearch took its article and its mentions.
    """
    feeds = usable_feeds()
    entries = list(read_records(path, Entry))
    read = [entry for entry in entries if not entry.done]
    gone = [entry for entry in entries if entry.cause == WITHDRAWN]
    stored = _stored(es, [*read, *gone])
    twins = _twins(es, read, stored, feeds)
    told = [entry for entry in read if entry.entry_id not in twins]
    placed = place(es, run, told, stored, feeds)

    settled = [entry for entry in entries if entry.done and entry.cause != WITHDRAWN]
    pending: list[Entry] = []
    writes: list[Write] = []
    for entry in read:
        where = placed.get(entry.entry_id)
        twin = where.repeats if where else twins[entry.entry_id]
        if where is None or twin:
            settled.append(_repeating(entry, twin))
            continue
        judged = _judged(entry, stored.get(entry.entry_id), where.telling.story_id, run)
        if judged.outcome == Outcome.UNCHANGED:
            settled.append(judged)
        else:
            pending.append(judged)
            writes += _writes(judged, run, feeds)
    for entry in gone:
        judged = _gone(entry, stored.get(entry.entry_id), run)
        if judged.outcome == Outcome.UPDATED:
            pending.append(judged)
            writes.append(_article(judged, withdrawn_document(stored[entry.entry_id], run), run))
        else:
            settled.append(judged)
    writes += _withdrawn_mentions(es, [e for e in pending if e.cause == WITHDRAWN], run)
    written = _written(es, pending, writes, stored, run)
    join_late(es, [placed[e.entry_id] for e in written if e.article and _is_indexed(e)])
    settled = [
        replace(e, next_look_at=next_look(e, feeds.get(e.feed_id), run.started_at))
        for e in [*settled, *written]
    ]
    write_entries(es, run, settled, feeds)
    count_endings(run, "index", entries, settled)
    time_to_index(run, settled, now=datetime.now(UTC))
    counts = Counter(e.outcome.value if e.outcome else "waiting" for e in settled)
    log.info("indexed", documents=len(writes), **counts)
    return dict(counts)


def _judged(entry: Entry, stored: Mapping[str, Any] | None, story_id: str, run: Run) -> Entry:
    """The entry with its story, its versions, and the ending it has once they are written."""
    assert entry.article is not None
    change = text_change(stored, entry) if stored else None
    article = {
        **entry.article,
        "story_id": story_id,
        "versions": versions(entry, stored, change),
    }
    if entry.again and stored and stored["published_at"]:
        # Outlets date an article anew when they touch it; published it was when it was first.
        article |= {name: stored[name] for name in _PUBLISHED}
    judged = replace(entry, article=article, idle_changes=0 if change else entry.idle_changes)
    if stored is None:
        return judged.ended(Outcome.INDEXED, cause="")
    if stored["run_id"] == run.run_id:  # an earlier try of this very run wrote it
        return judged.ended(Outcome.UPDATED if entry.again else Outcome.INDEXED, cause="")
    same = (
        change is None
        and stored["tagger_version"] == article["tagger_version"]
        and not stored.get("withdrawn_at")
        and (entry.again or _reads_the_same(article, stored))
    )
    return judged.ended(Outcome.UNCHANGED if same else Outcome.UPDATED, cause="")


def _reads_the_same(article: Mapping[str, Any], stored: Mapping[str, Any]) -> bool:
    """Whether reading the page anew brought what it brought before."""
    names = ("text_hash", "title", "published_at")
    return article["method"] == stored["extraction_method"] and all(
        article[name] == stored[name] for name in names
    )


def _repeating(entry: Entry, twin: str) -> Entry:
    cause = "duplicate_url" if twin == _canonical_id(entry) else "duplicate_text"
    return entry.ended(Outcome.DUPLICATE, cause=cause, duplicate_of=twin)


def _gone(entry: Entry, stored: Mapping[str, Any] | None, run: Run) -> Entry:
    """A withdrawn entry's ending: news only the first time, and only while we have the article."""
    if stored is None:
        return replace(entry, outcome=Outcome.DROPPED)
    news = not stored.get("withdrawn_at") or stored["run_id"] == run.run_id
    return replace(entry, outcome=Outcome.UPDATED if news else Outcome.UNCHANGED)


def _stored(es: Elasticsearch, entries: Iterable[Entry]) -> dict[str, dict[str, Any]]:
    """What is indexed of these entries already, by article id (read in real time)."""
    docs = [{"_index": index_for("articles", e.first_seen_at), "_id": e.entry_id} for e in entries]
    if not docs:
        return {}
    answer = es.mget(docs=docs)
    return {doc["_id"]: doc["_source"] for doc in answer["docs"] if doc.get("found")}


def _twins(
    es: Elasticsearch,
    entries: list[Entry],
    stored: Mapping[str, Any],
    feeds: Mapping[str, Feed],
) -> dict[str, str]:
    """Entry id → id of the article of the same newsroom that it repeats.

    The same text of another newsroom is no duplicate but evidence: it is indexed. What is indexed
    already is no duplicate any more.
    """
    if not entries:
        return {}
    es.indices.refresh(index=alias("articles"))
    found = es.search(
        index=alias("articles"),
        query={
            "bool": {
                "should": [
                    {"terms": {"text_hash": sorted({_hash(e) for e in entries})}},
                    {"terms": {"article_id": sorted({_canonical_id(e) for e in entries})}},
                ]
            }
        },
        source_includes=["newsroom", "text_hash"],
        sort=[{"first_seen_at": "asc"}],
        size=1000,
    )
    by_text: dict[tuple[str, str], str] = {}
    ids = set()
    for hit in found["hits"]["hits"]:
        ids.add(hit["_id"])
        by_text.setdefault((hit["_source"]["newsroom"], hit["_source"]["text_hash"]), hit["_id"])
    twins = {}
    # Pages that are their own canonical first: their copies may come in the same batch.
    for entry in sorted(entries, key=lambda e: _canonical_id(e) != e.entry_id):
        feed = feeds.get(entry.feed_id)
        key = (feed.newsroom if feed else "", _hash(entry))
        canonical = _canonical_id(entry)
        first = canonical if canonical in ids else by_text.setdefault(key, entry.entry_id)
        if first != entry.entry_id and entry.entry_id not in stored:
            twins[entry.entry_id] = first
        else:
            ids.add(entry.entry_id)
    return twins


def _hash(entry: Entry) -> str:
    assert entry.article is not None
    return str(entry.article["text_hash"])


def _canonical_id(entry: Entry) -> str:
    """The id that the page's own canonical URL has."""
    assert entry.article is not None
    return entry_id(entry.article["canonical_url"])


def _writes(entry: Entry, run: Run, feeds: Mapping[str, Feed]) -> list[Write]:
    feed = feeds.get(entry.feed_id)
    mentions = [
        Write(
            index_for("mentions", entry.first_seen_at),
            document["mention_id"],
            run.revision,
            document,
        )
        for document in mention_documents(entry, run, feed)
    ]
    return [*mentions, _article(entry, article_document(entry, run, feed), run)]


def _withdrawn_mentions(es: Elasticsearch, entries: list[Entry], run: Run) -> list[Write]:
    """The mentions of articles that were taken down, marked like them."""
    if not entries:
        return []
    es.indices.refresh(index=alias("mentions"))
    ids = [entry.entry_id for entry in entries]
    query = {"query": {"terms": {"article_id": ids}}}
    return [
        Write(
            index_for("mentions", datetime.fromisoformat(hit["_source"]["first_seen_at"])),
            hit["_id"],
            run.revision,
            withdrawn_mention(hit["_source"], run),
        )
        for hit in scan(es, index=alias("mentions"), query=query)
    ]


def _article(entry: Entry, document: dict[str, Any], run: Run) -> Write:
    return Write(index_for("articles", entry.first_seen_at), entry.entry_id, run.revision, document)


def _written(
    es: Elasticsearch,
    entries: list[Entry],
    writes: list[Write],
    stored: Mapping[str, Any],
    run: Run,
) -> list[Entry]:
    """The entries after their documents were written; a refused document quarantines its entry."""
    refused: dict[str, str] = {}
    late: set[str] = set()
    article_of = {write.id: str(write.source["article_id"]) for write in writes}
    for result in write_all(es, writes):
        if result.status == "rejected":
            refused.setdefault(article_of[result.id], result.error)
        elif result.status == "stale":
            late.add(result.id)
    # A withdrawn article's mentions are all written again, marked: none of them is stale.
    replaced = [
        e.entry_id
        for e in entries
        if e.entry_id in stored and e.entry_id not in refused and e.cause != WITHDRAWN
    ]
    # Where a newer run was faster with the article, ours are the stale ones.
    newer = _stored(es, [entry for entry in entries if entry.entry_id in late])
    revisions = dict.fromkeys(replaced, run.revision)
    revisions |= {article_id: found["revision"] for article_id, found in newer.items()}
    delete_stale_mentions(es, revisions)
    return [
        replace(
            entry,
            outcome=Outcome.QUARANTINED,
            cause="index_rejected",
            error=refused[entry.entry_id],
        )
        if entry.entry_id in refused
        else entry
        for entry in entries
    ]


def _is_indexed(entry: Entry) -> bool:
    return entry.outcome in {Outcome.INDEXED, Outcome.UPDATED}
