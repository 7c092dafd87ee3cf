"""Bulk writing with one outcome per document (search.md §4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from elasticsearch import ApiError, Elasticsearch, TransportError
from elasticsearch.helpers import streaming_bulk

from rasid.errors import SearchUnavailable
from rasid.search.templates import alias, create_partition


CHUNK_DOCUMENTS = 300
CHUNK_BYTES = 8 << 20
# Seconds before the first repeat of a document that met 429, doubled each time.
FIRST_WAIT = 1.0
RETRIES = 5


@dataclass(frozen=True, slots=True)
class Write:
    """A whole document at a revision; an older revision never overwrites a newer one.

    `index` is a write alias (`index_for`).
    """

    index: str
    id: str
    version: int
    source: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What became of one document. `stale`: a newer revision was there, which is a success.

    `rejected`: this document can never be written as it is (the mapping refuses it); `error` is
    Elasticsearch's reason.
    """

    id: str
    status: Literal["created", "updated", "stale", "rejected"]
    error: str = ""


def write_all(es: Elasticsearch, writes: Iterable[Write]) -> list[WriteResult]:
    """Write all documents; the results of those that were settled, in the order of settling.

    Raises SearchUnavailable when some could not be settled (no answer, still 429), after the
    others are through: calling again with the same writes is harmless.
    """
    results: list[WriteResult] = []
    unsettled: list[str] = []
    try:
        for good, item in bulk(es, _actions(es, writes), to_aliases=True):
            outcome = item["index"]
            status, reason = outcome.get("status"), _reason(outcome)
            if good:
                results.append(WriteResult(outcome["_id"], outcome["result"]))
            elif status == 409:
                results.append(WriteResult(outcome["_id"], "stale"))
            elif status == 400:
                results.append(WriteResult(outcome["_id"], "rejected", reason))
            else:
                unsettled.append(reason)
    except TransportError as error:
        raise SearchUnavailable(
            f"Elasticsearch stopped answering while documents were written ({error})."
            " Writing them again is harmless."
        ) from error
    if unsettled:
        raise SearchUnavailable(
            f"{len(unsettled)} of {len(unsettled) + len(results)} documents could not be written"
            f" ({unsettled[0]}). Writing them again is harmless."
        )
    return results


def delete_stale_mentions(es: Elasticsearch, revisions: Mapping[str, int]) -> int:
    """Delete mentions older than their article's revision (by article id); how many went.

    One call per batch: it refreshes first, so that what a run wrote seconds ago is seen. The
    incidents of these articles are marked, so that link_incidents makes them again.
    """
    if not revisions:
        return 0
    older = [
        {
            "bool": {
                "filter": [
                    {"term": {"article_id": article}},
                    {"range": {"revision": {"lt": revision}}},
                ]
            }
        }
        for article, revision in revisions.items()
    ]
    mentions = alias("mentions")
    try:
        es.indices.refresh(index=mentions)
        gone = es.delete_by_query(
            index=mentions, query={"bool": {"should": older}}, conflicts="proceed"
        )
        mark_outdated(es, sorted(revisions))
    except (ApiError, TransportError) as error:
        raise SearchUnavailable(f"Stale mentions could not be deleted ({error}).") from error
    return int(gone["deleted"])


def mark_outdated(es: Elasticsearch, articles: list[str]) -> None:
    """Let link_incidents make the incidents of these articles again, whoever else writes them."""
    incidents = alias("incidents")
    clashes = 1
    while clashes:
        es.indices.refresh(index=incidents)
        marked = es.update_by_query(
            index=incidents,
            query={
                "bool": {
                    "filter": [{"terms": {"article_ids": articles}}],
                    "must_not": [{"term": {"outdated": True}}],
                }
            },
            script={"source": "ctx._source.outdated = true"},
            conflicts="proceed",
        )
        clashes = marked["version_conflicts"]


def bulk(
    es: Elasticsearch, actions: Iterable[dict[str, Any]], *, to_aliases: bool = False
) -> Iterable[tuple[bool, dict[str, Any]]]:
    """Send bulk actions; (succeeded, outcome by operation) for each. A 429 is tried again.

    `to_aliases`: refuse what names no alias, instead of inventing an index that takes anything.
    """
    return streaming_bulk(
        es,
        actions,
        chunk_size=CHUNK_DOCUMENTS,
        max_chunk_bytes=CHUNK_BYTES,
        max_retries=RETRIES,
        initial_backoff=FIRST_WAIT,
        max_backoff=60,
        require_alias=to_aliases,
        retry_on_status=(429, 502, 503),
        raise_on_error=False,
        raise_on_exception=False,
    )


def _actions(es: Elasticsearch, writes: Iterable[Write]) -> Iterator[dict[str, Any]]:
    ready: set[str] = set()
    for write in writes:
        if write.index not in ready:
            if not es.indices.exists_alias(name=write.index):
                create_partition(es, write.index)
            ready.add(write.index)
        yield {
            "_op_type": "index",
            "_index": write.index,
            "_id": write.id,
            "_version": write.version,
            "_version_type": "external_gte",
            "_source": write.source,
        }


def _reason(outcome: Mapping[str, Any]) -> str:
    error = outcome.get("error")
    if not isinstance(error, Mapping):
        return str(error or "")
    cause = error.get("caused_by") or {}
    return ": ".join(str(part) for part in (error.get("reason"), cause.get("reason")) if part)
