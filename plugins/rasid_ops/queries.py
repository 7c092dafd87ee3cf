"""What the pages show, out of Elasticsearch: one or two searches a page, never one a feed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any

from elasticsearch import Elasticsearch

from rasid.pipeline.archive import WarcReader
from rasid.pipeline.records import Archived, Entry, Run
from rasid.pipeline.store import Presence, read_records
from rasid.search import alias, index_for
from rasid.sources import FINE, Feed
from rasid.web import decode


PAGE_SIZE = 50
MOST_FEEDS = 2000
FIRST_LINES, FIRST_CHARACTERS = 30, 4000
_ROLES = ("actors", "targets", "places", "from", "to", "via", "weapons")
_HOURS = 24
_BAR = 4  # width of an hour in the sparkline, whose height is 20


@dataclass(frozen=True, slots=True)
class FeedHealth:
    """A feed as the page *Source health* shows it; `lag` is (p50, p95) in minutes."""

    feed: Feed
    poll: Mapping[str, Any] | None
    hours: tuple[int, ...]
    expected: int | None
    lag: tuple[float, float] | None
    quarantined: int
    alarms: tuple[Mapping[str, Any], ...]

    @property
    def today(self) -> int:
        """Entries first seen in the last 24 hours."""
        return sum(self.hours)

    @property
    def fine(self) -> bool:
        """Whether its newest poll brought what a poll should."""
        return self.poll is not None and self.poll["outcome"] in FINE

    @property
    def rank(self) -> int:
        """0: sick or alarming, 1: never read, 2: well, 3: switched off."""
        if not self.feed.enabled:
            return 3
        if self.alarms or (self.poll is not None and not self.fine):
            return 0
        return 1 if self.poll is None else 2

    @property
    def bars(self) -> str:
        """The hours as the path of an SVG of 96 × 20."""
        most = max(self.hours) or 1
        return "".join(
            f"M{_BAR * n} 20v-{20 * count / most:.1f}h{_BAR - 1}V20z"
            for n, count in enumerate(self.hours)
            if count
        )


def source_health(es: Elasticsearch, feeds: Iterable[Feed], *, now: datetime) -> list[FeedHealth]:
    """Every feed with its newest poll, its last 24 hours and its open alarms; the sick first."""
    since = now - timedelta(hours=_HOURS)
    answers = es.msearch(
        searches=[
            {"index": alias("polls")},
            _newest("polled_at", "feed_id"),
            {"index": alias("entries")},
            _hours_by_feed(since, now),
            {"index": alias("watch")},
            _newest("day", "feed_id"),
            {"index": alias("alarms")},
            {"query": {"term": {"state": "open"}}, "size": MOST_FEEDS},
        ]
    )["responses"]
    polls, entries, watched, alarms = (_checked(answer) for answer in answers)
    newest = {hit["_source"]["feed_id"]: hit["_source"] for hit in polls["hits"]["hits"]}
    hours = {b["key"]: b for b in entries["aggregations"]["today"]["feed"]["buckets"]}
    held = {b["key"]: b["doc_count"] for b in entries["aggregations"]["held"]["feed"]["buckets"]}
    watch = {hit["_source"]["feed_id"]: hit["_source"] for hit in watched["hits"]["hits"]}
    open_alarms: dict[str, list[Mapping[str, Any]]] = {}
    for hit in alarms["hits"]["hits"]:
        open_alarms.setdefault(hit["_source"]["feed_id"] or "", []).append(hit["_source"])
    rows = [
        FeedHealth(
            feed=feed,
            poll=newest.get(feed.id),
            hours=_counts(hours.get(feed.id)),
            expected=_expected(watch.get(feed.id)),
            lag=_lag(watch.get(feed.id)),
            quarantined=held.get(feed.id, 0),
            alarms=tuple(open_alarms.get(feed.id, ())),
        )
        for feed in feeds
    ]
    return sorted(rows, key=lambda row: (row.rank, row.feed.id))


def polls_of(es: Elasticsearch, feed_id: str) -> list[dict[str, Any]]:
    """The newest polls of a feed, newest first."""
    found = es.search(
        index=alias("polls"),
        query={"term": {"feed_id": feed_id}},
        sort=[{"polled_at": "desc"}],
        source_excludes=["state", "head"],
        size=PAGE_SIZE,
    )
    return [hit["_source"] for hit in found["hits"]["hits"]]


@dataclass(frozen=True, slots=True)
class Fate:
    """How many entries ended in one way; `share` in per cent of the most frequent."""

    name: str
    cause: str
    count: int
    share: int


@dataclass(frozen=True, slots=True)
class Day:
    """The books of a day: sums over its runs, and the runs whose books do not close."""

    runs: int
    seen: int
    known: int
    new: int
    carried: int
    open: tuple[tuple[str, str], ...]


def books_of(es: Elasticsearch, feed_id: str, day: date) -> Day | None:
    """The books of one feed (all feeds for "") on a day; None without a run."""
    found = es.search(
        index=alias("runs"),
        query={
            "bool": {
                "filter": [
                    {"term": {"feed_id": feed_id or "*"}},
                    {"range": {"started_at": _whole(day)}},
                ]
            }
        },
        sort=[{"started_at": "desc"}],
        aggs={name: {"sum": {"field": name}} for name in ("seen", "known", "new", "carried")},
        size=1000,
    )
    books = [hit["_source"] for hit in found["hits"]["hits"]]
    if not books:
        return None
    sums = {name: int(value["value"]) for name, value in found["aggregations"].items()}
    return Day(
        runs=len(books),
        open=tuple((b["run_id"], b["difference"]) for b in books if not b["closed"]),
        **sums,
    )


def run_of(es: Elasticsearch, run_id: str) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """A run's closed books by feed, the whole (`*`) first, and the polls' outcomes by feed."""
    mine = {"query": {"term": {"run_id": run_id}}, "size": MOST_FEEDS}
    answers = es.msearch(
        searches=[
            {"index": alias("runs")},
            {**mine, "sort": [{"new": "desc"}, {"feed_id": "asc"}]},
            {"index": alias("polls")},
            {**mine, "_source": ["feed_id", "outcome"]},
        ]
    )["responses"]
    runs, polls = (_checked(answer)["hits"]["hits"] for answer in answers)
    books = [hit["_source"] for hit in runs]
    outcomes = {poll["_source"]["feed_id"]: poll["_source"]["outcome"] for poll in polls}
    return sorted(books, key=lambda book: book["feed_id"] != "*"), outcomes


def entries_in(es: Elasticsearch, run_id: str, number: int) -> list[dict[str, Any]]:
    """The entries of a run's batch as the ledger has them now, in the batch's order.

    LookupError when the batch's file is gone, or there never was one.
    """
    url = Run(run_id, "", datetime.now(UTC)).path(f"batches/{number:04}.jsonl.gz")
    if url not in Presence():
        raise LookupError(f"Run {run_id!r} has no batch {number}, or its files were let go.")
    ids = [entry.entry_id for entry in read_records(url, Entry)]
    found = es.mget(index=index_for("entries"), ids=ids, source_excludes=["item", "history"])
    return [dict(doc["_source"]) for doc in found["docs"] if doc.get("found")]


def fates_of(es: Elasticsearch, feed_id: str, day: date) -> list[Fate]:
    """What became of the entries first seen on a day, the most frequent first."""
    found = es.search(
        index=alias("entries"),
        query={"bool": {"filter": _entries_of(feed_id, day)}},
        aggs={
            "state": {
                "terms": {"field": "state"},
                "aggs": {
                    "outcome": {
                        "terms": {"field": "outcome", "missing": ""},
                        "aggs": {"cause": {"terms": {"field": "cause", "missing": "", "size": 50}}},
                    }
                },
            }
        },
        size=0,
    )
    counted = [
        (outcome["key"] or state["key"], cause["key"], cause["doc_count"])
        for state in found["aggregations"]["state"]["buckets"]
        for outcome in state["outcome"]["buckets"]
        for cause in outcome["cause"]["buckets"]
    ]
    most = max((count for *_, count in counted), default=1)
    fates = [Fate(name, cause, count, round(100 * count / most)) for name, cause, count in counted]
    return sorted(fates, key=lambda fate: (-fate.count, fate.name, fate.cause))


def entries_of(
    es: Elasticsearch,
    feed_id: str,
    day: date,
    *,
    fate: str = "",
    cause: str = "",
    before: Sequence[str] = (),
) -> tuple[list[dict[str, Any]], Sequence[str]]:
    """Entries first seen on a day, newest first, and where the next page starts (or nothing)."""
    chosen = [{"bool": {"should": [{"term": {f: fate}} for f in ("outcome", "state")]}}]
    found = es.search(
        index=alias("entries"),
        query={
            "bool": {
                "filter": [
                    *_entries_of(feed_id, day),
                    *(chosen if fate else []),
                    *([{"term": {"cause": cause}}] if cause else []),
                ]
            }
        },
        sort=[{"first_seen_at": "desc"}, {"entry_id": "asc"}],
        source_excludes=["item", "history"],
        size=PAGE_SIZE,
        search_after=list(before) or None,
    )
    hits = found["hits"]["hits"]
    entries = [hit["_source"] for hit in hits]
    return entries, [str(s) for s in hits[-1]["sort"]] if len(hits) == PAGE_SIZE else ()


def entry(es: Elasticsearch, entry_id: str) -> dict[str, Any] | None:
    """One entry's document."""
    found = es.search(index=alias("entries"), query={"ids": {"values": [entry_id]}}, size=1)
    return next((dict(hit["_source"]) for hit in found["hits"]["hits"]), None)


