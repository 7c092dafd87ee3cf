"""
# Replay quarantine

Puts entries that ended without an article on the road again, each where it stopped: a page that
was never fetched is fetched, one that could not be read is read from the archive, and one that
Elasticsearch refused is read, tagged and indexed from the archive. The outlet is asked only for
pages that we do not have.

Started by hand, after something was mended: the extractor, the lexicon, a mapping, or the source.
*Trigger* shows the form. Without a cause it takes what is quarantined; with one also what was
dropped for it, such as `timeout` after six tries. `rasid quarantine list` shows what waits, and
`rasid quarantine replay` runs this DAG without a scheduler.

`replay → (fetch → read → tag → index)[≤ 500 entries] → settle`

A replay is harmless: an entry keeps its ending until it gets another, an article that is indexed
already stays as it is, and what fails again is quarantined again or, for a passing fault, waits
for `monitor_news` to try. At most 10,000 entries a run; start it again for more.

## When it is red

| red task | nearly always | do |
|---|---|---|
| `replay` | the dates are exchanged, or Elasticsearch is down | mend what the log names |
| `fetch`, `read` | the storage (`RASID_STORE`) | free space, check its keys, *Clear* |
| `tag`, `index` | as in `monitor_news` | its page says what to do |
| `settle` | the books do not close | a defect: report it with the log's figures |
"""

from __future__ import annotations

from airflow.sdk import Param, dag, task

from rasid.airflow.articles import process
from rasid.airflow.assets import ARTICLES
from rasid.airflow.forms import between_days, one_feed
from rasid.airflow.notify import GREEN, RED
from rasid.airflow.retry import TASKS


@dag(
    dag_id="replay_quarantine",
    schedule=None,
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    doc_md=__doc__,
    on_failure_callback=RED,
    on_success_callback=GREEN,
    tags=["rasid", "ops"],
    default_args=TASKS,
    params={
        "cause": Param(
            default=None,
            type=["null", "string"],
            title="Cause · السبب",
            description_md="A name of docs/operating.md, such as `no_text`. Empty: every cause.",
        ),
        "feed": one_feed(),
        **between_days("Ended", "انتهى", "First day (UTC) on which the entry ended."),
        "entries": Param(
            default=[],
            type="array",
            items={"type": "string"},
            title="Only these entries · هذه المواد فقط",
            description_md="Ids of `rasid-entries`, one a line. Empty: all that the rest selects.",
        ),
    },
)
def replay_quarantine():
    @task
    def replay(params: dict | None = None) -> list[str]:
        """Select the entries and share them out."""
        from rasid.airflow.context import current_run, period, search
        from rasid.pipeline.quarantine import Selection, replay

        cause, feed = params["cause"] or "", params["feed"] or ""
        chosen = Selection(cause, feed, *period(params), ids=tuple(params["entries"]))
        with search() as es:
            return replay(es, current_run(), chosen)

    @task(trigger_rule="none_failed", outlets=[ARTICLES])
    def settle() -> None:
        """Close the books: every entry taken up has its ending."""
        from rasid.airflow.context import current_run, search
        from rasid.pipeline.settle import settle

        with search() as es:
            settle(es, current_run(), [])

    process.expand(batch_path=replay()) >> settle()


replay_quarantine()
