"""
# Read the archive again

Reads archived pages with today's extractor, date reader and language gate, without the network,
and compares what comes out with what was stored: text, title, date or extraction method changed,
article lost, article gained. Started by hand after the reader was changed.

`plan → compare[days] → report, take_up → (read → tag → index)[≤ 500 articles] → settle`

Run it first with *Switch* off: the log of `report` is the comparison, also kept as `report.md`
among the run's files, and every single change is a document of `rasid-changes`. Run it again with
*Switch* on to bring the changed articles to the index. An article that cannot be read any more is
reported as lost and stays as it was; a quarantined page that can be read now is gained.

A day of first sight is one task: *Clear* repeats only the days that failed. An article that was
switched reads as it is stored, so a repeat takes up only what is left; a run switches at most
20,000 entries.

## When it is red

| red task | nearly always | do |
|---|---|---|
| `plan` | the two dates are exchanged or too far apart | fill in the form again |
| `compare`, `read` | the storage (`RASID_STORE`) | check its keys, *Clear* the red days |
| `report`, `take_up` | Elasticsearch or the storage | mend it, *Clear* |
| `tag`, `index`, `settle` | as in `monitor_news` | its page says what to do |
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, dag, task

from rasid.airflow.articles import process
from rasid.airflow.assets import ARTICLES
from rasid.airflow.forms import between_days, one_feed
from rasid.airflow.notify import GREEN, RED
from rasid.airflow.retry import TASKS


@dag(
    dag_id="reread_archive",
    schedule=None,
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    doc_md=__doc__,
    on_failure_callback=RED,
    on_success_callback=GREEN,
    tags=["rasid", "quality"],
    default_args=TASKS,
    params={
        "feed": one_feed(),
        **between_days("First seen", "رُصد"),
        "apply": Param(
            default=False,
            type="boolean",
            title="Switch · اعتماد النص الجديد",
            description_md="On: bring what changed to the index. Off: only compare and report.",
        ),
    },
)
def reread_archive():
    @task
    def plan(params: dict | None = None) -> list[str]:
        """The days that have archived pages."""
        from rasid.airflow.context import period, search
        from rasid.pipeline.reread import days

        with search() as es:
            return days(es, *period(params), params["feed"] or "")

    @task(map_index_template="{{ label }}", execution_timeout=timedelta(hours=1))
    def compare(day: str, params: dict | None = None) -> dict:
        """Read a day's pages again and write down what differs."""
        from dataclasses import asdict

        from rasid.airflow.context import current_run, label, search
        from rasid.pipeline.reread import compare

        label(day)
        feed, apply = params["feed"] or "", params["apply"]
        with search() as es:
            return asdict(compare(es, current_run(), day, feed, apply=apply))

    @task(trigger_rule="none_failed")
    def report(compared: list[dict], params: dict | None = None) -> None:
        """Say what differs; the whole report stands in this task's log."""
        import structlog

        from rasid.airflow.context import current_run, search
        from rasid.pipeline.reread import Compared, report

        days = [Compared(**day) for day in compared or ()]
        with search() as es:
            text = report(es, current_run(), days, apply=params["apply"])
        structlog.get_logger().info(text)

    @task(trigger_rule="none_failed")
    def take_up(compared: list[dict]) -> list[str]:
        """Share out what is to be switched; nothing when only comparing."""
        from rasid.airflow.context import current_run
        from rasid.pipeline.reread import Compared, take_up

        return take_up(current_run(), [Compared(**day) for day in compared or ()])

    @task(trigger_rule="none_failed", outlets=[ARTICLES])
    def settle() -> None:
        """Close the books: every entry taken up has its ending."""
        from rasid.airflow.context import current_run, search
        from rasid.pipeline.settle import settle

        with search() as es:
            settle(es, current_run(), [])

    compared = compare.expand(day=plan())
    report(compared)
    process.partial(start="read").expand(batch_path=take_up(compared)) >> settle()


reread_archive()
