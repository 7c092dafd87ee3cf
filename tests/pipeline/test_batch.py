"""How a run's entries are shared out to tasks."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from urllib.parse import urlsplit

import pytest

from hypothesis import given
from hypothesis import strategies as st

from rasid.pipeline import plan
from rasid.pipeline.batch import ENTRIES_OF_A_HOST, MOST_PER_BATCH, _shared_out
from rasid.pipeline.records import Entry


NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


def entries(sizes):
    """As many entries of host n as sizes[n] says."""
    return [
        Entry(f"{host}-{n}", "feed", url, url, NOW, {})
        for host, size in enumerate(sizes)
        for n in range(size)
        for url in [f"http://outlet{host:03}.test/{n}"]
    ]


def hosts(part):
    return Counter(urlsplit(entry.url).netloc for entry in part)


@given(st.lists(st.integers(1, 160), max_size=12))
def test_every_entry_is_in_one_batch_of_bearable_size(sizes):
    work = entries(sizes)
    parts = _shared_out(work)
    shared = [entry.entry_id for part in parts for entry in part]
    assert sorted(shared) == sorted(entry.entry_id for entry in work)
    for part in parts:
        assert 0 < len(part) <= MOST_PER_BATCH
        assert max(hosts(part).values()) <= ENTRIES_OF_A_HOST


def test_batches_side_by_side_are_of_different_hosts():
    """1,200 feeds of 10: tasks that wait for the same hosts would take nearly three times as long."""
    parts = [set(hosts(part)) for part in _shared_out(entries([10] * 1200))]
    common = [len(one & other) / len(one) for one, other in pairwise(parts)]
    assert sum(common) / len(common) < 0.15


@pytest.mark.parametrize(
    ("count", "tasks"), [(1, 1), (100, 1), (101, 2), (400, 4), (2000, 4), (2001, 5), (12_000, 24)]
)
def test_many_entries_go_into_larger_batches_rather_than_more(count, tasks):
    """A task costs as much processor as fifty articles."""
    parts = _shared_out(entries([1] * count))
    assert len(parts) == tasks
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize(("count", "tasks"), [(0, 0), (12, 1), (75, 7), (300, 8), (1000, 20)])
def test_many_feeds_go_into_larger_batches_rather_than_more(count, tasks):
    ids = [f"feed{n}" for n in range(count)]
    parts = plan._shared_out(ids)
    assert len(parts) == tasks
    assert [feed_id for part in parts for feed_id in part] == ids
