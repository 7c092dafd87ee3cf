"""
# Write the brief

A page for the morning: headline figures against the week before, map, timeline, incidents with the
claims of each source, movements, what sources disagree on, what was not read. Every line quotes its
sentence and leads to its article. It is made of Elasticsearch alone and kept under `briefs/` of the
storage; read it under *Browse → Daily brief*.

Every day at 04:00 UTC (07:00 in Riyadh and Baghdad) over the 24 hours before. For another period
start it by hand and give both ends.

## When it is red

| the log says | do |
|---|---|
| Elasticsearch does not answer | start it, then *Clear* the task |
| the storage cannot be written | free space or check its keys (`RASID_STORE`), then *Clear* |
| a date cannot be read | write it as `2026-11-28T00:00Z` and start again |

A brief that was not written loses nothing: start it again with the same period.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, dag, task

from rasid.airflow.notify import GREEN, RED, due_within
from rasid.airflow.retry import TASKS


@dag(
    dag_id="write_brief",
    schedule="0 4 * * *",
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    on_failure_callback=RED,
    on_success_callback=GREEN,
    deadline=due_within(timedelta(hours=1)),
    tags=["rasid", "search"],
    default_args=TASKS,
    params={
        "since": Param(
            default=None,
            type=["null", "string"],
            format="date-time",
            title="From · من",
            description_md="Empty: 24 hours before the end.",
        ),
        "until": Param(
            default=None,
            type=["null", "string"],
            format="date-time",
            title="To · إلى",
            description_md="Empty: the full hour in which the run starts.",
        ),
    },
)
def write_brief():
    @task
    def write(params: dict | None = None) -> str:
        """Gather the period and write its page; the brief's name."""
        from rasid.airflow.context import current_run, search
        from rasid.brief import Period, write_brief

        run = current_run()
        with search() as es:
            period = Period.asked(params["since"], params["until"], at=run.started_at)
            return write_brief(es, period, written_at=run.started_at)

    write()


write_brief()
