"""Watch: hold every feed and outlet against its own past, and say what is wrong.

A pass needs nothing of the one before: it counts six weeks anew, writes one document per feed and
day into `rasid-watch`, and reports its findings, which opens and closes alarms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from elasticsearch import Elasticsearch

from rasid.pipeline import measures, reasons
from rasid.pipeline.alarms import Changes, Finding, Kind, Severity, report
from rasid.pipeline.ledger import write_documents
from rasid.pipeline.measures import HISTORY, RECENT, Latency, Reading
from rasid.pipeline.reasons import Reason
from rasid.pipeline.records import Run
from rasid.search import Write, index_for
from rasid.sources import FINE, Feed, Volume, by_hour, judge_volume, usable_feeds


log = structlog.get_logger()

KINDS = (
    Kind.SILENCE,
    Kind.FLOOD,
    Kind.EMPTY_FEED,
    Kind.STALE_FEED,
    Kind.FAILING_FEED,
    Kind.EXTRACTION_DRIFT,
    Kind.CHARSET_REPAIRS,
    Kind.SLOW_INDEXING,
    Kind.BOOKS_OPEN,
    Kind.NO_RUNS,
)
DAY = timedelta(days=1)

EMPTY_STREAK = 2
FAILURE_WEIGHT = 3.0  # three refusals, or twelve passing faults
STALE_AFTER = timedelta(days=7)
UNREAD_AFTER = timedelta(hours=6)  # of a feed that is asked more often; nothing is said of it then
NO_RUNS_AFTER = timedelta(hours=2)  # monitor_news starts every quarter of an hour

FEW, FEW_BEFORE = 30, 60  # articles without which a share means nothing
LENGTH_FACTOR = 2.0
MOVED = 0.3  # a share that moves so far in three days moved for a reason
SLOW_FACTOR = 3.0
SLOW_MINUTES = 60.0  # an hour is no alarm, whatever was usual


@dataclass(frozen=True, slots=True)
class Seen:
    """All that a pass knows, by feed id or by outlet."""

    now: datetime
    volumes: Mapping[str, Volume]
    polls: Mapping[str, dict[str, Any]]
    books: Mapping[str, dict[str, Any]]
    newest: Mapping[str, datetime]
    outlets: Mapping[str, Reading]
    outlets_before: Mapping[str, Reading]
    latency: Mapping[str, Latency]
    latency_before: Latency


def watch(es: Elasticsearch, run: Run) -> Changes:
    """Judge all feeds that are to be read, as of the run's start; what changed among alarms."""
    feeds = [f for f in usable_feeds().values() if f.enabled and f.policy != "refuse"]
    seen = _look(es, feeds, run.started_at)
    _write(es, feeds, seen, run)
    findings = [
        *(finding for feed in feeds for finding in _of_feed(feed, seen)),
        *(finding for outlet in sorted(seen.outlets) for finding in _of_outlet(outlet, seen)),
        *_of_the_whole(seen),
    ]
    changes = report(
        es,
        findings,
        kinds=KINDS,
        at=run.started_at,
        run_id=run.run_id,
        undecided=set(_undecided(feeds, seen)),
    )
    log.info(
        "watched",
        feeds=len(feeds),
        opened=len(changes.opened),
        still_open=len(changes.still_open),
        closed=len(changes.closed),
    )
    return changes


def _look(es: Elasticsearch, feeds: Iterable[Feed], now: datetime) -> Seen:
    hours = measures.polled_hours(es, now)
    return Seen(
        now=now,
        volumes={
            feed.id: judge_volume(by_hour(hours.get(feed.id, ())), timezone=feed.timezone)
            for feed in feeds
        },
        polls=measures.newest_polls(es, now),
        books=measures.newest_books(es, now),
        newest=measures.newest_items(es, now),
        outlets=measures.readings(es, now - RECENT, now, by="outlet"),
        outlets_before=measures.readings(es, now - HISTORY, now - RECENT, by="outlet"),
        latency=measures.latencies(es, now - DAY, now),
        latency_before=measures.latencies(es, now - HISTORY, now - DAY).get("*", Latency()),
    )


