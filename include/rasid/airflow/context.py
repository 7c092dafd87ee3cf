"""What a task knows of the run it belongs to, in Rasid's own terms."""

from __future__ import annotations

import textwrap

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

import structlog

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import DagRunTriggerException

from rasid.errors import ConfigError
from rasid.pipeline.records import Run


if TYPE_CHECKING:
    import httpx

    from elasticsearch import Elasticsearch


def current_run() -> Run:
    """The run of the task that calls; its start is fixed by Airflow, so every try agrees on it."""
    context = get_current_context()
    dag_run = context["dag_run"]
    structlog.contextvars.bind_contextvars(run=dag_run.run_id, task=context["ti"].task_id)
    return Run(dag_run.run_id, dag_run.dag_id, dag_run.run_after)


def period(params: dict[str, Any]) -> tuple[datetime | None, datetime | None]:
    """The days `from` to `to` of a form, both included, as UTC midnights; None where left empty."""
    first, last = (
        datetime.fromisoformat(params[name]).replace(tzinfo=UTC) if params[name] else None
        for name in ("from", "to")
    )
    if first and last and last < first:
        raise ConfigError(
            f"The form says from {first:%Y-%m-%d} to {last:%Y-%m-%d}, which is no day at all."
            " Exchange the two dates."
        )
    return first, last + timedelta(days=1) if last else None


@contextmanager
def search(*, keeper: bool = False) -> Iterator[Elasticsearch]:
    """A client that names this task in Elasticsearch's slow logs and task list."""
    from rasid.search import connect  # noqa: PLC0415  (0.25 s that DAG parsing must not pay)
    from rasid.settings import settings  # noqa: PLC0415

    ti = get_current_context()["ti"]
    opaque_id = f"{ti.dag_id}/{ti.run_id}/{ti.task_id}"
    with connect(settings(), opaque_id=opaque_id, keeper=keeper) as es:
        yield es


def run_again(form: Mapping[str, Any]) -> NoReturn:
    """End this task well and start another run of its DAG with the same form.

    This is what TriggerDagRunOperator does in its end; importing that one costs a second at every
    parse. A repeated task finds the run that it started before.
    """
    dag_run = get_current_context()["dag_run"]
    raise DagRunTriggerException(
        trigger_dag_id=dag_run.dag_id,
        dag_run_id=f"after__{dag_run.run_after:%Y-%m-%dT%H:%M:%S.%f}",
        conf=dict(form),
        reset_dag_run=False,
        skip_when_already_exists=True,
        wait_for_completion=False,
        allowed_states=[],
        failed_states=[],
        poke_interval=0,
        deferrable=False,
    )


@contextmanager
def kibana() -> Iterator[httpx.Client | None]:
    """A client of the Kibana at RASID_KIBANA_URL; None where none is named."""
    import httpx  # noqa: PLC0415

    from rasid.settings import settings  # noqa: PLC0415

    if not settings().kibana_url:
        yield None
        return
    key = settings().kibana_api_key.get_secret_value()
    headers = {"Authorization": f"ApiKey {key}"} if key else {}
    with httpx.Client(base_url=settings().kibana_url, headers=headers, timeout=60) as client:
        yield client


def label(text: str) -> None:
    """Name this mapped task instance in the UI (`map_index_template="{{ label }}"`).

    A long one ends in an ellipsis: Airflow keeps 250 characters, and on PostgreSQL a longer one
    fails the task.
    """
    get_current_context()["label"] = textwrap.shorten(text, 250, placeholder=" …")  # type: ignore[typeddict-unknown-key]
