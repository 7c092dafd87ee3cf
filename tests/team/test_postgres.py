"""The demo's chain as docker-compose.yaml runs it: separate processes, Postgres, LocalExecutor.

The tests share one Airflow and go in order: each begins where the one before ended.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from rasid.pipeline.alarms import Kind, open_alarms
from rasid.pipeline.archive import WarcReader
from rasid.pipeline.records import Archived
from rasid.search import snapshots
from rasid.settings import ROOT
from tests.otlp import Sink, sink
from tests.team.conftest import PARTS, Postgres, Team


pytestmark = [
    pytest.mark.slow,
    pytest.mark.node,
    pytest.mark.timeout(1800),
    pytest.mark.filterwarnings("ignore"),
]

# A DAG that cannot keep its deadline, beside ours.
LATE = """
from datetime import timedelta

from airflow.sdk import dag, task

from rasid.airflow.notify import GREEN, RED, due_within


@dag(
    schedule=None,
    on_failure_callback=RED,
    on_success_callback=GREEN,
    deadline=due_within(timedelta(seconds=2)),
)
def slow_one():
    @task
    def sleep():
        import time

        time.sleep(30)

    sleep()


slow_one()
"""


@pytest.fixture(scope="module")
def collector() -> Iterator[Sink]:
    with sink() as kept:
        yield kept


@pytest.fixture(scope="module")
def told() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A webhook: its address for RASID_NOTIFY, and what it was told."""
    messages: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            messages.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"json://127.0.0.1:{server.server_address[1]}/", messages
        server.shutdown()


@pytest.fixture(scope="module")
def variables(collector: Sink, told: tuple[str, Any]) -> dict[str, str]:
    return {
        "RASID_NOTIFY": told[0],
        "AIRFLOW__METRICS__OTEL_ON": "True",
        "AIRFLOW__TRACES__OTEL_ON": "True",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_TRACES_EXPORTER": "otlp_proto_http",
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta",
        "OTEL_SERVICE_NAME": "rasid",
    }


@pytest.fixture(scope="module")
def running(team: Team) -> Team:
    (team.home / "dags" / "slow_one.py").write_text(LATE)
    for part in PARTS:
        team.start(part)
    return team


def books(es: Any, run_id: str) -> dict[str, Any]:
    es.indices.refresh(index="rasid-*")
    return dict(es.get(index="rasid-runs-v1", id=f"{run_id}|*")["_source"])


def test_the_demos_chain_is_green_and_its_books_close(running, es_session, collector):
    """And the collector got what the books say, in one trace with Airflow's own spans."""
    state, run_id = running.run(only_due=False)
    assert state == "success"
    closed = books(es_session, run_id)
    assert closed["closed"]
    assert closed["new"] > 60
    assert es_session.count(index="rasid-articles")["count"] == closed["new"]

    ended = collector.sums("rasid.entries", "stage", "outcome")
    assert ended["index", "indexed"] == closed["outcomes"]["indexed"]
    ours = {span.name: span for span in collector.spans if span.name.startswith("rasid.")}
    stages = ("plan", "poll", "batch", "fetch", "read", "tag", "index", "settle")
    assert set(ours) == {f"rasid.{stage}" for stage in stages}
    assert len({span.trace_id for span in ours.values()}) == 1
    theirs = {span.span_id for span in collector.spans if span.name.startswith("task")}
    theirs |= {span.span_id for span in collector.spans if span.name.startswith("worker")}
    assert all(span.parent_span_id in theirs for span in ours.values())


def test_a_run_that_misses_its_deadline_is_told_and_over_when_it_ends(running, es_session, told):
    """The scheduler finds it, the executor calls us, the webhook hears of it; then it is over."""
    assert running.run("slow_one")[0] == "success"
    until = time.monotonic() + 120
    while open_alarms(es_session, kinds=[Kind.LATE_RUN]) or len(told[1]) < 2:
        assert time.monotonic() < until, told[1]
        time.sleep(1)
    bodies = [message["message"] for message in told[1]]
    assert any("late_run · dag:slow_one" in body and "●" in body for body in bodies)
    assert any("late_run · dag:slow_one" in body and "✓" in body for body in bodies)


def test_keep_house_reaches_the_database_from_a_task(running, es_session, postgres):
    """Airflow keeps tasks from its database; this one is told where it is."""
    postgres.sql("insert into log (dttm, event) values (now() - interval '200 days', 'very_old')")
    assert running.run("keep_house")[0] == "success"
    count = "do $$ begin assert (select count(*) from log where event = 'very_old') = 0; end $$"
    postgres.sql(count)
    assert [s.state for s in snapshots.listed(es_session)] == ["SUCCESS"]


def test_everything_lost_comes_back_by_the_two_scripts(
    running: Team, es_session: Any, postgres: Postgres, tmp_path: Path
):
    """backup.sh, then no index, no page and no database; restore.sh, and the next run goes on."""
    before = counts(es_session)
    script(running, "backup.sh", str(tmp_path))
    (kept,) = tmp_path.iterdir()
    assert {file.name for file in kept.iterdir()} == {"snapshot", "store.tar", "airflow.dump"}

    running.stop()
    es_session.indices.delete(index="rasid-*")
    es_session.snapshot.delete_repository(name=snapshots.REPOSITORY)
    shutil.rmtree(running.home / "store")
    postgres.sql("drop database airflow with (force)", database="postgres")
    postgres.sql("create database airflow", database="postgres")

    script(running, "restore.sh", str(kept))
    assert counts(es_session) == before
    hit = es_session.search(index="rasid-articles", size=1)["hits"]["hits"][0]["_source"]
    assert WarcReader().page(Archived(**hit["archive"])).body

    for part in PARTS:
        running.start(part)
    with running.api() as client:
        runs = client.get("/dags/monitor_news/dagRuns").raise_for_status().json()["dag_runs"]
    assert [run["state"] for run in runs] == ["success"]
    state, run_id = running.run(only_due=False)
    assert state == "success"
    # It knows every article that it had: nothing is new, nothing is there twice.
    again = books(es_session, run_id)
    assert (again["closed"], again["new"]) == (True, 0)
    articles = [index for index in before if "articles" in index]
    assert {index: counts(es_session)[index] for index in articles} == {
        index: before[index] for index in articles
    }


def counts(es: Any) -> dict[str, int]:
    """Documents of every index of ours."""
    es.indices.refresh(index="rasid-*")
    return {i: es.count(index=i)["count"] for i in sorted(es.indices.get(index="rasid-*"))}


def script(team: Team, name: str, *arguments: str) -> None:
    """Run a script of docker/ as the image would, with this team's environment."""
    done = subprocess.run(
        ["bash", str(ROOT / "docker" / name), *arguments],
        env=team.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{name}: {done.stdout}\n{done.stderr}"
