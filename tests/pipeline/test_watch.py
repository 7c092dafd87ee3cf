"""Watching on the real node: eight weeks of eight feeds, with Fridays and a Ramadan.

On the regular pattern nothing is said; each seeded fault raises its alarm and no other, and the
alarm closes by itself when the fault is over.
"""

from __future__ import annotations

import random
import re

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from elasticsearch.helpers import bulk

from rasid.pipeline.alarms import Changes, Kind, open_alarms
from rasid.pipeline.records import Run
from rasid.pipeline.watch import watch
from rasid.search import index_for
from rasid.settings import settings


pytestmark = pytest.mark.node

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START = datetime(2026, 1, 20, tzinfo=UTC)
RAMADAN = (datetime(2026, 2, 18, tzinfo=UTC), datetime(2026, 3, 20, tzinfo=UTC))
FAULT = datetime(2026, 3, 8, 15, tzinfo=UTC)  # a Sunday in Ramadan, 18:00 in Baghdad
END = FAULT + 6 * DAY

# Feed → usual new items in an hour of the day.
FEEDS = {
    "wakala": 12.0,
    "mirbad": 4.0,
    "furat": 4.0,
    "waraq": 3.0,
    "khali": 1.0,
    "maksur": 1.0,
    "qadim": 0.1,
    "daftar": 1.0,
}


def usual(feed: str, hour: datetime) -> float:
    """Days from 8 to 22, in Ramadan from 13 to 2; Fridays are slow."""
    local = hour + 3 * HOUR
    fasting = RAMADAN[0] <= local < RAMADAN[1]
    awake = local.hour >= 13 or local.hour < 2 if fasting else 8 <= local.hour < 22
    return FEEDS[feed] * (0.4 if local.weekday() == 4 else 1.0) if awake else 0.0