def _of_feed(feed: Feed, seen: Seen) -> Iterator[Finding]:
    def finding(kind: Kind, severity: Severity, reason: Reason, **numbers: Any) -> Finding:
        return Finding(
            kind,
            f"feed:{feed.id}",
            severity,
            *reason,
            feed_id=feed.id,
            outlet=feed.outlet,
            country=feed.country,
            **numbers,
        )

    volume = seen.volumes[feed.id]
    numbers = {"value": volume.observed, "expected": volume.expected}
    if volume.kind == "silence":
        reason = reasons.silence(feed.outlet, volume)
        yield finding(Kind.SILENCE, Severity.WARNING, reason, **numbers)
    if volume.kind == "flood":
        reason = reasons.flood(feed.outlet, volume)
        yield finding(Kind.FLOOD, Severity.NOTICE, reason, **numbers)
    poll = seen.polls.get(feed.id)
    if poll is not None:
        streak, outcome = poll["failure_streak"], poll["outcome"]
        if poll["empty_streak"] >= EMPTY_STREAK:
            reason = reasons.empty_feed(feed.outlet, poll["empty_streak"])
            yield finding(Kind.EMPTY_FEED, Severity.WARNING, reason, value=poll["empty_streak"])
        elif outcome not in FINE and poll["failure_weight"] >= FAILURE_WEIGHT:
            said = poll["state"]["last_ok_at"]
            ok_at = datetime.fromisoformat(said) if said else None
            reason = reasons.failing_feed(feed.outlet, outcome, streak, ok_at)
            details = {"outcome": outcome, "error": poll["error"]}
            yield finding(
                Kind.FAILING_FEED, Severity.WARNING, reason, value=streak, details=details
            )
        newest = seen.newest.get(feed.id)
        if outcome in FINE and newest is not None and seen.now - newest > STALE_AFTER:
            reason = reasons.stale_feed(feed.outlet, newest, seen.now)
            yield finding(Kind.STALE_FEED, Severity.NOTICE, reason)
    books = seen.books.get(feed.id)
    if books is not None and not books["closed"]:
        reason = reasons.books_open(feed.id, books["difference"], books["run_id"])
        details = {"run": books["run_id"]}
        yield finding(Kind.BOOKS_OPEN, Severity.CRITICAL, reason, details=details)


def _of_outlet(outlet: str, seen: Seen) -> Iterator[Finding]:
    now, before = seen.outlets[outlet], seen.outlets_before.get(outlet, Reading())
    if not _enough(now, before):
        return
    subject = f"outlet:{outlet}"
    drifts = tuple(drift for drift, drifted in _DRIFTS.items() if drifted(before, now))
    if drifts:
        reason = reasons.extraction_drift(outlet, drifts, before, now)
        yield Finding(
            Kind.EXTRACTION_DRIFT,
            subject,
            Severity.WARNING,
            *reason,
            outlet=outlet,
            details={"drifts": list(drifts), "before": asdict(before), "now": asdict(now)},
        )
    if now.repaired - before.repaired > MOVED:
        reason = reasons.charset_repairs(outlet, before, now)
        yield Finding(
            Kind.CHARSET_REPAIRS,
            subject,
            Severity.NOTICE,
            *reason,
            value=now.repaired,
            expected=before.repaired,
            outlet=outlet,
        )


def _of_the_whole(seen: Seen) -> Iterator[Finding]:
    now, before = seen.latency.get("*", Latency()), seen.latency_before
    slow = now.p50 > max(SLOW_MINUTES, SLOW_FACTOR * before.p50)
    if slow and now.articles >= FEW and before.articles >= FEW_BEFORE:
        yield Finding(
            Kind.SLOW_INDEXING,
            "index",
            Severity.WARNING,
            *reasons.slow_indexing(now.p50, before.p50),
            value=now.p50,
            expected=before.p50,
            details={"p95": now.p95},
        )
    last = seen.books.get("*")
    if last is not None:
        still = seen.now - datetime.fromisoformat(last["settled_at"])
        if still > NO_RUNS_AFTER:
            hours = still // timedelta(hours=1)
            reason = reasons.no_runs(hours)
            yield Finding(Kind.NO_RUNS, "monitor_news", Severity.CRITICAL, *reason, value=hours)


