"""What is kept how long. Nothing that analysts search goes by itself: years go when asked for.

The ledger is pruned where nothing depends on it any more. The entry of an indexed article stays as
long as its article: without it the next poll would take the article for new and index it again,
in another year's partition.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from elasticsearch import ApiError, Elasticsearch, TransportError

from rasid.errors import SearchUnavailable
from rasid.search.migration import superseded
from rasid.search.templates import YEARLY, alias, live_indices


@dataclass(frozen=True, slots=True)
class Rule:
    """Documents of a family that go when `field` is older than `days`, if `only` holds."""

    family: str
    field: str
    days: int
    only: dict[str, Any]


RULES = (
    Rule("polls", "polled_at", 90, {"match_all": {}}),
    Rule("runs", "started_at", 400, {"match_all": {}}),
    Rule("watch", "watched_at", 400, {"match_all": {}}),
    Rule("changes", "compared_at", 180, {"match_all": {}}),
    Rule("alarms", "closed_at", 400, {"term": {"state": "closed"}}),
    # Found again, it would be dropped again.
    Rule(
        "entries",
        "settled_at",
        400,
        {
            "bool": {
                "filter": [
                    {"term": {"state": "settled"}},
                    {"terms": {"outcome": ["dropped", "duplicate"]}},
                ]
            }
        },
    ),
)
# Entries that something or somebody still has to work on: they go for no reason of age.
UNFINISHED: dict[str, Any] = {
    "bool": {
        "should": [
            {"terms": {"state": ["owed", "waiting"]}},
            {"term": {"outcome": "quarantined"}},
        ]
    }
}
# A way back after a migration is wanted soon or never.
SUPERSEDED = timedelta(days=14)


def prune(es: Elasticsearch, *, now: datetime) -> dict[str, int]:
    """Delete what RULES say, and indices that migrations left behind; how much of each went.

    The newest committed poll of a feed stays however old it is: it holds the feed's validators.
    """
    try:
        gone = {rule.family: _pruned(es, rule, now) for rule in RULES}
        old = superseded(es, before=now - SUPERSEDED)
        if old:
            es.indices.delete(index=old)
    except (ApiError, TransportError) as error:
        raise SearchUnavailable(
            f"Old documents could not be deleted ({error}). Repeating it is harmless."
        ) from error
    return {**gone, "superseded indices": len(old)}


def drop_years(es: Elasticsearch, *, before: int) -> list[str]:
    """Delete the articles, mentions, entries and incidents first seen before the year `before`.

    Returns the indices that went. Take a snapshot first: nothing brings them back otherwise.
    Entries that are owed, waiting or in quarantine stay: their article may still come.
    """
    try:
        return _years_dropped(es, before)
    except (ApiError, TransportError) as error:
        raise SearchUnavailable(
            f"Old years could not be deleted ({error}). Repeating it is harmless."
        ) from error


def _years_dropped(es: Elasticsearch, before: int) -> list[str]:
    dropped = []
    for family in YEARLY:
        for index, aliases in live_indices(es, family).items():
            years = {int(name.rpartition("-")[2]) for name in aliases - {alias(family)}}
            if years and max(years) < before:
                es.indices.delete(index=index)
                dropped.append(index)
    old = {"lt": datetime(before, 1, 1, tzinfo=UTC).isoformat()}
    for family, field, kept in (
        ("entries", "first_seen_at", UNFINISHED),
        ("incidents", "updated_at", {"match_none": {}}),
    ):
        es.delete_by_query(
            index=alias(family),
            query={"bool": {"filter": [{"range": {field: old}}], "must_not": [kept]}},
            conflicts="proceed",
            refresh=True,
        )
    return dropped


def _pruned(es: Elasticsearch, rule: Rule, now: datetime) -> int:
    limit = (now - timedelta(days=rule.days)).isoformat()
    gone = es.delete_by_query(
        index=alias(rule.family),
        query={
            "bool": {
                "filter": [{"range": {rule.field: {"lt": limit}}}, rule.only],
                "must_not": [{"ids": {"values": list(_remembered(es, rule.family))}}],
            }
        },
        conflicts="proceed",
        refresh=True,
    )
    return int(gone["deleted"])


def _remembered(es: Elasticsearch, family: str) -> Iterator[str]:
    """Ids of the polls that the next poll of each feed starts from."""
    if family != "polls":
        return
    found = es.search(
        index=alias("polls"),
        query={"term": {"committed": True}},
        collapse={"field": "feed_id"},
        sort=[{"polled_at": "desc"}],
        source=False,
        size=10_000,
    )
    yield from (hit["_id"] for hit in found["hits"]["hits"])
