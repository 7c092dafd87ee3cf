"""Who tells a story: counted over the articles that share a `story_id`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from elasticsearch import ApiError, Elasticsearch, TransportError

from rasid.errors import SearchUnavailable
from rasid.search.templates import alias


_FIRST = {"size": 1, "_source": ["outlet", "url", "published_at"]}


@dataclass(frozen=True, slots=True)
class Story:
    """A story as the index has it now; `newsrooms` counts each once, `first_*` is who was first."""

    story_id: str
    articles: int
    newsrooms: int
    outlets: tuple[str, ...]
    first_outlet: str
    first_url: str
    first_at: str | None


def stories(es: Elasticsearch, ids: Iterable[str]) -> dict[str, Story]:
    """The stories of `ids` by id; those without articles are left out.

    First is who published first; a date without a time of day does not count for that, since it
    reads as midnight. Where no article has a time, first is whom we saw first.
    """
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    timed = [{"exists": {"field": "published_at"}}]
    try:
        answer = es.search(
            index=alias("articles"),
            size=0,
            query={"terms": {"story_id": wanted}},
            aggs={
                "stories": {
                    "terms": {"field": "story_id", "size": len(wanted)},
                    "aggs": {
                        "newsrooms": {"cardinality": {"field": "newsroom"}},
                        "outlets": {"terms": {"field": "outlet", "size": 100}},
                        "timed": {
                            "filter": {
                                "bool": {
                                    "filter": timed,
                                    "must_not": [{"term": {"published_precision": "day"}}],
                                }
                            },
                            "aggs": {"first": {"top_hits": {**_FIRST, "sort": "published_at"}}},
                        },
                        "seen": {"top_hits": {**_FIRST, "sort": ["first_seen_at", "published_at"]}},
                    },
                }
            },
        )
    except (ApiError, TransportError) as error:
        raise SearchUnavailable(f"Stories could not be counted ({error}).") from error
    return {b["key"]: _story(b) for b in answer["aggregations"]["stories"]["buckets"]}


def _story(bucket: dict[str, Any]) -> Story:
    hits = bucket["timed"]["first"]["hits"]["hits"] or bucket["seen"]["hits"]["hits"]
    first = hits[0]["_source"]
    return Story(
        story_id=bucket["key"],
        articles=bucket["doc_count"],
        newsrooms=bucket["newsrooms"]["value"],
        outlets=tuple(b["key"] for b in bucket["outlets"]["buckets"]),
        first_outlet=first["outlet"],
        first_url=first["url"],
        first_at=first["published_at"],
    )
