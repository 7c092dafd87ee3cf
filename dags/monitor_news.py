"""
# Monitor news

Polls every feed that is due, fetches its new articles, reads and tags them, indexes articles and
mentions, and closes the books. A run is one pass of this chain:

`plan → poll[feeds] → batch → (fetch → read → tag → index)[≤ 500 articles] → settle`

Every quarter of an hour; each feed has an interval of its own, so most runs poll only some. What
became of every single entry stands in `rasid-entries`, the counts per feed in `rasid-runs`. When
the books close, the asset `rasid://articles` is updated.

## When it is red

A dead feed, a broken page or a refused document never reddens a run: they are rows with a named
outcome. A red task means the platform or a file of ours:

| red task | nearly always | do |
|---|---|---|
| `plan` | the registry, or Elasticsearch is down | mend what the log names, then *Clear* the task |
| `poll`, `fetch`, `read` | the storage (`RASID_STORE`) | free space, check its keys, *Clear* |
| `tag` | the lexicon does not compile | the log names file and line |
| `batch`, `index` | Elasticsearch is down or full | start it, *Clear*; repeats are harmless |
| `settle` | the books do not close | a defect: the log says which feed and how much; report it |

Nothing is lost when a run stays red: entries that were found are owed in the ledger, validators
are remembered only when the books closed, and the next run takes up both.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, dag, task

from rasid.airflow.articles import HTTP_POOL, process
from rasid.airflow.assets import ARTICLES
from rasid.airflow.notify import GREEN, RED, due_within
from rasid.airflow.retry import TASKS


@dag(
    dag_id="monitor_news",
    schedule="*/15 * * * *",
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    on_failure_callback=RED,
    on_success_callback=GREEN,
    # Poll and fetch wait up to a quarter of an hour for slow hosts, and many batches queue.
    deadline=due_within(timedelta(minutes=45)),
    tags=["rasid", "ingest"],
    default_args=TASKS,
    params={
        "only_due": Param(
            default=True,
            type="boolean",
            title="Only feeds that are due · المصادر المستحقة فقط",
            description_md="Off: poll every enabled feed now, whatever its interval.",
        )
    },
)
def monitor_news():
    @task
    def plan(params: dict | None = None) -> list[list[str]]:
        """Choose the feeds that are due, in batches."""
        from rasid.airflow.context import current_run, search
        from rasid.pipeline.plan import plan

        with search() as es:
            return plan(es, current_run(), only_due=params["only_due"])

    @task(pool=HTTP_POOL, map_index_template="{{ label }}")
    async def poll(feed_ids: list[str], ti: Any = None) -> str:
        """Ask a batch of feeds what is new."""
        from rasid.airflow.context import current_run, label, search
        from rasid.pipeline.poll import poll

        label(", ".join(feed_ids))
        with search() as es:
            return await poll(es, current_run(), feed_ids, name=f"{ti.map_index:04}")

    @task(trigger_rule="none_failed")
    def batch(poll_paths: list[str]) -> list[str]:
        """Tell new entries from known ones and write down what is owed."""
        from rasid.airflow.context import current_run, search
        from rasid.pipeline.batch import batch

        with search() as es:
            return batch(es, current_run(), list(poll_paths or ()))

    @task(trigger_rule="none_failed", outlets=[ARTICLES])
    def settle(poll_paths: list[str]) -> None:
        """Close the books and remember the feeds' validators."""
        from rasid.airflow.context import current_run, search
        from rasid.pipeline.settle import settle

        with search() as es:
            settle(es, current_run(), list(poll_paths or ()))

    polls = poll.expand(feed_ids=plan())
    process.expand(batch_path=batch(polls)) >> settle(polls)


monitor_news()