@dataclass
class History:
    """What the ledger of these weeks holds; `faulty` makes the faults around FAULT."""

    faulty: bool
    chance: random.Random = field(default_factory=lambda: random.Random(11))

    def during(
        self, hour: datetime, *, days: float = 0, hours: float = 0, after: float = 0
    ) -> bool:
        """Whether a fault that began so long before FAULT, and ended hours after it, is on."""
        start = FAULT - timedelta(days=days, hours=hours)
        return self.faulty and start <= hour < FAULT + timedelta(hours=after)

    def new(self, feed: str, hour: datetime) -> int:
        """Items found in the hour: bursts of two around what is usual."""
        if feed == "mirbad" and self.during(hour, hours=30, after=1):
            return 0
        if feed == "qadim" and self.during(hour, days=10, after=1):
            return 0
        if feed == "furat" and self.during(hour, hours=1):
            return 150
        mean = usual(feed, hour) / 2
        return 2 * sum(self.chance.random() < mean / 20 for _ in range(20))

    def documents(self) -> Iterator[dict[str, Any]]:
        hour = START
        while hour < END:
            for feed in FEEDS:
                yield from self.hour_of(feed, hour)
            run = {"run_id": f"r{hour}", "duration_ms": 120_000, "difference": ""}
            whole = {"feed_id": "*", "closed": True, "started_at": hour + HOUR / 4}
            if not self.during(hour, hours=0, after=6):
                yield self.document("runs", {**run, **whole, "settled_at": hour + HOUR / 3})
            hour += HOUR

    def hour_of(self, feed: str, hour: datetime) -> Iterator[dict[str, Any]]:
        new, polled = self.new(feed, hour), hour + HOUR / 2
        empty = feed == "khali" and self.during(hour, hours=4, after=1)
        failing = feed == "maksur" and self.during(hour, days=2, after=1)
        poll = {
            "feed_id": feed,
            "polled_at": polled,
            "outcome": "ok" if new else "not_modified",
            "new": new + 1,
            "dropped": 1,  # an advertisement, at every poll
            "error": "",
            "interval_minutes": 60,
            "empty_streak": 0,
            "failure_streak": 0,
            "failure_weight": 0.0,
            "state": {"last_ok_at": polled.isoformat()},
        }
        if empty:
            poll |= {"outcome": "empty_feed", "empty_streak": 4, "failure_weight": 2.0}
            poll |= {"state": {"last_ok_at": (FAULT - 4 * HOUR).isoformat()}}
        if failing:
            poll |= {"outcome": "forbidden", "failure_streak": 9, "failure_weight": 9.0}
            poll |= {"state": {"last_ok_at": (FAULT - 2 * DAY).isoformat()}}
        if empty or failing:
            new = 0
            poll["new"] = 0
        yield self.document("polls", poll)
        closed = not (feed == "daftar" and self.during(hour, hours=3, after=1))
        books = {"run_id": f"r{hour}", "feed_id": feed, "closed": closed, "started_at": polled}
        yield self.document("runs", {**books, "difference": "" if closed else "seen 3 ≠ known 2"})
        for _ in range(min(new, 6)):
            yield from self.article(feed, hour)

    def article(self, feed: str, hour: datetime) -> Iterator[dict[str, Any]]:
        seen = hour + HOUR / 2
        drifted = feed == "waraq" and self.during(hour, days=3, after=1)
        repaired = feed == "wakala" and self.during(hour, days=3, after=1)
        late = self.during(hour, days=1, after=1)
        minutes = self.chance.gauss(220, 20) if late else self.chance.gauss(20, 5)
        source = {"feed_id": feed, "outlet": f"صحيفة {feed}", "first_seen_at": seen}
        dates = {"published_at": seen - timedelta(minutes=minutes), "settled_at": seen}
        outcome = {"outcome": "indexed", "cause": None}
        if self.chance.random() < (0.6 if drifted else 0.04):
            yield self.document(
                "entries",
                {**source, **dates, "outcome": "quarantined", "cause": "no_text"},
            )
            return
        yield self.document("entries", {**source, **dates, **outcome})
        yield self.document(
            "articles",
            {
                **source,
                "words": round(self.chance.gauss(40 if drifted else 160, 10)),
                "extraction_method": "resiliparse" if drifted else "trafilatura",
                "published_source": "feed" if self.chance.random() < 0.9 else None,
                "flags": ["charset_repaired"] if repaired and self.chance.random() < 0.8 else [],
            },
        )

    def document(self, family: str, source: dict[str, Any]) -> dict[str, Any]:
        year = source["first_seen_at"] if family == "articles" else None
        return {"_index": index_for(family, year), "_source": source}


@pytest.fixture
def watching(es, tmp_path, monkeypatch):
    """Writes a history; then watches as of a time."""
    feeds = [
        {
            "id": feed,
            "outlet": f"صحيفة {feed}",
            "url": f"https://{feed}.test/rss",
            "timezone": "Asia/Baghdad",
        }
        for feed in FEEDS
    ]
    registry = tmp_path / "feeds.yaml"
    registry.write_text(yaml.safe_dump({"feeds": feeds}, allow_unicode=True), "utf-8")
    monkeypatch.setenv("RASID_FEEDS", str(registry))
    settings.cache_clear()

    def at(now: datetime) -> Changes:
        return watch(es, Run(f"watch__{now}", "watch_sources", now))

    def seeded(*, faulty: bool):
        bulk(es, History(faulty).documents(), chunk_size=2000)
        es.indices.refresh(index="rasid-*")
        return at

    yield seeded
    settings.cache_clear()


def kinds(alarms) -> dict[str, list[str]]:
    """Subjects by kind."""
    found: dict[str, list[str]] = {}
    for alarm in sorted(alarms, key=lambda a: (a.finding.kind, a.finding.subject)):
        found.setdefault(alarm.finding.kind.value, []).append(alarm.finding.subject)
    return found