def _undecided(feeds: Iterable[Feed], seen: Seen) -> Iterator[tuple[Kind, str]]:
    """What cannot be judged now: an alarm of it is neither confirmed nor over."""
    for feed in feeds:
        if seen.volumes[feed.id].kind == "unknown" or _is_unread(feed, seen):
            yield from ((kind, f"feed:{feed.id}") for kind in (Kind.SILENCE, Kind.FLOOD))
    for outlet in {*seen.outlets, *seen.outlets_before}:
        now, before = (o.get(outlet, Reading()) for o in (seen.outlets, seen.outlets_before))
        if not _enough(now, before):
            for kind in (Kind.EXTRACTION_DRIFT, Kind.CHARSET_REPAIRS):
                yield kind, f"outlet:{outlet}"
    if seen.latency.get("*", Latency()).articles < FEW:
        yield Kind.SLOW_INDEXING, "index"


def _is_unread(feed: Feed, seen: Seen) -> bool:
    """Whether its last successful poll is too long ago to say anything of the last hours."""
    poll = seen.polls.get(feed.id)
    said = poll["state"]["last_ok_at"] if poll else None
    if poll is None or said is None:
        return True
    often = timedelta(minutes=2 * poll["interval_minutes"])
    return seen.now - datetime.fromisoformat(said) > max(UNREAD_AFTER, often)


def _enough(now: Reading, before: Reading) -> bool:
    return now.articles + now.failed >= FEW and before.articles + before.failed >= FEW_BEFORE


_DRIFTS: Mapping[str, Callable[[Reading, Reading], bool]] = {
    "median_words": lambda before, now: (
        # Without any text the share of empty pages says it.
        now.articles >= FEW
        and before.articles >= FEW_BEFORE
        and not before.median_words / LENGTH_FACTOR
        <= now.median_words
        <= before.median_words * LENGTH_FACTOR
    ),
    "empty": lambda before, now: now.empty - before.empty > MOVED,
    "methods": lambda before, now: _moved(before.methods, now.methods) > MOVED,
    "date_sources": lambda before, now: _moved(before.date_sources, now.date_sources) > MOVED,
}


def _moved(before: Mapping[str, float], now: Mapping[str, float]) -> float:
    """The share that went from one place to another (total variation distance)."""
    if not before or not now:
        return 0.0
    return sum(max(share - before.get(key, 0.0), 0.0) for key, share in now.items())


def _write(es: Elasticsearch, feeds: Iterable[Feed], seen: Seen, run: Run) -> None:
    """One document per feed and day; the day's last pass stands."""
    read = measures.readings(es, seen.now - RECENT, seen.now, by="feed_id")
    day = f"{seen.now:%Y-%m-%d}"
    write_documents(
        es,
        [
            Write(
                index_for("watch"),
                f"{feed.id}|{day}",
                run.revision,
                _document(feed, seen, read.get(feed.id, Reading()), run, day),
            )
            for feed in feeds
        ],
    )


def _document(feed: Feed, seen: Seen, reading: Reading, run: Run, day: str) -> dict[str, Any]:
    poll = seen.polls.get(feed.id, {})
    newest = seen.newest.get(feed.id)
    return {
        "feed_id": feed.id,
        "outlet": feed.outlet,
        "country": feed.country,
        "day": day,
        "watched_at": seen.now.isoformat(),
        "run_id": run.run_id,
        "volume": asdict(seen.volumes[feed.id]),
        "latency": asdict(seen.latency.get(feed.id, Latency())),
        "reading": {**asdict(reading), "empty": reading.empty},
        "newest_at": newest.isoformat() if newest else None,
        **{name: poll.get(name) for name in ("outcome", "empty_streak", "failure_streak")},
    }
