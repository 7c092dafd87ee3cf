"""
# Keep house

Takes the night's snapshot, and lets go what is older than it need be, so that nothing grows for
ever: documents of the ledger, files of runs, rows and logs of Airflow. Archived pages and old years
of articles go only when a setting says so.

| what | goes | setting |
|---|---|---|
| documents of the ledger | by the rules of docs/operating.md | – |
| articles, mentions, entries, incidents of a year | never, or after years | `RASID_KEEP_YEARS` |
| files of runs (`runs/`) | after 14 days | `RASID_KEEP_RUNS` |
| archived pages (`archive/`) | never, or after days | `RASID_KEEP_PAGES` |
| Airflow's rows and task logs | after 90 days | `RASID_KEEP_AIRFLOW` |
| snapshots | after 30 days; the newest seven never | – |

An entry that is owed, waiting or in quarantine never goes, nor its page, nor the files of the run
that owes it. Years go only when this night's snapshot is whole.

Every night at 01:30 UTC. Each part stands alone: one that fails stops only what hangs on it.

## When it is red

| red task | nearly always | do |
|---|---|---|
| `snapshot` | `RASID_SNAPSHOTS` is full, or not reached by every node | mend it, *Clear* |
| `documents`, `years` | Elasticsearch, or the keeper's key | *Clear*; a repeat is harmless |
| `runs`, `pages` | the storage, or Elasticsearch: without the ledger nothing goes | *Clear* |
| `database` | `RASID_AIRFLOW_DB` is wrong, or the database does not answer | mend it, *Clear* |

The alarm `no_snapshot` closes when a snapshot of the night is whole.
Nothing waits for this DAG. Left red for weeks it costs disk space, and the newest snapshot ages.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import dag, task

from rasid.airflow.notify import GREEN, RED, due_within
from rasid.airflow.retry import TASKS


@dag(
    dag_id="keep_house",
    schedule="30 1 * * *",
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    on_failure_callback=RED,
    on_success_callback=GREEN,
    deadline=due_within(timedelta(hours=6)),
    tags=["rasid", "ops"],
    default_args={**TASKS, "execution_timeout": timedelta(hours=1)},
)
def keep_house():
    @task(execution_timeout=timedelta(hours=5))
    def snapshot() -> list[str]:
        """Take tonight's snapshot; the old ones that went for it."""
        from rasid.airflow.context import current_run, search
        from rasid.search import snapshots
        from rasid.settings import settings

        now = current_run().started_at
        with search(keeper=True) as es:
            snapshots.take(es, where=settings().snapshots, at=now)
            return snapshots.prune(es, now=now)

    @task(trigger_rule="all_done")
    def judge() -> None:
        """Keep the alarm on tonight's snapshot, and tell people."""
        from rasid.airflow.context import current_run, search
        from rasid.pipeline.backups import judge
        from rasid.pipeline.notices import tell
        from rasid.search import snapshots

        run = current_run()
        with search(keeper=True) as es:
            taken = snapshots.listed(es)
        with search() as es:
            changes = judge(es, run, taken)
        tell(changes, at=run.started_at)

    @task
    def years() -> list[str]:
        """Drop the years that RASID_KEEP_YEARS leaves behind; the indices that went."""
        from rasid.airflow.context import current_run, search
        from rasid.search.retention import drop_years
        from rasid.settings import settings

        kept = settings().keep_years
        if not kept:
            return []
        with search(keeper=True) as es:
            return drop_years(es, before=current_run().started_at.year - kept)

    @task
    def documents() -> dict[str, int]:
        """Delete old documents of the ledger; how many of each family."""
        from rasid.airflow.context import current_run, search
        from rasid.search.retention import prune

        with search(keeper=True) as es:
            return prune(es, now=current_run().started_at)

    @task
    def runs() -> int:
        """Delete the files of old runs; how many runs."""
        from rasid.airflow.context import current_run, search
        from rasid.pipeline.retention import prune_runs
        from rasid.settings import settings

        with search() as es:
            return prune_runs(es, now=current_run().started_at, days=settings().keep_runs)

    @task
    def pages() -> int:
        """Delete archived pages older than RASID_KEEP_PAGES; how many files."""
        from rasid.airflow.context import current_run, search
        from rasid.pipeline.retention import prune_pages
        from rasid.settings import settings

        days = settings().keep_pages
        if not days:
            return 0
        with search() as es:
            return prune_pages(es, now=current_run().started_at, days=days)

    @task
    def database() -> None:
        """Delete old rows of Airflow's database, where RASID_AIRFLOW_DB names it."""
        from rasid.airflow.context import current_run
        from rasid.airflow.upkeep import clean_database
        from rasid.settings import settings

        url = settings().airflow_db.get_secret_value()
        if url:
            age = timedelta(days=settings().keep_airflow)
            clean_database(url, before=current_run().started_at - age)

    @task
    def logs() -> int:
        """Delete old log files of this machine; how many."""
        from pathlib import Path

        from airflow.sdk.configuration import conf

        from rasid.airflow.context import current_run
        from rasid.airflow.upkeep import clean_logs
        from rasid.settings import settings

        folder = Path(conf.get("logging", "base_log_folder"))
        age = timedelta(days=settings().keep_airflow)
        return clean_logs(folder, before=current_run().started_at - age)

    tonight = snapshot()
    tonight >> [judge(), years()]
    runs() >> pages()
    documents()
    database()
    logs()


keep_house()
