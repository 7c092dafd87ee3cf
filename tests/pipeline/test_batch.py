"""How a run's entries are shared out to tasks."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from urllib.parse import urlsplit

from hypothesis import given
from hypothesis import strategies as st

from rasid.pipeline.batch import ENTRIES_OF_A_HOST, ENTRIES_PER_BATCH, _shared_out
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
        assert 0 < len(part) <= ENTRIES_PER_BATCH
        assert max(hosts(part).values()) <= ENTRIES_OF_A_HOST


def test_batches_side_by_side_are_of_different_hosts():
    """300 feeds of 40 entries: tasks that wait for the same hosts would take three times as long."""
    parts = [set(hosts(part)) for part in _shared_out(entries([40] * 300))]
    common = [len(one & other) / len(one) for one, other in pairwise(parts)]
    assert sum(common) / len(common) < 0.15
