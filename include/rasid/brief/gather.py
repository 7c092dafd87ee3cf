"""What a brief tells, out of Elasticsearch alone.

A period is any span of time; its figures stand beside those of the seven days before it, scaled to
its length. Events are incidents with a report inside the period; each carries its claims, one a
mention, so that every line of the brief leads to an article and quotes its sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from elasticsearch import Elasticsearch

from rasid.errors import ConfigError
from rasid.kibana.atlas import Spot, spots
from rasid.search import alias


WEEK = timedelta(days=7)
MOST_ATTACKS, MOST_MOVEMENTS = 30, 20
MOST_CLAIMS = 6  # of one event, the surest of each newsroom first
HAPPENED = ("factual", "foiled")
_FINE = ("ok", "not_modified", "unchanged")


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` (inclusive) to `until` (exclusive), both aware."""

    since: datetime
    until: datetime

    @classmethod
    def asked(cls, since: str | None, until: str | None, *, at: datetime) -> Period:
        """The period a person asked for (ISO 8601, UTC where no zone is given).

        Without an end, the full hour before `at`; without a start, a day before the end.
        ConfigError when the ends are the wrong way round.
        """
        end = _read(until) if until else at.replace(minute=0, second=0, microsecond=0)
        start = _read(since) if since else end - timedelta(days=1)
        if start >= end:
            raise ConfigError(
                f"The period ends ({end:%Y-%m-%d %H:%M}) before it starts ({start:%Y-%m-%d %H:%M})."
                " Give an earlier start or a later end."
            )
        return cls(start, end)

    @property
    def week_before(self) -> Period:
        """The seven days that end where this begins."""
        return Period(self.since - WEEK, self.since)

    @property
    def scale(self) -> float:
        """What a count of the week before is multiplied by to be compared with one of this."""
        return (self.until - self.since) / WEEK

    def of(self, field: str) -> dict[str, Any]:
        """The query for documents whose `field` lies inside."""
        span = {"gte": self.since.isoformat(), "lt": self.until.isoformat()}
        return {"range": {field: span}}


@dataclass(frozen=True, slots=True)
class Figure:
    """A headline figure; `usual` is the week before's, scaled to the period."""

    name: str
    now: int
    usual: float


@dataclass(frozen=True, slots=True)
class Claim:
    """What one article says of an event, in its own words."""

    outlet: str
    newsroom: str
    url: str
    title: str
    published_at: datetime
    sentence: str
    status: str  # of the attribution: claimed, accused, witness, official, media or none
    speaker: str
    modality: str
    actors: tuple[str, ...]
    killed: tuple[int, int] | None
    injured: tuple[int, int] | None
    confidence: float


@dataclass(frozen=True, slots=True)
class Event:
    """An incident with its claims; `sources` counts newsrooms, `contradictions` names fields."""

    incident_id: str
    tag: str
    is_new: bool
    actors: tuple[str, ...]
    places: tuple[str, ...]
    origins: tuple[str, ...]
    destinations: tuple[str, ...]
    kinds: tuple[str, ...]
    modality: str
    killed: tuple[int, int] | None
    injured: tuple[int, int] | None
    at: datetime
    sources: int
    confidence: float
    contradictions: tuple[str, ...]
    first_outlet: str
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class Unread:
    """A feed that failed at its last poll of the period."""

    feed_id: str
    outlet: str
    outcome: str
    error: str
    failures: int


@dataclass(frozen=True, slots=True)
class Brief:
    """Everything that the page shows."""

    period: Period
    figures: tuple[Figure, ...]
    hours: tuple[tuple[datetime, int, int], ...]  # (start, attacks, movements), evenly spaced
    attacks: tuple[Event, ...]
    movements: tuple[Event, ...]
    more_attacks: int
    more_movements: int
    spots: tuple[Spot, ...]
    feeds: int
    unread: tuple[Unread, ...]
    waiting: int
    quarantined: int

    @property
    def disputed(self) -> tuple[Event, ...]:
        """Events of which sources say different things."""
        return tuple(e for e in (*self.attacks, *self.movements) if e.contradictions)


