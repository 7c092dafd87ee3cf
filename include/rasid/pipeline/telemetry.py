"""Metrics and spans of the stages by OpenTelemetry's API; nothing at all where nobody set it up.

Airflow sets it up in every task when its own are on (`[metrics] otel_on`, `[traces] otel_on`); the
standard OTEL_* variables say where to. Our spans lie below Airflow's span of the task. Attributes
never name a feed or a host: that would be thousands of series. docs/observability.md lists them.
"""

from __future__ import annotations

import inspect
import time

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from opentelemetry import metrics, trace

from rasid.pipeline.outcomes import Outcome
from rasid.pipeline.records import Entry, Run


if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

P = ParamSpec("P")
R = TypeVar("R")

# What the ledger still has to do with, and since when the oldest of each.
QUEUES: Mapping[str, dict[str, Any]] = {
    "owed": {"term": {"state": "owed"}},
    "waiting": {"term": {"state": "waiting"}},
    "quarantined": {"term": {"outcome": "quarantined"}},
}


def stage(function: Callable[P, R]) -> Callable[P, R]:
    """Measure a stage: a span and a duration, by the name of the function; its `Run` says whose."""
    name = function.__name__
    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def measured_async(*args: Any, **kwargs: Any) -> Any:
            with _measured(name, args):
                return await function(*args, **kwargs)

        return cast("Callable[P, R]", measured_async)

    @wraps(function)
    def measured(*args: P.args, **kwargs: P.kwargs) -> R:
        with _measured(name, args):
            return function(*args, **kwargs)

    return measured


def count_polls(run: Run, outcomes: Iterable[str]) -> None:
    """Count the polls of a run by how they ended."""
    counter = _meter().create_counter("rasid.polls", description="Feeds asked, by outcome")
    for outcome, count in Counter(outcomes).items():
        counter.add(count, {"dag_id": run.dag_id, "outcome": outcome})


def count_endings(run: Run, name: str, before: Iterable[Entry], after: Iterable[Entry]) -> None:
    """Count what a stage made of the entries that came to it undone.

    `outcome` is the ending, `waiting` for one that is put off, `passed` for one that goes on.
    """
    done = {entry.entry_id for entry in before if entry.done}
    endings = Counter(_ending(entry) for entry in after if entry.entry_id not in done)
    counter = _meter().create_counter("rasid.entries", description="Entries by stage and outcome")
    for (outcome, cause), count in endings.items():
        attributes = {"dag_id": run.dag_id, "stage": name, "outcome": outcome, "cause": cause}
        counter.add(count, attributes)


def time_to_index(run: Run, entries: Iterable[Entry], *, now: datetime) -> None:
    """Record how long new articles took from first sight to the index."""
    delay = _meter().create_histogram("rasid.article.delay", unit="s")
    for entry in entries:
        if entry.outcome is Outcome.INDEXED:
            # The run's start is by the scheduler's clock: it may be ahead of this one.
            seconds = max(0.0, (now - entry.first_seen_at).total_seconds())
            delay.record(seconds, {"dag_id": run.dag_id})


def measure_queues(es: Elasticsearch, *, now: datetime) -> None:
    """Record how many entries the ledger has still to do with, and the age of the oldest."""
    if not hasattr(metrics.get_meter_provider(), "force_flush"):
        return  # nobody set it up: no search for nothing
    # Half a second that fetch, read and tag, which ask no Elasticsearch, need not pay.
    from rasid.search import alias  # noqa: PLC0415

    found = es.search(
        index=alias("entries"),
        size=0,
        aggs={
            name: {"filter": query, "aggs": {"oldest": {"min": {"field": "first_seen_at"}}}}
            for name, query in QUEUES.items()
        },
    )
    length = _meter().create_gauge("rasid.queue.entries")
    age = _meter().create_gauge("rasid.queue.oldest", unit="s")
    for name in QUEUES:
        bucket = found["aggregations"][name]
        oldest = bucket["oldest"]["value"]
        length.set(bucket["doc_count"], {"state": name})
        age.set(now.timestamp() - oldest / 1000 if oldest else 0.0, {"state": name})


@contextmanager
def _measured(name: str, args: Iterable[object]) -> Iterator[None]:
    run = next(arg for arg in args if isinstance(arg, Run))
    attributes = {"rasid.run_id": run.run_id, "rasid.dag_id": run.dag_id}
    began, failed = time.monotonic(), True
    tracer = trace.get_tracer("rasid")
    try:
        with tracer.start_as_current_span(f"rasid.{name}", attributes=attributes):
            yield
        failed = False
    finally:
        duration = _meter().create_histogram("rasid.stage.duration", unit="s")
        labels: dict[str, str | bool] = {"dag_id": run.dag_id, "stage": name, "failed": failed}
        duration.record(time.monotonic() - began, labels)


def _ending(entry: Entry) -> tuple[str, str]:
    if entry.outcome is not None:
        return entry.outcome.value, entry.cause
    return ("waiting", entry.cause) if entry.waiting else ("passed", "")


def _meter() -> metrics.Meter:
    """Asked for each time: Airflow sets a new provider in every process that it forks."""
    return metrics.get_meter("rasid")
