"""Plan: which feeds are due now, in batches."""

from __future__ import annotations

import structlog

from elasticsearch import Elasticsearch

from rasid.errors import FeedsFileError
from rasid.pipeline.ledger import feed_states
from rasid.pipeline.records import Run
from rasid.pipeline.telemetry import stage
from rasid.search import ensure_provisioned
from rasid.settings import settings
from rasid.sources import Feed, is_due, read_registry


log = structlog.get_logger()

# A task costs 0.2 s of processor and a process; its feeds are polled side by side (airflow.md §5).
FEEDS_PER_BATCH = 12


@stage
def plan(es: Elasticsearch, run: Run, *, only_due: bool = True) -> list[list[str]]:
    """Ids of the feeds to poll, at most 12 a batch; entries to retry need no plan.

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
    return [due[i : i + FEEDS_PER_BATCH] for i in range(0, len(due), FEEDS_PER_BATCH)]


def usable_feeds() -> dict[str, Feed]:
    """The registry's usable feeds by id."""
    feeds, problems = read_registry(settings().feeds)
    if problems and not feeds:
        raise FeedsFileError("\n".join(map(str, problems)))
    for problem in problems:
        log.error("feed left out", problem=str(problem))
    return {feed.id: feed for feed in feeds}
