"""What Airflow costs: monitor_news under LocalExecutor against its pure functions' processor time.

    python bench/overhead.py [--feeds 50] [--entries 40] [--grow 10 100 1000]

First the stages' own functions, one after the other in one process: their processor seconds, shared
by the cores, are the least that a run can take. Then the same articles by `monitor_news` under
`airflow standalone`, three times; the ratio of both is what scheduling, processes and the database
cost, in the first run also what Airflow's parts do when they have just started.
Then how a run grows with the number of feeds, two entries each. Outlets, node and failures are
load.py's; no pause between requests.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import time

from datetime import UTC, datetime

from load import outlets, scratch

from rasid.airflow import standalone
from rasid.pipeline.batch import batch
from rasid.pipeline.fetch import fetch
from rasid.pipeline.index import index
from rasid.pipeline.plan import plan
from rasid.pipeline.poll import poll
from rasid.pipeline.read import read
from rasid.pipeline.records import Run
from rasid.pipeline.settle import settle
from rasid.pipeline.tag import tag
from rasid.search import connect, provision
from rasid.settings import settings


QUIET = {
    "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
}


def functions() -> tuple[float, int]:
    """Processor seconds of a pass in this process, and the articles that it indexed."""
    run = Run("functions", "monitor_news", datetime.now(UTC))
    began = time.process_time()
    with connect(settings()) as es:
        groups = plan(es, run, only_due=False)
        polls = [asyncio.run(poll(es, run, ids, name=f"{n:04}")) for n, ids in enumerate(groups)]
        for path in batch(es, run, polls):
            index(es, run, tag(run, read(run, asyncio.run(fetch(run, path)))))
        books = settle(es, run, polls)[-1]
        used = time.process_time() - began
    forget()
    return used, books.outcomes["indexed"]


def monitor_news(airflow: standalone.Airflow) -> tuple[float, int]:
    """Seconds from start to end of a run as Airflow tells them, and its task instances."""
    with standalone.api(airflow) as client:
        run_id = standalone.trigger(client, conf={"only_due": False})
        while (state := standalone.run_state(client, run_id)) not in {"success", "failed"}:
            time.sleep(1)
        if state == "failed":
            raise SystemExit(f"The run is red; see {airflow.log}")
        told = client.get(f"/dags/monitor_news/dagRuns/{run_id}").raise_for_status().json()
        tasks = client.get(f"/dags/monitor_news/dagRuns/{run_id}/taskInstances?limit=1").json()
    moments = (datetime.fromisoformat(told[name]) for name in ("end_date", "start_date"))
    end, start = moments
    return (end - start).total_seconds(), tasks["total_entries"]


def forget() -> None:
    """Delete all documents: everything is new again."""
    with connect(settings()) as es:
        es.delete_by_query(index="rasid-*", query={"match_all": {}}, conflicts="proceed")
        es.indices.refresh(index="rasid-*")


def under_airflow(runs: int = 1) -> list[tuple[float, int]]:
    """Runs of monitor_news in an Airflow of its own, each over the same news as the first."""
    home = settings().home / "airflow"
    airflow = standalone.start(home, standalone.prepare(home, QUIET, port=8095))
    try:
        standalone.wait_until_healthy(airflow)
        told = [monitor_news(airflow)]
        while len(told) < runs:
            forget()
            told.append(monitor_news(airflow))
        return told
    finally:
        standalone.stop(home)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feeds", type=int, default=50)
    parser.add_argument("--entries", type=int, default=40)
    parser.add_argument("--grow", type=int, nargs="*", default=[10, 100, 1000])
    options = parser.parse_args()
    cores = multiprocessing.cpu_count()
    with outlets(options.feeds, options.entries) as port, scratch(options.feeds, port, 0.0):
        used, articles = functions()
        told = under_airflow(runs=3)
    load = os.getloadavg()[0]
    print(f"{articles} articles: {used:.0f} s of processor, {used / cores:.0f} s by {cores} cores")
    for name, (wall, tasks) in zip(("first", "second", "third"), told, strict=True):
        ratio = wall / (used / cores)
        print(
            f"monitor_news, {name} run of Airflow: {wall:.0f} s, {tasks} tasks, ratio {ratio:.2f}"
        )
    print(f"load of the machine {load:.0f}")
    for feeds in options.grow:
        with outlets(feeds, 2) as port, scratch(feeds, port, 0.0):
            with connect(settings()) as es:
                provision(es)  # indices are made once in a life
            ((wall, tasks),) = under_airflow()
        print(f"{feeds} feeds of 2 entries: {wall:.0f} s, {tasks} tasks")


if __name__ == "__main__":
    main()
