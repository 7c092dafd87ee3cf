"""The one road for articles: fetch → read → tag → index, mapped over batches.

`monitor_news` starts at fetch with new entries; whatever works on articles again starts the same
road where it needs to. There is no second one.

Where an entry starts is told by its record: `fetch` passes one that has its archived page, `read`
one that has its article. A DAG whose entries all start later leaves the stages before out.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import task, task_group


HTTP_POOL = "news_http"
# One slot: a backfill asks one host for hours, and must not hold the slots of today's news.
BACKFILL_POOL = "news_backfill"

STAGES = ("fetch", "read", "tag", "index")


@task_group
def process(batch_path: str, start: str = "fetch", pool: str = HTTP_POOL) -> None:
    """Bring one batch of at most 500 entries to the index, from the stage `start` on."""

    @task(
        pool=pool,
        map_index_template="{{ label }}",
        execution_timeout=timedelta(minutes=30),
    )
    async def fetch(path: str) -> str:
        """Fetch pages politely, archive them as WARC."""
        from rasid.airflow.context import current_run, label
        from rasid.pipeline.fetch import fetch

        label(path.rpartition("/")[2].partition(".")[0])
        return await fetch(current_run(), path)

    @task(map_index_template="{{ label }}")
    def read(path: str) -> str:
        """Extract text, dates and language from the archived pages."""
        from rasid.airflow.context import current_run, label
        from rasid.pipeline.read import read

        label(path.rpartition("/")[2].partition(".")[0])
        return read(current_run(), path)

    @task(map_index_template="{{ label }}")
    def tag(path: str) -> str:
        """Tag attacks and troop movements."""
        from rasid.airflow.context import current_run, label
        from rasid.pipeline.tag import tag

        label(path.rpartition("/")[2].partition(".")[0])
        return tag(current_run(), path)

    @task(map_index_template="{{ label }}")
    def index(path: str) -> dict[str, int]:
        """Write articles and mentions, settle the entries."""
        from rasid.airflow.context import current_run, label, search
        from rasid.pipeline.index import index

        label(path.rpartition("/")[2].partition(".")[0])
        with search() as es:
            return index(es, current_run(), path)

    path: Any = batch_path  # within the DAG file a reference to a result, not a string
    for stage in (fetch, read, tag, index)[STAGES.index(start) :]:
        path = stage(path)
