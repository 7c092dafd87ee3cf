"""Batch: tell new entries from known ones, write down what is owed, share out the work."""

from __future__ import annotations

import math

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

import structlog

from elasticsearch import Elasticsearch
from pydantic import TypeAdapter

from rasid.pipeline.ledger import due, known_ids, looks_due, note_changes, owed, write_entries
from rasid.pipeline.records import Books, Entry, Run
from rasid.pipeline.store import read_records, write_records
from rasid.pipeline.telemetry import stage
from rasid.pipeline.versions import chosen, item_hash
from rasid.sources import FeedItem, FeedPoll, usable_feeds


log = structlog.get_logger()

# A task costs as much processor as fifty articles (bench/overhead.py): what is more than four
# hundred goes into fewer and larger batches, as long as there is one for each slot.
ENTRIES_PER_BATCH = 100
MOST_PER_BATCH = 500
SLOTS = 4
# Four fetches at once wait 25 × 4 × 5 s for the turns of one host: within their patience.
ENTRIES_OF_A_HOST = 25
GOLDEN_RATIO = (1 + math.sqrt(5)) / 2
_ITEMS = TypeAdapter(FeedItem)


@stage
def batch(
    es: Elasticsearch, run: Run, poll_paths: Sequence[str], *, retry: bool = True
) -> list[str]:
    """Paths of the batches of at most 500 entries to fetch; may be empty.

    Every new entry is written to the ledger as owed before anything is fetched: from here on a
    crash loses nothing. Entries that earlier runs of the DAG left owed come along; with `retry`
    also those of any DAG whose next try is due, and ended ones whose page is to be asked for again.
    """
    polls = [poll for path in poll_paths for poll in read_records(path, FeedPoll)]
    known = known_ids(es, sorted({i.entry_id for p in polls for i in p.items}), run)
    feeds = usable_feeds()
    new: dict[str, Entry] = {}
    changed: list[tuple[str, dict[str, Any]]] = []
    books = []
    for poll in polls:
        fresh = 0
        for item in poll.items:
            if item.entry_id not in known and item.entry_id not in new:
                new[item.entry_id] = _new_entry(poll.feed_id, item, run)
                fresh += 1
            elif known.get(item.entry_id):
                body = _ITEMS.dump_python(item, mode="json")
                if known[item.entry_id] != item_hash(body, feeds.get(poll.feed_id)):
                    changed.append((poll.feed_id, body))
        # Items without a usable link cannot have a document: they are settled in the books.
        lost: dict[str, int] = defaultdict(int)
        for outcome, _ in poll.dropped:
            lost[outcome] += 1
        books.append(
            Books(
                poll.feed_id,
                seen=len(poll.items) + len(poll.dropped),
                known=len(poll.items) - fresh,
                new=fresh + len(poll.dropped),
                outcomes={"dropped": len(poll.dropped)} if poll.dropped else {},
                causes=dict(lost),
            )
        )
    left = [*owed(es, run), *(due(es, run.started_at) if retry else ())]
    carried = [entry for entry in left if entry.entry_id not in new]
    work = [*new.values(), *carried]
    write_entries(es, run, work, feeds)
    looks: list[Entry] = []
    if retry:
        note_changes(es, run, changed, feeds)
        looks = chosen(looks_due(es, run))
    log.info("batched", new=len(new), known=len(known), carried=len(carried), looks=len(looks))
    return share_out(run, books, [*work, *looks])


def share_out(run: Run, books: Sequence[Books], work: Sequence[Entry]) -> list[str]:
    """Write down what the run saw and takes up, for `settle`; the paths of its batches."""
    write_records(run.path("seen.jsonl.gz"), Books, books)
    write_records(run.path("owed.jsonl.gz"), Entry, work)
    return [
        write_records(run.path(f"batches/{n:04}.jsonl.gz"), Entry, part)
        for n, part in enumerate(_shared_out(work))
    ]


def _new_entry(feed_id: str, item: FeedItem, run: Run) -> Entry:
    return Entry(
        entry_id=item.entry_id,
        feed_id=feed_id,
        url=item.url,
        canonical_url=item.canonical_url,
        first_seen_at=run.started_at,
        item=_ITEMS.dump_python(item, mode="json"),
    )


def _shared_out(entries: Iterable[Entry]) -> list[list[Entry]]:
    """Batches of 100 entries, larger where there are many; each host's spread evenly over them.

    The tasks keep a host's pace together (rasid.web), so that every batch takes as long as the
    others. Batches whose numbers lie close share hosts: they are strewn by the golden ratio, or
    tasks that run side by side would wait for the turns of the same third of the hosts.
    """
    work = sorted(entries, key=_host)
    if not work:
        return []
    most = max(Counter(map(_host, work)).values())
    count = max(
        min(math.ceil(len(work) / ENTRIES_PER_BATCH), SLOTS),
        math.ceil(len(work) / MOST_PER_BATCH),
        math.ceil(most / ENTRIES_OF_A_HOST),
    )
    strewn = sorted(range(count), key=lambda n: n * GOLDEN_RATIO % 1)
    return [work[n::count] for n in strewn]


def _host(entry: Entry) -> str:
    return urlsplit(entry.url).netloc
