"""
# Backfill source

Brings the older articles of one source: by WordPress REST where it is open, else by the sitemaps
that its robots.txt names. *Trigger* shows the form: the feed's id, first and last day.

`look_back → batch → (fetch → read → tag → index)[≤ 500 articles] → settle → go_on`

A run takes a slice of at most 1,000 new articles, at the host's own pace and by its robots.txt, in
a pool of one slot, so that today's news goes on beside it. When its books are closed it starts the
next run by itself, until the history is told. How far each backfill got stands in
`rasid-backfills`: the position is remembered only when the entries before it are owed in the
ledger. Articles that are known already are not fetched again, so days may overlap.

To stop a backfill, fail its run or pause the DAG. The same form filled in again goes on where it
stopped, and does nothing when all is told.

## When it is red

| red task | nearly always | do |
|---|---|---|
| `look_back` | no such feed; neither WordPress nor a sitemap; refused | the log says which |
| `look_back`, after an hour | the source does not answer | *Clear* when it does again |
| `batch`, `settle`, and the group | as in `monitor_news` | its page says what to do |
| `go_on` | Airflow's own database or API | *Clear* it, or fill in the form again |

Nothing is lost when a run stays red: what was found is owed in the ledger, and the next run of
this DAG takes it up, whatever source that run is for.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, dag, task

from rasid.airflow.articles import BACKFILL_POOL, process
from rasid.airflow.assets import ARTICLES
from rasid.airflow.retry import TASKS


@dag(
    dag_id="backfill_source",
    schedule=None,
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    doc_md=__doc__,
    tags=["rasid", "ingest"],
    default_args=TASKS,
    params={
        "source": Param(
            type="string",
            minLength=1,
            title="Source · المصدر",
            description_md="Id of one of its feeds in the registry (`rasid feeds list`).",
        ),
        "from": Param(
            type="string",
            format="date",
            title="Published from · نُشر من",
            description_md="First day (UTC).",
        ),
        "to": Param(
            type="string",
            format="date",
            title="Published to · نُشر إلى",
            description_md="Last day (UTC), included.",
        ),
    },
)
def backfill_source():
    @task(pool=BACKFILL_POOL, execution_timeout=timedelta(minutes=45))
    async def look_back(params: dict | None = None) -> str:
        """Ask the source for older articles until the slice is full."""
        from rasid.airflow.context import current_run, period, search
        from rasid.pipeline.backfill import Backfill, look_back

        with search() as es:
            return await look_back(es, current_run(), Backfill(params["source"], *period(params)))

    @task
    def batch(found: str, params: dict | None = None) -> list[str]:
        """Write down what is new as owed, then remember the position behind it."""
        from rasid.airflow.context import current_run, period, search
        from rasid.pipeline.backfill import Backfill, commit
        from rasid.pipeline.batch import batch

        with search() as es:
            paths = batch(es, current_run(), [found], retry=False)
            commit(es, current_run(), Backfill(params["source"], *period(params)))
        return paths

    @task(trigger_rule="none_failed", outlets=[ARTICLES])
    def settle() -> None:
        """Close the books of the slice."""
        from rasid.airflow.context import current_run, search
        from rasid.pipeline.settle import settle

        with search() as es:
            settle(es, current_run(), [])

    @task
    def go_on(params: dict | None = None) -> None:
        """Start the next run, if the history goes on behind this slice."""
        from rasid.airflow.context import period, run_again, search
        from rasid.pipeline.backfill import Backfill, is_done

        with search() as es:
            done = is_done(es, Backfill(params["source"], *period(params)))
        if not done:
            run_again(params)

    entries = batch(look_back())
    process.partial(pool=BACKFILL_POOL).expand(batch_path=entries) >> settle() >> go_on()


backfill_source()
