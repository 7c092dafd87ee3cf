"""Plan: which feeds are due now, in batches."""

from __future__ import annotations

import math

from collections.abc import Sequence

import structlog

from elasticsearch import Elasticsearch

from rasid.pipeline.ledger import feed_states
from rasid.pipeline.records import Run
from rasid.pipeline.telemetry import stage
from rasid.search import ensure_provisioned
from rasid.sources import is_due, usable_feeds


log = structlog.get_logger()

# A task costs a second of processor and a process, and polls its feeds side by side: twelve of
# them, and more where twelve would make more than eight tasks (bench/overhead.py).
FEEDS_PER_BATCH = 12
MOST_PER_BATCH = 50
BATCHES = 8


@stage
def plan(es: Elasticsearch, run: Run, *, only_due: bool = True) -> list[list[str]]:
    """Ids of the feeds to poll, at most 50 a batch; entries to retry need no plan.

    A registry with broken entries is read as far as it can be (`settle` reports the problems);
    one without a single usable feed is a FeedsFileError.
    """
    ensure_provisioned(es)
    states = feed_states(es, run)
    due = [
        feed.id
        for feed in usable_feeds().values()
        if (is_due(feed, states.get(feed.id), run.started_at) if only_due else feed.enabled)
    ]
    log.info("planned", feeds=len(due), known_feeds=len(states))
    return _shared_out(due)


def _shared_out(due: Sequence[str]) -> list[list[str]]:
    size = min(max(FEEDS_PER_BATCH, math.ceil(len(due) / BATCHES)), MOST_PER_BATCH)
    return [list(due[i : i + size]) for i in range(0, len(due), size)]
