"""Backfill: the older articles of a source, a slice a run, from where the last slice ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

import structlog

from elasticsearch import Elasticsearch

from rasid.errors import ConfigError, FetchError, PolicyRefused
from rasid.pipeline.ledger import known_ids, write_documents
from rasid.pipeline.records import Run
from rasid.pipeline.store import read_records, write_records
from rasid.search import Write, index_for
from rasid.sources import Feed, FeedItem, FeedPoll, Validators, history_page, usable_feeds
from rasid.web import polite_client


log = structlog.get_logger()

SLICE = 1000  # new entries a run: 84 minutes of fetching at a page in five seconds
PAGES = 100  # lists asked for in a run, where most of what they name is known already
PATIENCE = 1800.0  # seconds for these lists


@dataclass(frozen=True, slots=True)
class Backfill:
    """What a person asked for: articles of a feed's source, published `since` ≤ t < `until`."""

    feed_id: str
    since: datetime
    until: datetime

    @property
    def id(self) -> str:
        """The same request made again has the same id, and goes on where it stopped."""
        return f"{self.feed_id}|{self.since:%Y-%m-%d}|{self.until:%Y-%m-%d}"


@dataclass(frozen=True, slots=True)
class Position:
    """How far a backfill got: `cursor` leads to the next page of the history.

    `found` counts new entries so far; `total` is what the source says it has, if it says so.
    """

    cursor: str = ""
    found: int = 0
    total: int | None = None
    done: bool = False


async def look_back(es: Elasticsearch, run: Run, job: Backfill) -> str:
    """Walk the history until a slice is full; the path of its items, as one FeedPoll.

    The position behind the slice lies beside them, for `commit`. Raises FetchError when the source
    brings nothing at all; one that fails later ends the slice, and the next begins there.
    """
    feed = _feed(job)
    position = position_of(es, run, job)
    room = SLICE
    items: list[FeedItem] = []
    async with polite_client(patience=PATIENCE) as client:
        for asked in range(PAGES):
            if position.done or not room:
                break
            try:
                page = await history_page(
                    client, feed, since=job.since, until=job.until, cursor=position.cursor
                )
            except FetchError as error:
                if not asked:
                    raise
                log.warning("slice ends early", feed=feed.id, outcome=error.outcome)
                break
            new = _new(es, run, page.items)
            whole, fitting = len(new) <= room, min(len(new), room)
            items += page.items if whole else new[:fitting]
            room -= fitting
            position = replace(
                position,
                found=position.found + fitting,
                total=position.total if page.total is None else page.total,
            )
            if whole:  # else it is asked for again: what was taken is known by then
                position = replace(position, cursor=page.cursor, done=not page.cursor)
    log.info("looked back", feed=feed.id, items=len(items), **asdict(position))
    write_records(_position_path(run), Position, [position])
    poll = FeedPoll(feed.id, "ok", datetime.now(UTC), Validators(), items=tuple(items))
    return write_records(run.path("polls/0000.jsonl.gz"), FeedPoll, [poll])


def commit(es: Elasticsearch, run: Run, job: Backfill) -> Position:
    """Remember the position behind this run's slice; only when the entries before it are owed."""
    before = position_of(es, run, job)
    position: Position = next(read_records(_position_path(run), Position))
    source = {
        "backfill_id": job.id,
        "feed_id": job.feed_id,
        "since": job.since.isoformat(),
        "until": job.until.isoformat(),
        **asdict(position),
        # Where this run began: repeated from its start, it walks the same pages.
        "before": asdict(before),
        "run_id": run.run_id,
        "updated_at": run.started_at.isoformat(),
    }
    write_documents(es, [Write(index_for("backfills"), job.id, run.revision, source)])
    return position


def position_of(es: Elasticsearch, run: Run, job: Backfill) -> Position:
    """Where `run` begins: behind what earlier runs committed, whatever it committed itself."""
    source = _stored(es, job)
    if source.get("run_id") == run.run_id:
        source = source["before"]
    return _position(source)


def is_done(es: Elasticsearch, job: Backfill) -> bool:
    """Whether the history is told to its end."""
    return _position(_stored(es, job)).done


def _stored(es: Elasticsearch, job: Backfill) -> dict[str, Any]:
    found = es.options(ignore_status=404).get(index=index_for("backfills"), id=job.id)
    return dict(found.get("_source", {}))


def _position(source: dict[str, Any]) -> Position:
    names = ("cursor", "found", "total", "done")
    return Position(**{name: source[name] for name in names if name in source})


def _new(es: Elasticsearch, run: Run, items: Sequence[FeedItem]) -> list[FeedItem]:
    known = known_ids(es, sorted({item.entry_id for item in items}), run)
    return [item for item in items if item.entry_id not in known]


def _feed(job: Backfill) -> Feed:
    feed = usable_feeds().get(job.feed_id)
    if feed is None:
        raise ConfigError(
            f"No feed is called {job.feed_id!r}. `rasid feeds list` shows the ids; start it again"
            " with one of them."
        )
    if feed.policy == "refuse":
        raise PolicyRefused(f"The registry's policy for {feed.id} is to refuse: nothing was asked.")
    return feed


def _position_path(run: Run) -> str:
    return run.path("position.jsonl.gz")
