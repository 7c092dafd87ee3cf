"""
# Tag the archive again

Tags stored articles with today's lexicon and model, and compares the mentions that come out with
those stored: gained, lost, changed. Started by hand after the lexicon or the model was changed.

`plan → compare[days] → report, take_up → (tag → index)[≤ 100 articles] → settle`

Run it first with *Switch* off: the log of `report` is the comparison, also kept as `report.md`
among the run's files, and every article whose mentions differ is a document of `rasid-changes`.
When the report is to your liking, run it again with *Switch* on. Articles carry the version of the
tagger that tagged them; what today's tagger has tagged already is not taken up again, so a switch
that was stopped is taken up where it stood by running it once more. A run switches at most 20,000
articles. One that its outlet took down stays as it is.

A day of first sight is one task: *Clear* repeats only the days that failed.

## When it is red

| red task | nearly always | do |
|---|---|---|
| `plan` | dates exchanged or too far apart, or a lexicon that does not compile | read the log |
| `compare`, `report`, `take_up` | Elasticsearch or the storage (`RASID_STORE`) | mend it, *Clear* |
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
    dag_id="retag_archive",
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
        "version": Param(
            default=None,
            type=["null", "string"],
            title="Tagged by version · بنسخة المصنِّف",
            description_md="A `tagger_version` of `rasid-articles`. Empty: every one but today's.",
        ),
        "apply": Param(
            default=False,
            type="boolean",
            title="Switch · اعتماد النتائج الجديدة",
            description_md="On: bring today's mentions to the index. Off: only compare and report.",
        ),
    },
)
def retag_archive():
    @task
    def plan(params: dict | None = None) -> list[str]:
        """The days that have articles of another tagger version."""
        from rasid.airflow.context import period, search
        from rasid.pipeline.retag import days

        with search() as es:
            return days(es, *period(params), params["feed"] or "", params["version"] or "")

    @task(map_index_template="{{ label }}", execution_timeout=timedelta(hours=1))
    def compare(day: str, params: dict | None = None) -> dict:
        """Tag a day's articles again and write down what differs."""
        from dataclasses import asdict

        from rasid.airflow.context import current_run, label, search
        from rasid.pipeline.retag import compare

        label(day)
        which = params["feed"] or "", params["version"] or ""
        with search() as es:
            return asdict(compare(es, current_run(), day, *which, apply=params["apply"]))

    @task(trigger_rule="none_failed")
    def report(compared: list[dict], params: dict | None = None) -> None:
        """Say what differs; the whole report stands in this task's log."""
        import structlog

        from rasid.airflow.context import current_run, search
        from rasid.pipeline.reread import Compared
        from rasid.pipeline.retag import report

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
        """Close the books: every article taken up has its ending."""
        from rasid.airflow.context import current_run, search
        from rasid.pipeline.settle import settle

        with search() as es:
            settle(es, current_run(), [])

    compared = compare.expand(day=plan())
    report(compared)
    process.partial(start="tag").expand(batch_path=take_up(compared)) >> settle()


retag_archive()
