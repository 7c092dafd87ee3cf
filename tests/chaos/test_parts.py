"""kill -9 of Airflow's parts, of Postgres and of Elasticsearch while a run is going: it ends well.

What dies is started again, as systemd, compose or Kubernetes would; nobody else does anything.
"""

from __future__ import annotations

import random
import time

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psutil
import pytest

from rasid.demo.site import articles
from rasid.search import alias, local_node
from rasid.settings import Settings
from tests.team.conftest import PARTS, Postgres, Team


pytestmark = [
    pytest.mark.slow,
    pytest.mark.node,
    pytest.mark.timeout(3000),
    pytest.mark.filterwarnings("ignore"),
]

RUNS = 3
KILLS = 4  # in each run


@pytest.fixture(scope="module")
def variables() -> dict[str, str]:
    """Airflow notices dead tasks and schedulers in seconds instead of minutes."""
    return {
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "10",
        "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
    }


def test_runs_end_well_whatever_is_killed(
    team: Team, postgres: Postgres, es_session: Any, es_settings: Settings
) -> None:
    """0 entries lost, 0 articles twice, books closed, after three runs with four kills each."""
    for part in PARTS:
        team.start(part)
    victims: dict[str, Callable[[], None]] = {
        part: lambda part=part: kill_part(team, part) for part in PARTS if part != "triggerer"
    }
    victims["postgres"] = postgres.kill
    if not es_settings.es_url:
        victims["elasticsearch"] = lambda: kill_elasticsearch(es_settings)

    for seed in range(RUNS):
        es_session.delete_by_query(
            index="rasid-*", query={"match_all": {}}, conflicts="proceed", refresh=True
        )
        draw = random.Random(seed)
        struck = draw.sample(sorted(victims), KILLS)
        moments = sorted(draw.uniform(0, 40) for _ in struck)
        strikes = [(at, victims[name]) for at, name in zip(moments, struck, strict=True)]
        ended = run(team, strikes)
        # A run ends red when its four tries were all struck: the schedule's next takes up the rest.
        for _ in range(3):
            if ended == "success" and not unsettled(es_session):
                break
            ended = run(team, [])
        check(es_session)


def run(team: Team, strikes: list[tuple[float, Callable[[], None]]]) -> str:
    """A run of monitor_news with these strikes, each so many seconds after its start; its state."""
    began = time.monotonic()

    def strike() -> None:
        team.revive()  # what gave up when another died
        while strikes and time.monotonic() - began > strikes[0][0]:
            strikes.pop(0)[1]()

    ended, _ = team.run(only_due=False, meanwhile=strike)
    for _, late in strikes:  # the run was faster
        late()
    return ended


def kill_part(team: Team, name: str) -> None:
    """A part with all its processes: the scheduler's are the tasks that run."""
    team.kill(name)
    team.start(name)


def kill_elasticsearch(of: Settings) -> None:
    node = replace(local_node.local_node(of), java_options=local_node.SHORT_LIVED)
    for pid in local_node.status(node).pids:
        psutil.Process(pid).kill()
    local_node.start(node)


def unsettled(es: Any) -> int:
    """Entries that have no ending."""
    es.indices.refresh(index="rasid-*")
    query = {"bool": {"must_not": [{"term": {"state": "settled"}}]}}
    return int(es.count(index=alias("entries"), query=query)["count"])


def check(es: Any) -> None:
    assert unsettled(es) == 0
    assert es.count(index=alias("entries"))["count"] == len(articles())
    urls = {"urls": {"cardinality": {"field": "canonical_url", "precision_threshold": 10_000}}}
    found = es.search(index=alias("articles"), size=0, aggs=urls, track_total_hits=True)
    assert found["hits"]["total"]["value"] == len(articles())
    assert found["aggregations"]["urls"]["value"] == len(articles())
    open_books = {"bool": {"filter": [{"term": {"closed": False}}]}}
    assert es.count(index=alias("runs"), query=open_books)["count"] == 0
