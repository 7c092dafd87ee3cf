"""One run of a DAG in this process, by Airflow's own `dag.test()`."""

from __future__ import annotations

import os

from dataclasses import dataclass
from typing import Any

from rasid.airflow.standalone import prepare
from rasid.pipeline.records import Books
from rasid.search import alias, connect
from rasid.settings import ROOT, settings


@dataclass(frozen=True, slots=True)
class Pass:
    """What a pass came to: its run, Airflow's word for how it ended, and its books by feed."""

    run_id: str
    state: str
    books: list[Books]
    polls: list[dict[str, Any]]
    problems: list[str]


def run_once(dag_id: str, conf: dict[str, Any]) -> Pass:
    """Run the DAG with its form filled in by `conf`.

    Uses an Airflow home of its own, so a running scheduler is not disturbed.
    """
    _prepare()
    from airflow.dag_processing.dagbag import DagBag  # noqa: PLC0415  (reads the environment)

    bag = DagBag(dag_folder=str(ROOT / "dags" / f"{dag_id}.py"))
    if bag.import_errors:
        raise RuntimeError("; ".join(bag.import_errors.values()))
    dag = bag.dags[dag_id]
    dag.deadline = None  # Airflow 3.3.2 (issue 73428): dag.test() ends in a traceback with one
    for task in dag.tasks:
        task.retries = 0  # a person is waiting: say what is wrong at once
    done = dag.test(run_conf=conf)
    return read_pass(done.run_id, str(done.state))


def read_pass(run_id: str, state: str) -> Pass:
    """The books of a run out of Elasticsearch, the whole (`*`) last."""
    with connect(settings()) as es:
        es.indices.refresh(index="rasid-*")
        mine = {"term": {"run_id": run_id}}
        runs = es.search(index=alias("runs"), query=mine, size=10_000)["hits"]["hits"]
        polls = es.search(
            index=alias("polls"), query=mine, size=10_000, source_excludes=["state", "head"]
        )["hits"]["hits"]
    sources = sorted(
        (r["_source"] for r in runs), key=lambda s: (s["feed_id"] == "*", s["feed_id"])
    )
    names = ("feed_id", "seen", "known", "new", "carried", "waiting", "outcomes", "causes")
    return Pass(
        run_id=run_id,
        state=state,
        books=[Books(**{name: source[name] for name in names}) for source in sources],
        polls=sorted((p["_source"] for p in polls), key=lambda p: str(p["feed_id"])),
        problems=[problem for source in sources for problem in source["problems"]],
    )


def _prepare() -> None:
    """Bring up an Airflow home of this command's own; before Airflow is imported."""
    home = settings().home / "airflow-once"
    quiet = {"AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING"}
    os.environ.update(prepare(home, quiet))
