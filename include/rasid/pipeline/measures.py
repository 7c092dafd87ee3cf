"""What the indices say about feeds and outlets: counted by Elasticsearch, nothing judged here.

`now` is the end of what is looked at. Shares are 0 to 1, latencies in minutes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from elasticsearch import Elasticsearch

from rasid.search import alias
from rasid.sources import FINE


HISTORY = timedelta(weeks=6)
RECENT = timedelta(days=3)  # of an outlet's extraction: enough articles, few enough days
# An article seen so long after its date was not news when we found it: a new feed, a backfill.
NOT_NEWS = timedelta(hours=48)
_EVERY = 10_000  # more feeds or outlets than anybody watches


@dataclass(frozen=True, slots=True)
class Reading:
    """How an outlet's articles were read: `median_words`, and shares by what was used."""

    articles: int = 0
    failed: int = 0  # pages without a text
    median_words: float = 0.0
    methods: Mapping[str, float] = field(default_factory=dict)
    date_sources: Mapping[str, float] = field(default_factory=dict)
    repaired: float = 0.0

    @property
    def empty(self) -> float:
        """Share of pages that gave no text."""
        whole = self.articles + self.failed
        return self.failed / whole if whole else 0.0


@dataclass(frozen=True, slots=True)
class Latency:
    """Minutes from publication to the index, of `articles` articles."""

    articles: int = 0
    p50: float = 0.0
    p95: float = 0.0


def polled_hours(es: Elasticsearch, now: datetime) -> dict[str, list[tuple[datetime, int]]]:
    """By feed: (hour, new items) of its successful polls of six weeks."""
    found: dict[str, list[tuple[datetime, int]]] = defaultdict(list)
    sources: list[dict[str, Any]] = [
        {"feed": {"terms": {"field": "feed_id"}}},
        {"hour": {"date_histogram": {"field": "polled_at", "fixed_interval": "1h"}}},
    ]
    query = {"bool": {"filter": [_since("polled_at", now - HISTORY, now), _terms("outcome", FINE)]}}
    counts = {name: {"sum": {"field": name}} for name in ("new", "dropped")}
    for bucket in _composite(es, "polls", query, sources, counts):
        hour = datetime.fromtimestamp(bucket["key"]["hour"] / 1000, UTC)
        # What cannot be followed is dropped anew at each poll: it is no new item.
        new = int(bucket["new"]["value"] - bucket["dropped"]["value"])
        found[bucket["key"]["feed"]].append((hour, new))
    return dict(found)


def newest_polls(es: Elasticsearch, now: datetime) -> dict[str, dict[str, Any]]:
    """By feed: its last poll's document."""
    return _newest(es, "polls", "polled_at", _since("polled_at", now - HISTORY, now))


def newest_books(es: Elasticsearch, now: datetime) -> dict[str, dict[str, Any]]:
    """By feed: the books of the last run that took it up."""
    return _newest(es, "runs", "started_at", _since("started_at", now - HISTORY, now))


def newest_items(es: Elasticsearch, now: datetime) -> dict[str, datetime]:
    """By feed: the date of the newest item it ever listed; dates to come do not count."""
    buckets = _by(es, "entries", "feed_id", [_since("published_at", None, now)], _NEWEST)
    return {
        b["key"]: datetime.fromtimestamp(b["newest"]["value"] / 1000, UTC)
        for b in buckets
        if b["newest"]["value"] is not None
    }


def readings(es: Elasticsearch, since: datetime, until: datetime, *, by: str) -> dict[str, Reading]:
    """By `feed_id` or `outlet`: how the articles first seen then were read."""
    within = _since("first_seen_at", since, until)
    lost = [within, _terms("cause", ("no_text", "extract_failed"))]
    failed = {b["key"]: int(b["doc_count"]) for b in _by(es, "entries", by, lost, {})}
    found = {b["key"]: b for b in _by(es, "articles", by, [within], _READ)}
    return {key: _reading(found.get(key), failed.get(key, 0)) for key in sorted({*found, *failed})}