def _read(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"{text!r} is no date. Write it as 2026-11-28T00:00Z.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def gather(es: Elasticsearch, period: Period) -> Brief:
    """The brief of `period`."""
    attacks, more_attacks = _events(es, period, "attack", MOST_ATTACKS)
    movements, more_movements = _events(es, period, "troop_movement", MOST_MOVEMENTS)
    feeds, unread = _feeds(es, period)
    ledger = es.search(
        index=alias("entries"),
        query=period.of("first_seen_at"),
        aggs={
            "waiting": {"filter": {"term": {"state": "waiting"}}},
            "quarantined": {"filter": {"term": {"outcome": "quarantined"}}},
        },
        size=0,
    )["aggregations"]
    return Brief(
        period=period,
        figures=_figures(es, period),
        hours=_timeline(es, period),
        attacks=attacks,
        movements=movements,
        more_attacks=more_attacks,
        more_movements=more_movements,
        spots=tuple(spots(es, {"from": period.since.isoformat(), "to": period.until.isoformat()})),
        feeds=feeds,
        unread=unread,
        waiting=ledger["waiting"]["doc_count"],
        quarantined=ledger["quarantined"]["doc_count"],
    )


def _figures(es: Elasticsearch, period: Period) -> tuple[Figure, ...]:
    before = period.week_before
    asked = [
        ("militia_attacks", "incidents", "first_reported_at", {"tag": "militia_attack"}),
        ("attacks", "incidents", "first_reported_at", {"event": "attack"}),
        ("movements", "incidents", "first_reported_at", {"event": "troop_movement"}),
        ("articles", "articles", "first_seen_at", {}),
    ]
    figures = [
        Figure(
            name,
            _count(es, family, period.of(field), terms),
            _count(es, family, before.of(field), terms) * period.scale,
        )
        for name, family, field, terms in asked
    ]
    now, usual = (_killed(es, span) for span in (period, before))
    return (*figures, Figure("killed_at_least", now, usual * period.scale))


def _count(
    es: Elasticsearch, family: str, span: Mapping[str, Any], terms: Mapping[str, str]
) -> int:
    happened = [{"terms": {"modality": HAPPENED}}] if terms else []
    filters = [span, *happened, *({"term": {name: value}} for name, value in terms.items())]
    return int(es.count(index=alias(family), query={"bool": {"filter": filters}})["count"])


def _killed(es: Elasticsearch, period: Period) -> int:
    """The lowest number told of each attack that happened, added up."""
    found = es.search(
        index=alias("incidents"),
        query={
            "bool": {
                "filter": [
                    period.of("first_reported_at"),
                    {"term": {"event": "attack"}},
                    {"term": {"modality": "factual"}},
                ]
            }
        },
        aggs={"killed": {"sum": {"field": "killed.min"}}},
        size=0,
    )
    return int(found["aggregations"]["killed"]["value"])


def _timeline(es: Elasticsearch, period: Period) -> tuple[tuple[datetime, int, int], ...]:
    """Incidents by the hour they were first reported in; by the day for long periods."""
    step = "1h" if period.until - period.since <= timedelta(days=2) else "1d"
    bounds = {
        "min": int(period.since.timestamp() * 1000),
        "max": int((period.until - timedelta(milliseconds=1)).timestamp() * 1000),
    }
    found = es.search(
        index=alias("incidents"),
        query={
            "bool": {"filter": [period.of("first_reported_at"), {"terms": {"modality": HAPPENED}}]}
        },
        aggs={
            "step": {
                "date_histogram": {
                    "field": "first_reported_at",
                    "fixed_interval": step,
                    "extended_bounds": bounds,
                },
                "aggs": {"movements": {"filter": {"term": {"event": "troop_movement"}}}},
            }
        },
        size=0,
    )
    return tuple(
        (
            datetime.fromtimestamp(b["key"] / 1000, tz=period.since.tzinfo),
            b["doc_count"] - b["movements"]["doc_count"],
            b["movements"]["doc_count"],
        )
        for b in found["aggregations"]["step"]["buckets"]
    )


def _events(
    es: Elasticsearch, period: Period, event: str, most: int
) -> tuple[tuple[Event, ...], int]:
    """The weightiest incidents reported in the period, and how many more there are."""
    found = es.search(
        index=alias("incidents"),
        query={
            "bool": {
                "filter": [
                    {"term": {"event": event}},
                    {"range": {"first_reported_at": {"lt": period.until.isoformat()}}},
                    {"range": {"last_reported_at": {"gte": period.since.isoformat()}}},
                ]
            }
        },
        # What many newsrooms tell first; then what cost most lives; then the surest.
        sort=[
            {"sources": "desc"},
            {"killed.max": {"order": "desc", "missing": "_last"}},
            {"confidence": "desc"},
            {"incident_id": "asc"},
        ],
        size=most,
        track_total_hits=True,
    )["hits"]
    sources = [hit["_source"] for hit in found["hits"]]
    mentions = _mentions(es, [i for source in sources for i in source["mention_ids"]])
    events = tuple(_event(source, mentions, period) for source in sources)
    return events, max(found["total"]["value"] - len(events), 0)


def _mentions(es: Elasticsearch, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, len(ids), 1000):
        part = list(ids[start : start + 1000])
        hits = es.search(
            index=alias("mentions"), query={"terms": {"mention_id": part}}, size=len(part)
        )["hits"]["hits"]
        found |= {hit["_source"]["mention_id"]: hit["_source"] for hit in hits}
    return found


def _event(
    source: Mapping[str, Any], mentions: Mapping[str, Mapping[str, Any]], period: Period
) -> Event:
    told = [_claim(mentions[i]) for i in source["mention_ids"] if i in mentions]
    first_reported = datetime.fromisoformat(source["first_reported_at"])
    return Event(
        incident_id=source["incident_id"],
        tag=source["tag"],
        is_new=first_reported >= period.since,
        actors=tuple(source["actors"]),
        places=tuple(source["places"]),
        origins=tuple(source["from"]),
        destinations=tuple(source["to"]),
        kinds=tuple(source["kinds"]),
        modality=source["modality"] or "",
        killed=_range(source["killed"]),
        injured=_range(source["injured"]),
        at=datetime.fromisoformat(source["event_time"]),
        sources=source["sources"],
        confidence=source["confidence"],
        contradictions=tuple(source["contradictions"]),
        first_outlet=source["first_outlet"] or "",
        claims=tuple(_best(told)),
    )


def _best(claims: Iterable[Claim]) -> list[Claim]:
    """At most MOST_CLAIMS: the surest of every newsroom before a second of any."""
    ordered = sorted(claims, key=lambda c: (-c.confidence, c.published_at))
    seen: dict[str, int] = {}
    ranked = []
    for claim in ordered:
        ranked.append((seen.get(claim.newsroom, 0), claim))
        seen[claim.newsroom] = seen.get(claim.newsroom, 0) + 1
    chosen = sorted(ranked, key=lambda pair: pair[0])[:MOST_CLAIMS]
    return sorted((claim for _, claim in chosen), key=lambda c: c.published_at)


def _claim(mention: Mapping[str, Any]) -> Claim:
    said = mention["attribution"]
    return Claim(
        outlet=mention["outlet"],
        newsroom=mention["newsroom"],
        url=mention["url"],
        title=mention["title"],
        published_at=datetime.fromisoformat(mention["published_at"] or mention["first_seen_at"]),
        sentence=mention["sentence"]["text"],
        status=said["status"],
        speaker=said["speaker"] or "",
        modality=mention["modality"],
        actors=tuple(mention["actor"]),
        killed=_range(mention["killed"]),
        injured=_range(mention["injured"]),
        confidence=mention["confidence"],
    )


def _range(count: Mapping[str, int | None] | None) -> tuple[int, int] | None:
    """(least, most); an open end counts as the number that was told."""
    if count is None:
        return None
    told = [number for number in (count["min"], count["max"]) if number is not None]
    return (min(told), max(told)) if told else None


def _feeds(es: Elasticsearch, period: Period) -> tuple[int, tuple[Unread, ...]]:
    """How many feeds were polled in the period, and those whose last poll failed."""
    hits = es.search(
        index=alias("polls"),
        query=period.of("polled_at"),
        collapse={"field": "feed_id"},
        sort=[{"polled_at": "desc"}],
        source_includes=["feed_id", "outlet", "outcome", "error", "failure_streak"],
        size=10_000,
    )["hits"]["hits"]
    polls = [hit["_source"] for hit in hits]
    unread = [
        Unread(p["feed_id"], p["outlet"], p["outcome"], p["error"] or "", p["failure_streak"])
        for p in polls
        if p["outcome"] not in _FINE
    ]
    return len(polls), tuple(sorted(unread, key=lambda u: (-u.failures, u.feed_id)))
