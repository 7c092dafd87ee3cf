"""What of the object storage is kept how long: the files of runs, and archived pages.

Of what the ledger calls owed, waiting or quarantined nothing goes, however old it is. What goes
when in Elasticsearch stands in `rasid.search.retention`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import structlog

from elasticsearch import ApiError, Elasticsearch, TransportError
from elasticsearch.helpers import ScanError, scan

from rasid.errors import SearchUnavailable
from rasid.pipeline.records import Run
from rasid.pipeline.store import delete, last_written, list_folders, list_names
from rasid.search import alias
from rasid.search.retention import UNFINISHED
from rasid.settings import settings


log = structlog.get_logger()


def prune_runs(es: Elasticsearch, *, now: datetime, days: int) -> int:
    """Delete the files of runs that wrote nothing for `days` days; how many runs went.

    They are what *Clear* needs to repeat a stage. A run of which entries are still owed keeps them.
    """
    owing = {Run(run_id, "", now).file_name for run_id in _owing(es)}
    limit = now - timedelta(days=days)
    gone = 0
    for name in list_folders(_folder("runs")):
        newest = last_written(_folder(f"runs/{name}"))
        if name not in owing and (newest is None or newest < limit):
            delete(_folder(f"runs/{name}"))
            gone += 1
    log.info("runs pruned", gone=gone, owing=len(owing))
    return gone


def prune_pages(es: Elasticsearch, *, now: datetime, days: int) -> int:
    """Delete WARC files of pages fetched more than `days` days ago; how many files went.

    A file stays while an unfinished entry points into it, and while its run has files: there the
    stages after `fetch` may still be repeated.
    """
    held = {_within(path) for path in _held(es)}
    alive = set(list_folders(_folder("runs")))
    gone = 0
    for day in _days(before=now - timedelta(days=days)):
        names = list_names(_folder(f"archive/{day}"))
        # A name ends in the number of the batch and of the try.
        old = [n for n in names if f"{day}/{n}" not in held and n.rsplit("-", 2)[0] not in alive]
        for name in old:
            delete(_folder(f"archive/{day}/{name}"))
        if len(old) == len(names):
            delete(_folder(f"archive/{day}"))
        gone += len(old)
    log.info("pages pruned", gone=gone, held=len(held))
    return gone


def _owing(es: Elasticsearch) -> list[str]:
    """Ids of the runs that wrote down what is still owed."""
    return sorted({source["last_run_id"] for source in _entries(es, {"term": {"state": "owed"}})})


def _held(es: Elasticsearch) -> Iterator[str]:
    """Paths of the archive that unfinished entries point to."""
    for source in _entries(es, UNFINISHED):
        if source["archive"]:
            yield source["archive"]["path"]


def _entries(es: Elasticsearch, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
    fields = ["archive.path", "last_run_id"]
    try:
        es.indices.refresh(index=alias("entries"))
        found = scan(es, index=alias("entries"), query={"query": query, "_source": fields})
        for hit in found:
            yield {"archive": None, **hit["_source"]}
    # Half an answer would let go what the other half holds.
    except (ApiError, TransportError, ScanError) as error:
        raise SearchUnavailable(
            f"The ledger could not be read ({error}); nothing was deleted. Repeat the task."
        ) from error


def _days(*, before: datetime) -> Iterator[str]:
    """Days of the archive before the day `before`, as its folders are called: 2026/11/29."""
    for year in list_folders(_folder("archive")):
        for month in list_folders(_folder(f"archive/{year}")):
            for day in list_folders(_folder(f"archive/{year}/{month}")):
                if f"{year}/{month}/{day}" < f"{before:%Y/%m/%d}":
                    yield f"{year}/{month}/{day}"


def _within(path: str) -> str:
    """The path from the archive's root on: the storage may have moved since it was written."""
    return path.rpartition("/archive/")[2]


def _folder(name: str) -> str:
    return f"{settings().store_root}/{name}"
