"""The ledger in Elasticsearch: what was found, what is owed, what became of it.

`rasid-entries` holds one document per entry (frontier, ledger and quarantine in one),
`rasid-polls` one per feed and run (its newest committed one is what we remember of the feed),
`rasid-runs` the closed books. Every write carries the run's revision, so that a repeated or a late
writer changes nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from elasticsearch import Elasticsearch
from pydantic import TypeAdapter

from rasid.errors import SearchUnavailable
from rasid.pipeline.outcomes import WITH_ARTICLE, Outcome
from rasid.pipeline.records import Archived, Books, Entry, Run
from rasid.pipeline.versions import MAX_AGE, item_hash, noted_change
from rasid.search import Write, alias, index_for, write_all
from rasid.sources import Feed, FeedPoll, FeedState


_STATES = TypeAdapter(FeedState)
# More than any run holds: 1,000 feeds of 40 new items.
_LIMIT = 10_000


def feed_states(es: Elasticsearch, run: Run) -> dict[str, FeedState]:
    """What the newest committed poll of each feed remembers, by feed id.

    Without what `run` itself committed: repeated from its start, it asks the feeds as it first did.
    """
    found = es.search(
        index=alias("polls"),
        query={
            "bool": {
                "filter": [{"term": {"committed": True}}],
                "must_not": [{"term": {"run_id": run.run_id}}],
            }
        },
        collapse={"field": "feed_id"},
        sort=[{"polled_at": "desc"}],
        source_includes=["state"],
        size=_LIMIT,
    )
    states = [_STATES.validate_python(hit["_source"]["state"]) for hit in found["hits"]["hits"]]
    return {state.feed_id: state for state in states}


def known_ids(es: Elasticsearch, ids: Sequence[str], run: Run) -> dict[str, str]:
    """Those of `ids` that another run found before this one, with the hash of their feed item.

    An entry that this very run wrote down, in a try that died, is still new to it.
    """
    known: dict[str, str] = {}
    for part in _parts(ids):
        answer = es.mget(index=index_for("entries"), ids=part, source=["run_id", "item_hash"])
        known |= {
            doc["_id"]: doc["_source"].get("item_hash") or ""
            for doc in answer["docs"]
            if doc.get("found") and doc["_source"]["run_id"] != run.run_id
        }
    return known


def owed(es: Elasticsearch, run: Run) -> list[Entry]:
    """Entries that an earlier run of the same DAG left unfinished.

    What another DAG owes, it may be working on at this moment.
    """
    return _entries(es, {"term": {"state": "owed"}}, {"term": {"dag_id": run.dag_id}})


def due(es: Elasticsearch, now: datetime) -> list[Entry]:
    """Entries whose next try is due, whichever DAG made the first."""
    return _entries(
        es,
        {"term": {"state": "waiting"}},
        {"range": {"next_attempt_at": {"lte": now.isoformat()}}},
    )


def note_changes(
    es: Elasticsearch, run: Run, changed: Iterable[tuple[str, dict[str, Any]]], feeds: Feeds
) -> None:
    """Note in the ledger which (feed id, item) of known entries are others than before.

    The entries stay as they ended; beside it stands when their page is to be asked for again.
    """
    # Another feed may word the same article otherwise: only the one that it came from counts.
    items = {(feed_id, item["entry_id"]): item for feed_id, item in changed}
    writes = []
    for part in _parts(sorted({entry_id for _, entry_id in items})):
        answer = es.mget(index=index_for("entries"), ids=part)
        for doc in answer["docs"]:
            source = doc["_source"]
            item, feed = items.get((source["feed_id"], doc["_id"])), feeds.get(source["feed_id"])
            noted = noted_change(source, item, feed, run.started_at) if item and feed else None
            if noted:
                writes.append(Write(index_for("entries"), doc["_id"], run.revision, noted))
    write_documents(es, writes)


def looks_due(es: Elasticsearch, run: Run) -> list[Entry]:
    """Ended entries whose page is due to be asked for again, the longest due first.

    What nobody came to for a week (we were down, or its host has too many) is let go.
    """
    since = run.started_at - MAX_AGE
    due_now = {
        "range": {
            "next_look_at": {"gte": since.isoformat(), "lte": run.started_at.isoformat()},
        }
    }
    settled = {"term": {"state": "settled"}}
    return [_look(*found) for found in _sources(es, settled, due_now, by="next_look_at")]


def _look(source: dict[str, Any], version: int) -> Entry:
    entry = entry_of(source, version)
    return replace(
        entry,
        attempts=0,
        archive=None,
        page_before=entry.archive,
        before=Outcome(source["outcome"]),
        cause=source["cause"] or "",
        duplicate_of=source["article_id"] if source["outcome"] == Outcome.DUPLICATE else "",
    )


def _entries(es: Elasticsearch, *conditions: dict[str, Any]) -> list[Entry]:
    return [entry_of(*found) for found in _sources(es, *conditions, by="first_seen_at")]


def _sources(
    es: Elasticsearch, *conditions: dict[str, Any], by: str
) -> list[tuple[dict[str, Any], int]]:
    """The ledger's documents that meet all conditions, each with its version."""
    es.indices.refresh(index=alias("entries"))
    found = es.search(
        index=alias("entries"),
        query={"bool": {"filter": list(conditions)}},
        sort=[{by: "asc"}],
        size=_LIMIT,
        version=True,
    )
    return [(hit["_source"], hit["_version"]) for hit in found["hits"]["hits"]]


