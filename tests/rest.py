"""Runs of DAGs by Airflow's REST API, for the tests that have a scheduler."""

from __future__ import annotations

import time

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from rasid.airflow import standalone


# A machine that runs all tests has no time for the start of one Airflow.
standalone.START_SECONDS = 600.0


@contextmanager
def api(airflow: standalone.Airflow) -> Iterator[httpx.Client]:
    """A client of the REST API, once every part answers."""
    standalone.wait_until_healthy(airflow)
    with standalone.api(airflow) as client:
        yield client


def run(
    airflow: standalone.Airflow,
    dag_id: str = "monitor_news",
    *,
    seconds: float = 1200,
    meanwhile: Callable[[], None] = lambda: None,
    **conf: Any,
) -> tuple[str, str]:
    """Start a run and wait for its end, doing something meanwhile; (state, run id)."""
    with api(airflow) as client:
        body = {"logical_date": None, "conf": conf}
        answer = patiently(lambda: client.post(f"/dags/{dag_id}/dagRuns", json=body))
        run_id = answer["dag_run_id"]
        patiently(lambda: client.patch(f"/dags/{dag_id}", json={"is_paused": False}))
        return wait(client, dag_id, run_id, seconds=seconds, meanwhile=meanwhile), run_id


def wait(
    client: httpx.Client,
    dag_id: str,
    run_id: str,
    *,
    seconds: float = 1200,
    meanwhile: Callable[[], None] = lambda: None,
) -> str:
    """Wait for a run's end; its state."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        meanwhile()
        state = patiently(lambda: client.get(f"/dags/{dag_id}/dagRuns/{run_id}"))["state"]
        if state in {"success", "failed"}:
            return str(state)
        time.sleep(1)
    raise AssertionError(f"{dag_id} {run_id} is not done after {seconds} s")


def patiently(ask: Callable[[], httpx.Response]) -> Any:
    """The answer's JSON, also when the DAG is not known yet or the server was just killed."""
    until = time.monotonic() + 180
    while True:
        try:
            return ask().raise_for_status().json()
        except httpx.HTTPError:
            if time.monotonic() > until:
                raise
            time.sleep(1)