def mentions(
    es: Elasticsearch, *, tag: str = "", article_id: str = "", size: int = PAGE_SIZE
) -> list[dict[str, Any]]:
    """The newest mentions, each with its sentence in `pieces`: (text, role or "")."""
    found = es.search(
        index=alias("mentions"),
        query={
            "bool": {
                "filter": [
                    *([{"term": {"tag": tag}}] if tag else []),
                    *([{"term": {"article_id": article_id}}] if article_id else []),
                ]
            }
        },
        sort=[{"first_seen_at": "desc"}, {"article_id": "asc"}, {"trigger.start": "asc"}],
        size=size,
    )
    sources = [hit["_source"] for hit in found["hits"]["hits"]]
    return [{**source, "pieces": list(pieces(source))} for source in sources]


def pieces(mention: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The mention's sentence cut at its trigger and roles; together they are the sentence."""
    text, base = mention["sentence"]["text"], mention["sentence"]["start"]
    spans = [(mention["trigger"]["start"], mention["trigger"]["end"], "trigger")]
    for role in _ROLES:
        for span in mention["roles"].get(role) or ():
            # A role outside the sentence was found by coreference.
            inside = base <= span["start"] < span["end"] <= base + len(text)
            if inside and all(span["end"] <= a or span["start"] >= b for a, b, _ in spans):
                spans.append((span["start"], span["end"], role))
    at = 0
    for start, end, role in sorted(spans):
        if start - base > at:
            yield text[at : start - base], ""
        yield text[start - base : end - base], role
        at = end - base
    if at < len(text):
        yield text[at:], ""


def quarantined(
    es: Elasticsearch, *, feed_id: str = "", cause: str = ""
) -> tuple[list[dict[str, Any]], list[tuple[str, int]]]:
    """Quarantined entries, newest first, and the causes of all of them with their counts."""
    found = es.search(
        index=alias("entries"),
        query={
            "bool": {
                "filter": [
                    {"term": {"outcome": "quarantined"}},
                    *([{"term": {"feed_id": feed_id}}] if feed_id else []),
                ]
            }
        },
        post_filter={"term": {"cause": cause}} if cause else None,
        aggs={"cause": {"terms": {"field": "cause", "size": 50}}},
        sort=[{"settled_at": "desc"}, {"entry_id": "asc"}],
        source_excludes=["item", "history"],
        size=PAGE_SIZE,
    )
    causes = [(b["key"], b["doc_count"]) for b in found["aggregations"]["cause"]["buckets"]]
    return [hit["_source"] for hit in found["hits"]["hits"]], causes


def first_lines(entry: Mapping[str, Any]) -> str:
    """The first lines of the entry's archived page as it came; empty where nothing was archived."""
    if not entry["archive"]:
        return ""
    page = WarcReader().page(Archived(**entry["archive"]))
    text = decode(page.body, http_charset=page.http_charset).text
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(islice(filter(None, lines), FIRST_LINES))[:FIRST_CHARACTERS]


def _newest(moment: str, of: str) -> dict[str, Any]:
    """The newest document of each `of`, without what no page shows."""
    return {
        "query": {"match_all": {}},
        "collapse": {"field": of},
        "sort": [{moment: "desc"}],
        "_source": {"excludes": ["state", "head"]},
        "size": MOST_FEEDS,
    }


def _hours_by_feed(since: datetime, now: datetime) -> dict[str, Any]:
    ranges = [
        {"from": (now - timedelta(hours=n)).isoformat(), "to": _hour_after(now, n)}
        for n in range(_HOURS, 0, -1)
    ]
    by_feed = {"field": "feed_id", "size": MOST_FEEDS}
    return {
        "size": 0,
        "aggs": {
            "today": {
                "filter": {"range": {"first_seen_at": {"gte": since.isoformat()}}},
                "aggs": {
                    "feed": {
                        "terms": by_feed,
                        "aggs": {
                            "hour": {"date_range": {"field": "first_seen_at", "ranges": ranges}}
                        },
                    }
                },
            },
            "held": {
                "filter": {"term": {"outcome": "quarantined"}},
                "aggs": {"feed": {"terms": by_feed}},
            },
        },
    }


def _hour_after(now: datetime, hours: int) -> str:
    """The end of the hour that began `hours` ago; the last one holds this very moment too."""
    end = now - timedelta(hours=hours - 1)
    return (end if hours > 1 else end + timedelta(seconds=1)).isoformat()


def _checked(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """One answer of a multi-search, which reports failures as data."""
    if "error" in answer:
        raise RuntimeError(f"Elasticsearch refuses the page's query: {answer['error']}")
    return answer


def _counts(bucket: Mapping[str, Any] | None) -> tuple[int, ...]:
    if bucket is None:
        return (0,) * _HOURS
    return tuple(hour["doc_count"] for hour in bucket["hour"]["buckets"])


def _expected(watch: Mapping[str, Any] | None) -> int | None:
    """What is usual for the feed in a day; None while too little is known, or in an alarm."""
    if watch is None or watch["volume"]["kind"] != "usual":
        return None
    return round(watch["volume"]["expected"])


def _lag(watch: Mapping[str, Any] | None) -> tuple[float, float] | None:
    """(p50, p95) in minutes from publication to the index."""
    if watch is None or not watch["latency"]["articles"]:
        return None
    return watch["latency"]["p50"], watch["latency"]["p95"]


def _entries_of(feed_id: str, day: date) -> list[dict[str, Any]]:
    return [
        {"range": {"first_seen_at": _whole(day)}},
        *([{"term": {"feed_id": feed_id}}] if feed_id else []),
    ]


def _whole(day: date) -> dict[str, str]:
    return {"gte": day.isoformat(), "lt": (day + timedelta(days=1)).isoformat()}