def write_entries(es: Elasticsearch, run: Run, entries: Iterable[Entry], feeds: Feeds) -> None:
    """Write the state of `entries` as this run leaves them.

    What it took up it may end, even where a run of a clock that was ahead wrote it down.
    """
    index = index_for("entries")
    write_documents(
        es,
        [
            Write(index, e.entry_id, max(run.revision, e.version), _document(e, run, feeds))
            for e in entries
        ],
    )


def write_polls(es: Elasticsearch, run: Run, polls: Iterable[Committed], feeds: Feeds) -> None:
    """Write one document per poll; a committed one carries the validators for the next poll."""
    write_documents(es, [_poll_write(run, poll, feeds) for poll in polls])


def write_books(
    es: Elasticsearch,
    run: Run,
    books: Iterable[Books],
    *,
    settled_at: datetime,
    problems: Sequence[str],
) -> None:
    """Write the books of the run: one document per feed, and one (`*`) for the whole."""
    writes = []
    for book in books:
        source = {
            "run_id": run.run_id,
            "dag_id": run.dag_id,
            "feed_id": book.feed_id,
            "started_at": run.started_at.isoformat(),
            "settled_at": settled_at.isoformat(),
            "duration_ms": int((settled_at - run.started_at).total_seconds() * 1000),
            "seen": book.seen,
            "known": book.known,
            "new": book.new,
            "carried": book.carried,
            "waiting": book.waiting,
            "outcomes": book.outcomes,
            "causes": book.causes,
            "closed": book.closed,
            "difference": book.difference,
            "problems": list(problems) if book.feed_id == "*" else [],
        }
        key = f"{run.run_id}|{book.feed_id}"
        writes.append(Write(index_for("runs"), key, run.revision, source))
    write_documents(es, writes)


