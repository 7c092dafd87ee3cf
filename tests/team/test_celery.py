"""The demo's chain as the Celery overlay runs it: Redis, Postgres, two workers as processes."""

from __future__ import annotations

import subprocess

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import free_port
from tests.team.conftest import PARTS, Postgres, Team, program


pytestmark = [
    pytest.mark.slow,
    pytest.mark.node,
    pytest.mark.timeout(1800),
    pytest.mark.filterwarnings("ignore"),
]
WORKERS = ("worker-1", "worker-2")


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis of the tests' own, with a password as in the overlay; its URL."""
    server = program("redis-server", "redis-server")
    folder = tmp_path_factory.mktemp("redis")
    port = free_port()
    command = [str(server), "--port", str(port), "--bind", "127.0.0.1", "--requirepass", "celery"]
    with (folder / "redis.log").open("wb") as out:
        process = subprocess.Popen(
            [*command, "--dir", str(folder), "--appendonly", "yes"], stdout=out, stderr=out
        )
    yield f"redis://:celery@127.0.0.1:{port}/0"
    process.terminate()
    process.wait(30)


@pytest.fixture(scope="module")
def variables(redis: str, postgres: Postgres) -> dict[str, str]:
    """As docker-compose.celery.yaml sets them."""
    return {
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__CELERY__BROKER_URL": redis,
        "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{postgres.url}",
        "AIRFLOW__CELERY__WORKER_CONCURRENCY": "2",
        # What a lost worker had in hand, and what it had reserved, is noticed sooner than in five
        # and ten minutes.
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
        "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "120",
        "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "10",
    }


def test_the_demos_chain_over_two_workers(team: Team, es_session: Any) -> None:
    """Green, books closed, and both workers had a part in it."""
    for part in PARTS:
        team.start(part)
    for name in WORKERS:
        # One host here: a second server of logs would find the port taken.
        options = ("--celery-hostname", f"{name}@localhost", "--skip-serve-logs")
        team.start(name, "celery", "worker", *options)
    assert run_and_close(team, es_session) > 60
    for name in WORKERS:
        assert "execute_workload" in (team.home / f"{name}.log").read_text(), name


def test_a_worker_lost_in_the_middle_is_made_up_for_by_the_other(
    team: Team, es_session: Any
) -> None:
    """kill -9 as soon as articles are fetched: what it had in hand is tried again by the other."""
    es_session.delete_by_query(
        index="rasid-*", query={"match_all": {}}, conflicts="proceed", refresh=True
    )

    log = team.home / f"{WORKERS[0]}.log"
    before = len(log.read_text())

    def lose_one() -> None:
        if WORKERS[0] in team.processes and "process.fetch" in log.read_text()[before:]:
            team.kill(WORKERS[0])

    assert run_and_close(team, es_session, meanwhile=lose_one) > 60
    assert WORKERS[0] not in team.processes


def run_and_close(team: Team, es: Any, **how: Any) -> int:
    """A run that is green and whose books close; how many entries were new to it."""
    state, run_id = team.run(only_due=False, **how)
    assert state == "success"
    es.indices.refresh(index="rasid-*")
    books = es.get(index="rasid-runs-v1", id=f"{run_id}|*")["_source"]
    assert books["closed"]
    assert es.count(index="rasid-articles")["count"] == books["new"]
    return int(books["new"])
