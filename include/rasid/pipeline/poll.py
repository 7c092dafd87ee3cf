"""Poll: ask a batch of feeds, side by side, and keep what they said."""

from __future__ import annotations

import asyncio

from collections.abc import Sequence
from datetime import UTC, datetime

import structlog

from elasticsearch import Elasticsearch

from rasid.pipeline.ledger import feed_states
from rasid.pipeline.records import Run
from rasid.pipeline.store import write_records
from rasid.pipeline.telemetry import count_polls, stage
from rasid.sources import FeedPoll, Validators, poll_feed, usable_feeds
from rasid.web import GuardedClient, polite_client


log = structlog.get_logger()

# Seconds: feeds of one slow host must not keep the others from being read.
PATIENCE = 300.0


@stage
async def poll(es: Elasticsearch, run: Run, feed_ids: Sequence[str], *, name: str) -> str:
    """Poll `feed_ids` with their committed validators; the path of one FeedPoll record each."""
    feeds = usable_feeds()
    states = feed_states(es, run)

    async def one(client: GuardedClient, feed_id: str) -> FeedPoll:
        state = states.get(feed_id)
        validators = state.validators if state else Validators()
        done = await poll_feed(client, feeds[feed_id], validators, now=datetime.now(UTC))
        log.info("polled", feed=feed_id, outcome=done.outcome, items=len(done.items))
        return done

    async with polite_client(patience=PATIENCE) as client:
        polls = await asyncio.gather(*(one(client, i) for i in feed_ids if i in feeds))
    count_polls(run, (done.outcome for done in polls))
    return write_records(run.path(f"polls/{name}.jsonl.gz"), FeedPoll, polls)