@dataclass(frozen=True, slots=True)
class Endings:
    """What became of a feed's entries, as the ledger has it now; owed ones count nowhere.

    Those that another run has taken up meanwhile count as waiting: they are in its books.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)


def endings(es: Elasticsearch, run: Run, entries: Sequence[Entry]) -> dict[str, Endings]:
    """By feed: how `entries` stand in the ledger (read in real time, whoever settled them)."""
    feed_of = {entry.entry_id: entry.feed_id for entry in entries}
    ended: dict[str, Endings] = defaultdict(Endings)
    for part in _parts(list(feed_of)):
        fields = ["state", "outcome", "cause", "last_run_id"]
        answer = es.mget(index=index_for("entries"), ids=part, source_includes=fields)
        for doc in answer["docs"]:
            if doc.get("found"):
                found, of = doc["_source"], ended[feed_of[doc["_id"]]]
                taken = found["state"] == "owed" and found["last_run_id"] != run.run_id
                of.states["waiting" if taken else found["state"]] += 1
                of.outcomes.update([found["outcome"]] if found["outcome"] else [])
                of.causes.update([found["cause"]] if found["cause"] else [])
    return dict(ended)


@dataclass(frozen=True, slots=True)
class Committed:
    """A poll as `settle` writes it: with its counts, and the state to remember if it may be."""

    poll: FeedPoll
    known: int
    new: int
    state: FeedState
    commit: bool


Feeds = dict[str, Feed]


def _document(entry: Entry, run: Run, feeds: Feeds) -> dict[str, Any]:
    feed = feeds.get(entry.feed_id)
    ended = entry.outcome is not None
    article = entry.article or {}
    page = entry.archive or entry.page_before
    state = "settled" if ended else "waiting" if entry.waiting else "owed"
    return {
        "entry_id": entry.entry_id,
        "canonical_url": entry.canonical_url,
        "url": entry.url,
        "feed_id": entry.feed_id,
        "outlet": feed.outlet if feed else "",
        "newsroom": feed.newsroom if feed else "",
        "title": article.get("title") or entry.item.get("title", ""),
        "published_at": article.get("published_at") or entry.item.get("published_at"),
        "first_seen_at": entry.first_seen_at.isoformat(),
        "seen_at": run.started_at.isoformat(),
        "state": state,
        "outcome": entry.outcome.value if entry.outcome else None,
        "cause": entry.cause or None,
        "error": entry.error or None,
        "flags": list(entry.flags),
        "attempts": entry.attempts,
        "item_hash": item_hash(entry.item, feed),
        "idle_changes": entry.idle_changes,
        "next_look_at": entry.next_look_at.isoformat() if entry.next_look_at else None,
        "next_attempt_at": entry.next_attempt_at.isoformat() if entry.next_attempt_at else None,
        # The run that found it: a carried entry keeps the one of its first document.
        "run_id": entry.found_by or run.run_id,
        "last_run_id": run.run_id,
        "dag_id": run.dag_id,
        "settled_at": run.started_at.isoformat() if ended else None,
        "article_id": _article_id(entry),
        "archive": {"path": page.path, "offset": page.offset} if page else None,
        "item": entry.item,
    }


def _article_id(entry: Entry) -> str | None:
    if entry.outcome in WITH_ARTICLE:
        return entry.entry_id
    return entry.duplicate_of or None


def entry_of(source: dict[str, Any], version: int = 0) -> Entry:
    """The entry of a ledger document, to be taken up again; with its page where one was kept."""
    archive = source["archive"]
    return Entry(
        entry_id=source["entry_id"],
        feed_id=source["feed_id"],
        url=source["url"],
        canonical_url=source["canonical_url"],
        first_seen_at=datetime.fromisoformat(source["first_seen_at"]),
        item=source["item"],
        found_by=source["run_id"],
        attempts=source["attempts"],
        idle_changes=source.get("idle_changes") or 0,
        archive=Archived(archive["path"], archive["offset"]) if archive else None,
        version=version,
    )


def _poll_write(run: Run, done: Committed, feeds: Feeds) -> Write:
    poll, state = done.poll, done.state
    feed = feeds.get(poll.feed_id)
    source = {
        "poll_id": f"{run.run_id}|{poll.feed_id}",
        "run_id": run.run_id,
        "feed_id": poll.feed_id,
        "outlet": feed.outlet if feed else "",
        "country": feed.country if feed else "",
        "polled_at": poll.polled_at.isoformat(),
        "outcome": poll.outcome,
        "flags": list(poll.flags),
        "status": poll.status,
        "error": poll.error,
        "elapsed_ms": int(poll.elapsed * 1000),
        "items": len(poll.items),
        "known": done.known,
        "new": done.new,
        "dropped": len(poll.dropped),
        "charset": poll.charset,
        "charset_source": poll.charset_source,
        "committed": done.commit,
        "state": _STATES.dump_python(state, mode="json"),
        "next_poll_at": state.next_poll_at.isoformat() if state.next_poll_at else None,
        "interval_minutes": state.interval_minutes,
        "failure_weight": state.failure_weight,
        "empty_streak": state.empty_streak,
        "failure_streak": state.failure_streak,
        "head": poll.head or None,
    }
    return Write(index_for("polls"), str(source["poll_id"]), run.revision, source)


def write_documents(es: Elasticsearch, writes: list[Write]) -> None:
    """Write documents of our own making: a refused one is a defect of ours, not of the source."""
    rejected = [result for result in write_all(es, writes) if result.status == "rejected"]
    if rejected:
        first = rejected[0]
        raise SearchUnavailable(
            f"Elasticsearch refuses {len(rejected)} ledger documents ({first.id}: {first.error})."
            " Run `rasid provision`, then retry the task."
        )


def _parts(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[i : i + 1000] for i in range(0, len(ids), 1000))
