"""
# Watch sources

Holds every feed and outlet against its own last six weeks and keeps the alarms in `rasid-alarms`:
silence and floods (by hour of the week, Fridays and Ramadan known), feeds that are empty, stale or
cannot be read, outlets whose pages are read otherwise than before, wrong charsets, articles that
take long to arrive, books that do not close, and a `monitor_news` that stands still. Per feed and
day it writes what it saw into `rasid-watch`.

Runs whenever `monitor_news` has closed its books (asset `rasid://articles`), and each hour in any
case: that `monitor_news` stands still is an alarm too. A pass needs nothing of the one before.

Alarms close by themselves when what they say is over. What each means and what to do stands in
docs/operating.md, section *Alarms*. People are told of what opens and closes (RASID_NOTIFY).

## When it is red

`watch` reads and writes Elasticsearch only: start it, then *Clear* the task; a repeated pass opens
no alarm twice. "did not take the message" means that the alarms stand in the index, but a channel
of RASID_NOTIFY refused them: mend the address it names, then *Clear*.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, dag, task

from rasid.airflow.assets import ARTICLES
from rasid.airflow.notify import GREEN, RED, due_within
from rasid.airflow.retry import TASKS


@dag(
    dag_id="watch_sources",
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("20 * * * *", timezone="UTC"), assets=[ARTICLES]
    ),
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    on_failure_callback=RED,
    on_success_callback=GREEN,
    deadline=due_within(timedelta(hours=1)),
    tags=["rasid", "quality"],
    default_args=TASKS,
)
def watch_sources():
    @task
    def watch() -> dict[str, int]:
        """Judge all feeds and outlets, keep the alarms, tell people; counts of alarms."""
        from rasid.airflow.context import current_run, search
        from rasid.pipeline.notices import tell
        from rasid.pipeline.watch import watch

        run = current_run()
        with search() as es:
            changes = watch(es, run)
        tell(changes, at=run.started_at)
        return {
            "opened": len(changes.opened),
            "still_open": len(changes.still_open),
            "closed": len(changes.closed),
        }

    watch()


watch_sources()