def test_the_regular_pattern_raises_no_alarm(es, watching):
    """Nights, Fridays, the first days and nights of Ramadan, and its third week."""
    at = watching(faulty=False)
    ramadan = datetime(2026, 2, 18, tzinfo=UTC)
    nights = [ramadan + n * DAY + hour * HOUR for n in (-1, 0, 1, 2, 9) for hour in (3, 9.5, 20)]
    fridays = [datetime(2026, 2, 13, hour, 1, tzinfo=UTC) for hour in (4, 18)]
    for now in [*fridays, *nights, FAULT - DAY, FAULT, END - HOUR]:
        assert kinds(at(now).opened) == {}, now
    document = es.get(index="rasid-watch", id=f"wakala|{FAULT:%Y-%m-%d}")["_source"]
    assert document["volume"]["kind"] == "usual"
    assert document["volume"]["expected"] == pytest.approx(12 * 13, rel=0.2)
    assert document["volume"]["observed"] == pytest.approx(12 * 13, rel=0.35)
    # The run's two minutes count: an article is there when its run ends.
    assert document["latency"]["p50"] == pytest.approx(22, abs=2)
    assert document["latency"]["p95"] == pytest.approx(30, abs=4)
    assert document["reading"]["methods"] == {"trafilatura": 1.0}
    assert document["reading"]["median_words"] == pytest.approx(160, abs=10)
    assert 0 < document["reading"]["empty"] < 0.1


def test_each_fault_raises_its_alarm_and_its_end_closes_it(es, watching):
    at = watching(faulty=True)
    assert kinds(at(FAULT - 12 * DAY).opened) == {}
    found = at(FAULT).opened
    assert kinds(found) == {
        "silence": ["feed:mirbad"],
        "flood": ["feed:furat"],
        "empty_feed": ["feed:khali"],
        "failing_feed": ["feed:maksur"],
        "stale_feed": ["feed:qadim"],
        "books_open": ["feed:daftar"],
        "extraction_drift": ["outlet:صحيفة waraq"],
        "charset_repairs": ["outlet:صحيفة wakala"],
        "slow_indexing": ["index"],
    }
    said = {alarm.finding.kind: alarm.finding for alarm in found}
    silence = said[Kind.SILENCE]
    # Thirty hours, and the quiet ones before.
    assert re.match(r"No new item from صحيفة mirbad for [34]\d hours; about", silence.reason_en)
    assert re.match(r"لا خبر جديد من صحيفة mirbad منذ [34]\d ساعة؛", silence.reason_ar)
    assert silence.expected > 40
    drift = said[Kind.EXTRACTION_DRIFT]
    assert drift.details["drifts"] == ["median_words", "empty", "methods"]
    assert "texts are found by resiliparse 100%, it was trafilatura 100%" in drift.reason_en

    # Told once; and when no run ends for hours, that is said too.
    later = at(FAULT + 5 * HOUR)
    assert kinds(later.opened) == {"no_runs": ["monitor_news"]}
    assert "flood" in kinds(later.closed)

    over = at(END - HOUR)
    assert open_alarms(es) == []
    assert {"silence", "extraction_drift", "no_runs"} <= set(kinds(over.closed)) | set(
        kinds(later.closed)
    )


def test_a_feed_that_cannot_be_read_is_not_called_recovered(es, watching):
    """Silent, then unreachable: nobody knows whether the silence is over."""
    at = watching(faulty=True)
    at(FAULT)
    es.update_by_query(
        index="rasid-polls",
        query={
            "bool": {
                "filter": [
                    {"term": {"feed_id": "mirbad"}},
                    {"range": {"polled_at": {"gte": FAULT.isoformat()}}},
                ]
            }
        },
        script={
            "source": "ctx._source.outcome = 'unreachable'; ctx._source.state.last_ok_at = params.at",
            "params": {"at": (FAULT - HOUR / 2).isoformat()},
        },
        refresh=True,
    )
    at(FAULT + DAY)
    assert kinds(open_alarms(es))["silence"] == ["feed:mirbad"]
