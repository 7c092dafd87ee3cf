"""Fetch: bring the pages of a batch and keep them as they came."""

from __future__ import annotations

import asyncio
import secrets

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog

from rasid.errors import FetchError, HostBusy
from rasid.pipeline.archive import WarcFile
from rasid.pipeline.records import Entry, Run
from rasid.pipeline.store import read_records, write_records
from rasid.pipeline.telemetry import count_endings, stage
from rasid.settings import settings
from rasid.sources import Feed, usable_feeds
from rasid.web import Fetched, GuardedClient, polite_client


log = structlog.get_logger()

GONE = frozenset({404, 410})
# Seconds that a batch waits for the turns of its hosts; what is left then is the next run's.
PATIENCE = 600.0


@stage
async def fetch(run: Run, path: str) -> str:
    """Fetch the entries of the batch at `path`; the path of the same entries with their archive.

    One whose page lies in the archive already passes: nobody is asked twice.
    """
    feeds = usable_feeds()
    entries = list(read_records(path, Entry))
    name = path.rpartition("/")[2].partition(".")[0]
    # A try of its own file: what an earlier try archived may already be referred to.
    warc = WarcFile(_archive_path(run, f"{name}-{secrets.token_hex(4)}"))

    async def one(client: GuardedClient, entry: Entry) -> Entry:
        if entry.archive is not None:
            return entry
        feed = feeds.get(entry.feed_id)
        if feed is None:
            return entry.failed("policy_refused", "its feed left the registry", now=_now())
        if feed.full_text and entry.item["content"]:
            return replace(entry, archive=warc.add_fragment(entry.url, entry.item["content"]))
        try:
            page = await _page(client, feed, entry)
        except HostBusy as error:
            if entry.again:
                return entry.failed(error.outcome, str(error), now=_now())
            # Not its fault and no try: the next run has the next turns.
            due = _now() + timedelta(seconds=error.retry_after or 0.0)
            return replace(entry, cause=error.outcome, error=str(error), next_attempt_at=due)
        except FetchError as error:
            if entry.has_article and error.status in GONE:
                return entry.withdrawn(str(error))
            return entry.failed(
                error.outcome, str(error), now=_now(), retry_after=error.retry_after
            )
        return replace(entry, archive=warc.add_response(page))

    # All at once: the client itself lets at most two to a host, at the host's pace.
    async with polite_client(patience=PATIENCE) as client:
        done = await asyncio.gather(*(one(client, entry) for entry in entries))
    warc.save()
    count_endings(run, "fetch", entries, done)
    log.info("fetched", pages=sum(e.archive is not None for e in done), of=len(done))
    return write_records(run.path(f"pages/{name}.jsonl.gz"), Entry, done)


async def _page(client: GuardedClient, feed: Feed, entry: Entry) -> Fetched:
    return await client.get(
        entry.url,
        deadline=feed.timeout,
        min_interval=feed.min_interval,
        respect_robots=feed.respects_robots,
        sites=feed.sites,
    )


def _archive_path(run: Run, name: str) -> str:
    folder = f"{settings().store_root}/archive/{run.started_at:%Y/%m/%d}"
    return f"{folder}/{run.file_name}-{name}.warc.gz"


def _now() -> datetime:
    return datetime.now(UTC)
