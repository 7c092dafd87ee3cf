"""
# Link incidents

Brings the mentions of several outlets that speak of one event together in `rasid-incidents`: who
reported it first, how many independent sources tell it, where they contradict each other.

Runs whenever `monitor_news` has closed its books (asset `rasid://articles`), and each hour in any
case: what a red `monitor_news` had already indexed is linked too. A run costs what is new: a
mention without an `incident_id` is work, all others are left alone.

## When it is red

`link` fails only when Elasticsearch does not answer or is full: start it, then *Clear* the task. A
run that died leaves nothing half-done; the next one takes up what is left, two at once are
harmless. "Mentions change faster …" means that a large re-tagging is going on: wait for its end.

An incident looks wrong? Its mentions stand in `mention_ids`, its versions in `claims`; what is
wrong in a mention is mended in the lexicon and by `retag_archive`, and the incident follows.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, dag, task

from rasid.airflow.assets import ARTICLES
from rasid.airflow.notify import GREEN, RED, due_within
from rasid.airflow.retry import TASKS


@dag(
    dag_id="link_incidents",
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("50 * * * *", timezone="UTC"), assets=[ARTICLES]
    ),
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    on_failure_callback=RED,
    on_success_callback=GREEN,
    deadline=due_within(timedelta(hours=1)),
    tags=["rasid", "search"],
    default_args={
        **TASKS,
        # A hundred thousand mentions at once take minutes; an hour's take a second.
        "execution_timeout": timedelta(minutes=30),
    },
)
def link_incidents():
    @task
    def link() -> dict[str, int]:
        """Link new mentions; returns what became of them."""
        from dataclasses import asdict

        from rasid.airflow.context import search
        from rasid.search import link_incidents

        with search() as es:
            return asdict(link_incidents(es))

    link()


link_incidents()
