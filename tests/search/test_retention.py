"""What goes and what stays, on the real node."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rasid.search import Write, index_for, write_all
from rasid.search.retention import drop_years, prune


NOW = datetime.now(UTC)
pytestmark = pytest.mark.node


def ago(days: int) -> str:
    return (NOW - timedelta(days=days)).isoformat()


def ids(es, family: str) -> set[str]:
    es.indices.refresh(index="rasid-*")
    return {hit["_id"] for hit in es.search(index=f"rasid-{family}", size=100)["hits"]["hits"]}


def store(es, family: str, documents: dict[str, dict]) -> None:
    index = index_for(family)
    results = write_all(es, [Write(index, name, 1, source) for name, source in documents.items()])
    assert {result.status for result in results} == {"created"}
    es.indices.refresh(index=index)


def test_old_polls_go_but_never_what_the_next_poll_starts_from(es):
    polls = {
        "old": {"feed_id": "a", "polled_at": ago(200), "committed": True},
        "old failed": {"feed_id": "a", "polled_at": ago(150), "committed": False},
        "newest of a": {"feed_id": "a", "polled_at": ago(120), "committed": True},
        "only of b": {"feed_id": "b", "polled_at": ago(400), "committed": True},
        "new": {"feed_id": "c", "polled_at": ago(1), "committed": True},
    }
    store(es, "polls", polls)
    assert prune(es, now=NOW)["polls"] == 2
    assert ids(es, "polls") == {"newest of a", "only of b", "new"}
    assert prune(es, now=NOW)["polls"] == 0


def test_entries_go_only_when_nothing_depends_on_them(es):
    old = {"settled_at": ago(500), "state": "settled", "first_seen_at": ago(500)}
    entries = {
        "dropped": {**old, "outcome": "dropped"},
        "duplicate": {**old, "outcome": "duplicate"},
        "indexed": {**old, "outcome": "indexed"},
        "quarantined": {**old, "outcome": "quarantined"},
        "waiting": {"state": "waiting", "first_seen_at": ago(500)},
        "fresh": {**old, "outcome": "dropped", "settled_at": ago(3)},
    }
    store(es, "entries", entries)
    assert prune(es, now=NOW)["entries"] == 2
    assert ids(es, "entries") == {"indexed", "quarantined", "waiting", "fresh"}


def test_open_alarms_stay_however_old(es):
    store(
        es,
        "alarms",
        {
            "closed": {"state": "closed", "opened_at": ago(600), "closed_at": ago(500)},
            "open": {"state": "open", "opened_at": ago(600)},
        },
    )
    store(es, "runs", {"old": {"started_at": ago(401)}, "new": {"started_at": ago(399)}})
    gone = prune(es, now=NOW)
    assert (gone["alarms"], gone["runs"]) == (1, 1)
    assert ids(es, "alarms") == {"open"}


def test_nothing_unfinished_goes_with_its_year(es):
    """An entry of long ago may be waiting for a person."""
    at = {"first_seen_at": "2018-06-01T00:00:00Z"}
    entries = {
        "quarantined": {**at, "state": "settled", "outcome": "quarantined"},
        "waiting": {**at, "state": "waiting"},
        "owed": {**at, "state": "owed"},
        "indexed": {**at, "state": "settled", "outcome": "indexed"},
    }
    store(es, "entries", entries)
    drop_years(es, before=2020)
    assert ids(es, "entries") == {"quarantined", "waiting", "owed"}


def test_comparisons_and_watches_go_by_their_own_age(es):
    store(es, "changes", {"old": {"compared_at": ago(181)}, "new": {"compared_at": ago(179)}})
    store(es, "watch", {"old": {"watched_at": ago(401)}, "new": {"watched_at": ago(399)}})
    gone = prune(es, now=NOW)
    assert (gone["changes"], gone["watch"]) == (1, 1)
    assert ids(es, "changes") == ids(es, "watch") == {"new"}


def test_a_year_goes_whole_with_its_entries_and_incidents(es):
    for year in (2018, 2019, 2020):
        at = datetime(year, 6, 1, tzinfo=UTC)
        for family, field in (
            ("articles", "first_seen_at"),
            ("mentions", "first_seen_at"),
            ("entries", "first_seen_at"),
            ("incidents", "updated_at"),
        ):
            index = index_for(family, at)
            write_all(es, [Write(index, f"{family}{year}", 1, {field: at.isoformat()})])
    es.indices.refresh(index="rasid-*")
    dropped = drop_years(es, before=2020)
    assert dropped == [f"rasid-{f}-v1-{y}" for f in ("articles", "mentions") for y in (2018, 2019)]
    for family in ("articles", "mentions", "entries", "incidents"):
        assert ids(es, family) == {f"{family}2020"}
    assert drop_years(es, before=2020) == []
