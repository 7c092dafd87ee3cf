"""Quarantine: entries that ended without an article, and their way back onto the road."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog

from elasticsearch import Elasticsearch

from rasid.pipeline.batch import share_out
from rasid.pipeline.ledger import entry_of
from rasid.pipeline.outcomes import Outcome
from rasid.pipeline.records import Entry, Run
from rasid.pipeline.store import Presence
from rasid.search import alias


log = structlog.get_logger()

MOST = 10_000  # entries of one replay; the next one takes up the rest


@dataclass(frozen=True, slots=True)
class Selection:
    """Which ended entries are meant; an empty field lets all pass.

    `since` ≤ settled < `until`. Without a cause or ids only quarantined entries are meant; with
    them dropped ones too: a person who names them wants another try.
    """

    cause: str = ""
    feed: str = ""
    since: datetime | None = None
    until: datetime | None = None
    ids: tuple[str, ...] = ()

    @property
    def conditions(self) -> list[dict[str, Any]]:
        """Filters for `rasid-entries`."""
        outcomes = [Outcome.QUARANTINED.value]
        if self.cause or self.ids:
            outcomes.append(Outcome.DROPPED.value)
        found: list[dict[str, Any]] = [
            {"term": {"state": "settled"}},
            {"terms": {"outcome": outcomes}},
        ]
        if self.cause:
            found.append({"term": {"cause": self.cause}})
        if self.feed:
            found.append({"term": {"feed_id": self.feed}})
        if self.ids:
            found.append({"terms": {"entry_id": list(self.ids)}})
        bounds = {"gte": self.since, "lt": self.until}
        span = {key: bound.isoformat() for key, bound in bounds.items() if bound}
        if span:
            found.append({"range": {"settled_at": span}})
        return found


def find(es: Elasticsearch, selection: Selection, *, size: int = MOST) -> list[dict[str, Any]]:
    """Ledger documents of the selected entries, those that ended first at the top."""
    es.indices.refresh(index=alias("entries"))
    found = es.search(
        index=alias("entries"),
        query={"bool": {"filter": selection.conditions}},
        sort=[{"settled_at": "asc"}, {"entry_id": "asc"}],
        size=size,
    )
    return [hit["_source"] for hit in found["hits"]["hits"]]


def causes(es: Elasticsearch, selection: Selection) -> dict[str, int]:
    """How many entries of the selection there are, by cause."""
    es.indices.refresh(index=alias("entries"))
    found = es.search(
        index=alias("entries"),
        query={"bool": {"filter": selection.conditions}},
        aggs={"causes": {"terms": {"field": "cause", "size": 100}}},
        size=0,
    )
    buckets = found["aggregations"]["causes"]["buckets"]
    return {bucket["key"]: bucket["doc_count"] for bucket in buckets}


def replay(es: Elasticsearch, run: Run, selection: Selection) -> list[str]:
    """Put the selected entries on the road again, where each stopped; paths of their batches.

    They stay as they ended until the run gives them another ending: a replay that dies changes
    nothing, and what it brought to the index already is not selected a second time.
    """
    entries = list(_restarted(find(es, selection)))
    log.info("replaying", entries=len(entries), archived=sum(bool(e.archive) for e in entries))
    return share_out(run, [], entries)


def _restarted(documents: Iterable[dict[str, Any]]) -> Iterable[Entry]:
    """Entries with all their tries; one whose page is kept starts at `read`, else at `fetch`."""
    kept = Presence()
    for document in documents:
        entry = replace(entry_of(document), attempts=0)
        if entry.archive and entry.archive.path not in kept:
            entry = replace(entry, archive=None)
        yield entry
