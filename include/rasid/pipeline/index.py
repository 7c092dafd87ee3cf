"""Index: write articles and mentions, then settle their entries in the ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import structlog

from elasticsearch import Elasticsearch

from rasid.pipeline.documents import article_document, mention_documents
from rasid.pipeline.ledger import write_entries
from rasid.pipeline.outcomes import Outcome
from rasid.pipeline.plan import usable_feeds
from rasid.pipeline.records import Entry, Run
from rasid.pipeline.store import read_records
from rasid.search import Write, alias, delete_stale_mentions, index_for, write_all
from rasid.sources import Feed, entry_id


log = structlog.get_logger()


def index(es: Elasticsearch, run: Run, path: str) -> dict[str, int]:
    """Index the articles of the entries at `path` and settle all of these; counts by outcome.

    An entry is settled only after Elasticsearch took its article and its mentions.
    """
    feeds = usable_feeds()
    entries = list(read_records(path, Entry))
    ready = [entry for entry in entries if not entry.done]
    stored = _stored(es, ready)
    twins = _twins(es, ready, feeds)
    settled: list[Entry] = [entry for entry in entries if entry.done]
    writes: list[Write] = []
    pending: list[Entry] = []
    for entry in ready:
        judged = _judged(entry, stored.get(entry.entry_id), twins.get(entry.entry_id, ""))
        if judged.outcome in {Outcome.INDEXED, Outcome.UPDATED}:
            pending.append(judged)
            writes += _writes(judged, run, feeds)
        else:
            settled.append(judged)
    settled += _written(es, pending, writes, run)
    write_entries(es, run, settled, feeds)
    counts: dict[str, int] = defaultdict(int)
    for entry in settled:
        counts[entry.outcome.value if entry.outcome else "waiting"] += 1
    log.info("indexed", documents=len(writes), **counts)
    return dict(counts)


def _judged(entry: Entry, stored: dict[str, Any] | None, twin: str) -> Entry:
    """The entry with the ending it has once its documents are written."""
    assert entry.article is not None
    if twin:
        cause = "duplicate_url" if twin == _canonical_id(entry) else "duplicate_text"
        return entry.ended(Outcome.DUPLICATE, cause=cause, duplicate_of=twin)
    if stored is None:
        return entry.ended(Outcome.INDEXED, cause="")
    same_text = stored["text_hash"] == entry.article["text_hash"]
    if same_text and stored["tagger_version"] == entry.article["tagger_version"]:
        return entry.ended(Outcome.UNCHANGED, cause="")
    return entry.ended(Outcome.UPDATED, cause="")


def _stored(es: Elasticsearch, entries: Iterable[Entry]) -> dict[str, dict[str, Any]]:
    """What is indexed of these entries already, by article id (read in real time)."""
    docs = [{"_index": index_for("articles", e.first_seen_at), "_id": e.entry_id} for e in entries]
    if not docs:
        return {}
    answer = es.mget(docs=docs, source_includes=["text_hash", "tagger_version"])
    return {doc["_id"]: doc["_source"] for doc in answer["docs"] if doc.get("found")}


def _twins(es: Elasticsearch, entries: list[Entry], feeds: dict[str, Feed]) -> dict[str, str]:
    """Entry id → id of the article of the same newsroom that it repeats.

    The same text of another newsroom is no duplicate but evidence: it is indexed.
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
    for entry in entries:
        feed = feeds.get(entry.feed_id)
        key = (feed.newsroom if feed else "", _hash(entry))
        canonical = _canonical_id(entry)
        first = canonical if canonical in ids else by_text.setdefault(key, entry.entry_id)
        if first != entry.entry_id:
            twins[entry.entry_id] = first
    return twins


def _hash(entry: Entry) -> str:
    assert entry.article is not None
    return str(entry.article["text_hash"])


def _canonical_id(entry: Entry) -> str:
    """The id that the page's own canonical URL has."""
    assert entry.article is not None
    return entry_id(entry.article["canonical_url"])


def _writes(entry: Entry, run: Run, feeds: dict[str, Feed]) -> list[Write]:
    feed = feeds.get(entry.feed_id)
    article = Write(
        index_for("articles", entry.first_seen_at),
        entry.entry_id,
        run.revision,
        article_document(entry, run, feed),
    )
    mentions = [
        Write(
            index_for("mentions", entry.first_seen_at),
            document["mention_id"],
            run.revision,
            document,
        )
        for document in mention_documents(entry, run, feed)
    ]
    return [*mentions, article]


def _written(es: Elasticsearch, entries: list[Entry], writes: list[Write], run: Run) -> list[Entry]:
    """The entries after their documents were written; a refused document quarantines its entry."""
    refused: dict[str, str] = {}
    article_of = {write.id: str(write.source["article_id"]) for write in writes}
    for result in write_all(es, writes):
        if result.status == "rejected":
            refused.setdefault(article_of[result.id], result.error)
    updated = [e for e in entries if e.outcome == Outcome.UPDATED and e.entry_id not in refused]
    delete_stale_mentions(es, {e.entry_id: run.revision for e in updated})
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