def latencies(es: Elasticsearch, since: datetime, until: datetime) -> dict[str, Latency]:
    """By feed, and of all under `*`: how long articles took from their date to the index.

    An entry knows the run that settled it; how long that run went on is added as the runs' median.
    """
    run = _run_minutes(es, since, until)
    news = {"range": {"latency": {"gte": 0, "lte": NOT_NEWS.total_seconds() / 60}}}
    within = [_since("first_seen_at", since, until), _terms("outcome", ("indexed",)), news]
    answer = es.search(
        index=alias("entries"),
        query={"bool": {"filter": within}},
        runtime_mappings={"latency": {"type": "double", "script": {"source": _LATENCY}}},
        aggs={"feed": {"terms": {"field": "feed_id", "size": _EVERY}, "aggs": _P}, **_P},
        size=0,
        track_total_hits=True,
    )
    whole = {"doc_count": answer["hits"]["total"]["value"], "p": answer["aggregations"]["p"]}
    buckets = [*answer["aggregations"]["feed"]["buckets"], {"key": "*", **whole}]
    return {
        b["key"]: Latency(
            int(b["doc_count"]), *(b["p"]["values"][p] + run for p in ("50.0", "95.0"))
        )
        for b in buckets
        if b["doc_count"]
    }


_NEWEST = {"newest": {"max": {"field": "published_at"}}}
_P = {"p": {"percentiles": {"field": "latency", "percents": [50, 95]}}}
_READ = {
    "words": {"percentiles": {"field": "words", "percents": [50]}},
    "methods": {"terms": {"field": "extraction_method"}},
    "dates": {"terms": {"field": "published_source", "missing": "none"}},
    "repaired": {"filter": {"term": {"flags": "charset_repaired"}}},
}
_LATENCY = (
    "if (doc['published_at'].size() > 0 && doc['settled_at'].size() > 0) {"
    " emit((doc['settled_at'].value.toInstant().toEpochMilli()"
    " - doc['published_at'].value.toInstant().toEpochMilli()) / 60000.0) }"
)


def _reading(bucket: Mapping[str, Any] | None, failed: int) -> Reading:
    if bucket is None:
        return Reading(failed=failed)
    count = int(bucket["doc_count"])
    return Reading(
        articles=count,
        failed=failed,
        median_words=bucket["words"]["values"]["50.0"] or 0.0,
        methods=_shares(bucket["methods"]),
        date_sources=_shares(bucket["dates"]),
        repaired=bucket["repaired"]["doc_count"] / count,
    )


def _shares(terms: Mapping[str, Any]) -> dict[str, float]:
    counts = {b["key"] or "none": b["doc_count"] for b in terms["buckets"]}
    whole = sum(counts.values())
    return {key: count / whole for key, count in counts.items()}


def _run_minutes(es: Elasticsearch, since: datetime, until: datetime) -> float:
    answer = es.search(
        index=alias("runs"),
        query={"bool": {"filter": [_since("started_at", since, until), _terms("feed_id", ("*",))]}},
        aggs={"p": {"percentiles": {"field": "duration_ms", "percents": [50]}}},
        size=0,
    )
    return float(answer["aggregations"]["p"]["values"]["50.0"] or 0.0) / 60_000


def _newest(
    es: Elasticsearch, family: str, order: str, within: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    answer = es.search(
        index=alias(family),
        query={"bool": {"filter": [within]}},
        collapse={"field": "feed_id"},
        sort=[{order: "desc"}],
        source_excludes=["head"],
        size=_EVERY,
    )
    return {hit["_source"]["feed_id"]: hit["_source"] for hit in answer["hits"]["hits"]}


def _by(
    es: Elasticsearch,
    family: str,
    by: str,
    filters: list[dict[str, Any]],
    aggs: Mapping[str, Any],
) -> list[dict[str, Any]]:
    grouped = {"terms": {"field": by, "size": _EVERY}, "aggs": aggs}
    answer = es.search(
        index=alias(family), query={"bool": {"filter": filters}}, aggs={"by": grouped}, size=0
    )
    return list(answer["aggregations"]["by"]["buckets"])


def _composite(
    es: Elasticsearch,
    family: str,
    query: Mapping[str, Any],
    sources: list[dict[str, Any]],
    aggs: Mapping[str, Any],
) -> Iterator[dict[str, Any]]:
    """Every bucket, page by page."""
    after: dict[str, Any] = {}
    while True:
        pages = {"composite": {"sources": sources, "size": 10_000, **after}, "aggs": aggs}
        answer = es.search(index=alias(family), query=query, aggs={"by": pages}, size=0)
        found = answer["aggregations"]["by"]
        yield from found["buckets"]
        if "after_key" not in found:
            return
        after = {"after": found["after_key"]}


def _since(name: str, since: datetime | None, until: datetime) -> dict[str, Any]:
    start = {"gte": since.isoformat()} if since else {}
    return {"range": {name: {**start, "lt": until.isoformat()}}}


def _terms(name: str, values: Any) -> dict[str, Any]:
    return {"terms": {name: sorted(values)}}
