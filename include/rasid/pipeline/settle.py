"""Settle: close the books of the run, then remember the feeds' validators."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from elasticsearch import Elasticsearch

from rasid.errors import BooksOpen
from rasid.pipeline.ledger import (
    Committed,
    Endings,
    endings,
    feed_states,
    write_books,
    write_polls,
)
from rasid.pipeline.records import Books, Entry, Run
from rasid.pipeline.store import read_records
from rasid.pipeline.telemetry import measure_queues, stage
from rasid.settings import settings
from rasid.sources import FeedPoll, next_state, read_registry, usable_feeds


log = structlog.get_logger()


@stage
def settle(es: Elasticsearch, run: Run, poll_paths: Sequence[str]) -> list[Books]:
    """Hold what `batch` saw against what the ledger says; the books by feed, then the whole (`*`).

    Only a feed whose books close has its validators remembered: the others are read again. Raises
    BooksOpen, after everything is written, when some do not.
    """
    feeds = usable_feeds()
    polls = [poll for path in poll_paths for poll in read_records(path, FeedPoll)]
    seen = list(read_records(run.path("seen.jsonl.gz"), Books))
    owed = list(read_records(run.path("owed.jsonl.gz"), Entry))
    books = _books(seen, owed, endings(es, run, owed))
    states = feed_states(es, run)
    settled_at = datetime.now(UTC)
    committed = [
        Committed(
            poll,
            known=books[poll.feed_id].known,
            new=books[poll.feed_id].new,
            state=next_state(
                feeds[poll.feed_id],
                states.get(poll.feed_id),
                poll,
                new_items=books[poll.feed_id].new,
                now=poll.polled_at,
            ),
            commit=books[poll.feed_id].closed,
        )
        for poll in polls
        if poll.feed_id in feeds
    ]
    whole = total(books.values())
    problems = [str(problem) for problem in read_registry(settings().feeds)[1]]
    write_books(es, run, [*books.values(), whole], settled_at=settled_at, problems=problems)
    write_polls(es, run, committed, feeds)
    es.indices.refresh(index="rasid-*")
    measure_queues(es, now=settled_at)
    still_open = [
        f"{book.feed_id}: {book.difference}" for book in books.values() if not book.closed
    ]
    if still_open:
        raise BooksOpen("; ".join(still_open))
    log.info("books closed", seen=whole.seen, new=whole.new, waiting=whole.waiting)
    return [*books.values(), whole]


def total(books: Iterable[Books]) -> Books:
    """The books of all feeds together, under the id `*`."""
    whole = Books("*")
    for book in books:
        whole = replace(
            whole,
            seen=whole.seen + book.seen,
            known=whole.known + book.known,
            new=whole.new + book.new,
            carried=whole.carried + book.carried,
            waiting=whole.waiting + book.waiting,
            outcomes=_sum(whole.outcomes, book.outcomes),
            causes=_sum(whole.causes, book.causes),
        )
    return whole


def _books(seen: list[Books], owed: list[Entry], ended: dict[str, Endings]) -> dict[str, Books]:
    """What `batch` saw and took up by feed, completed by the ledger's endings."""
    of = {book.feed_id: book for book in seen}
    carried = Counter(entry.feed_id for entry in owed if entry.carried)
    books = {}
    for feed_id in sorted({*of, *carried}):
        book, end = of.get(feed_id, Books(feed_id)), ended.get(feed_id, Endings())
        books[feed_id] = replace(
            book,
            carried=carried[feed_id],
            waiting=end.states["waiting"],
            outcomes=_sum(book.outcomes, end.outcomes),
            causes=_sum(book.causes, end.causes),
        )
    return books


def _sum(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {key: one.get(key, 0) + other.get(key, 0) for key in sorted({*one, *other})}
