"""One query builder for `rasid search`, the saved searches and the incidents' evidence."""

from __future__ import annotations

import re

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from elasticsearch import ApiError, Elasticsearch, TransportError

from rasid.errors import QueryError, SearchUnavailable
from rasid.search.templates import alias


LONGEST_QUERY = 1000
MOST_CLAUSES = 60
QUOTES = {"«": "»", "“": "”", '"': '"'}
_SINCE = re.compile(r"(\d+)\s*([hdwMy])")

FIELDS = {
    "articles": ("title.exact^4", "title^3", "text.exact^1.5", "text", "summary"),
    "mentions": ("sentence.text.exact^2", "sentence.text", "title.exact^1.5", "title"),
    "incidents": ("sentence.exact^2", "sentence", "title.exact^1.5", "title"),
}
ARTICLE_RECALL = ("title.recall", "text.recall")
HIGHLIGHTED = {"articles": ("title", "text"), "mentions": ("sentence.text", "title")}
# So many of the best documents by their words are looked at again for words that stand together.
LOOKED_AT_AGAIN = 100


@dataclass(frozen=True, slots=True)
class Query:
    """What a person asks for; empty fields do not filter.

    `text`: words, and phrases in quotes ("…", «…» or “…”); a word after - must not occur.
    `since`, `until`: an ISO date, or an age such as 36h, 7d, 2w, 3M, 1y.
    """

    text: str = ""
    tag: str = ""
    actor: str = ""
    place: str = ""
    modality: str = ""
    outlet: str = ""
    since: str = ""
    until: str = ""
    size: int = 20


@dataclass(frozen=True, slots=True)
class Hit:
    """A document found; `highlights` holds fragments by field, matches in <mark>…</mark>."""

    id: str
    score: float
    source: Mapping[str, Any]
    highlights: Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class Words:
    """A query's text taken apart."""

    plain: str
    phrases: tuple[str, ...]
    banned: tuple[str, ...]


def parse(text: str) -> Words:
    """Take the text apart; QueryError says what to write instead."""
    if len(text) > LONGEST_QUERY:
        raise QueryError(
            f"The query has {len(text):,} characters; at most {LONGEST_QUERY:,} can be searched."
            " Take the few words that matter, or a sentence in quotes."
        )
    plain: list[str] = []
    phrases: list[str] = []
    rest = text
    while rest:
        opening = re.search('[«“"]', rest)
        if not opening:
            plain.append(rest)
            break
        plain.append(rest[: opening.start()])
        inside, closing, after = rest[opening.end() :].partition(QUOTES[opening[0]])
        if not closing:
            raise QueryError(
                f"The quotation mark {opening[0]} at character"
                f" {len(text) - len(rest) + opening.start() + 1} is never closed. Close it with"
                f" {QUOTES[opening[0]]} or take it away."
            )
        phrases.append(inside.strip())
        rest = after
    words = " ".join(plain).split()
    banned = tuple(word[1:] for word in words if word.startswith("-") and len(word) > 1)
    wanted = [word for word in words if not word.startswith("-")]
    if len(wanted) + len(phrases) + len(banned) > MOST_CLAUSES:
        raise QueryError(
            f"The query has more than {MOST_CLAUSES} words. Take the few that matter, or put the"
            " sentence in quotes."
        )
    return Words(" ".join(wanted), tuple(p for p in phrases if p), banned)


def search_articles(es: Elasticsearch, query: Query) -> list[Hit]:
    """Articles, best first."""
    return _search(es, "articles", query, article_query(query))


def search_mentions(es: Elasticsearch, query: Query) -> list[Hit]:
    """Event mentions, best first; newest first when there is no text."""
    return _search(es, "mentions", query, mention_query(query))


def article_query(query: Query) -> dict[str, Any]:
    """The request's `query` over rasid-articles."""
    filters: list[dict[str, Any]] = [
        *([{"term": {f"tags.{query.tag}": True}}] if query.tag else []),
        *([_named(query.actor, "tags.actors.norm")] if query.actor else []),
        *([_named(query.place, "tags.places.norm")] if query.place else []),
        *([{"term": {"tags.modalities": query.modality}}] if query.modality else []),
        *([_named(query.outlet, "outlet.norm", "feed_id")] if query.outlet else []),
        *_between(query, "published_at"),
    ]
    return _combined(query, filters, FIELDS["articles"], ARTICLE_RECALL)


def mention_query(query: Query) -> dict[str, Any]:
    """The request's `query` over rasid-mentions; the tag "attack" includes militia attacks."""
    tag = "tag" if query.tag == "militia_attack" else "event"
    actors = ("actor.norm", "force.norm", "actor_id")
    places = ("place.norm", "from.norm", "to.norm")
    filters: list[dict[str, Any]] = [
        *([{"term": {tag: query.tag}}] if query.tag else []),
        *([_named(query.actor, *actors)] if query.actor else []),
        *([_named(query.place, *places)] if query.place else []),
        *([{"term": {"modality": query.modality}}] if query.modality else []),
        *([_named(query.outlet, "outlet.norm", "feed_id")] if query.outlet else []),
        *_between(query, "published_at"),
    ]
    return _combined(query, filters, FIELDS["mentions"])


def incident_query(query: Query) -> dict[str, Any]:
    """The request's `query` over rasid-incidents; the dates are those of the first report."""
    tag = "tag" if query.tag == "militia_attack" else "event"
    filters: list[dict[str, Any]] = [
        *([{"term": {tag: query.tag}}] if query.tag else []),
        *([_named(query.actor, "actors.norm", "actor_ids")] if query.actor else []),
        *([_named(query.place, "places.norm", "from.norm", "to.norm")] if query.place else []),
        *([{"term": {"modalities": query.modality}}] if query.modality else []),
        *([_named(query.outlet, "outlets.norm")] if query.outlet else []),
        *_between(query, "first_reported_at"),
    ]
    return _combined(query, filters, FIELDS["incidents"])


def _combined(
    query: Query,
    filters: list[dict[str, Any]],
    fields: tuple[str, ...],
    recall: tuple[str, ...] = (),
) -> dict[str, Any]:
    words = parse(query.text)
    must: list[dict[str, Any]] = []
    if words.plain:
        match: dict[str, Any] = {
            "query": words.plain,
            "fields": list(fields),
            "type": "most_fields",
        }
        wide = [{"multi_match": {**match, "minimum_should_match": "2<75%"}}]
        if recall:
            loose: dict[str, Any] = {"query": words.plain, "fields": list(recall), "boost": 0.2}
            wide.append({"multi_match": {**loose, "minimum_should_match": "2<75%"}})
        must.append({"bool": {"should": wide, "minimum_should_match": 1}})
    must += [_phrase(phrase, fields) for phrase in words.phrases]
    return {
        "bool": {
            "must": must,
            "filter": filters,
            "must_not": [
                {"multi_match": {"query": word, "fields": list(fields)}} for word in words.banned
            ],
        }
    }


def _phrase(text: str, fields: tuple[str, ...], boost: float = 1) -> dict[str, Any]:
    return {
        "multi_match": {
            "query": text,
            "fields": list(fields),
            "type": "phrase",
            "slop": 1,
            "boost": boost,
        }
    }


def _named(name: str, *fields: str) -> dict[str, Any]:
    """The name, or a longer name that holds it as whole words; the normalizer folds both."""
    shapes = (name, f"{name} *", f"* {name}", f"* {name} *")
    clauses = [{"wildcard": {field: {"value": shape}}} for field in fields for shape in shapes]
    return {"bool": {"should": clauses, "minimum_should_match": 1}}


def _between(query: Query, field: str) -> list[dict[str, Any]]:
    limits = {"gte": query.since, "lte": query.until}
    spelled = {side: _moment(value) for side, value in limits.items() if value}
    return [{"range": {field: spelled}}] if spelled else []


def _moment(value: str) -> str:
    age = _SINCE.fullmatch(value.strip())
    if age:
        return f"now-{age[1]}{age[2]}"
    if re.match(r"\d{4}-\d{2}-\d{2}", value):
        return value
    raise QueryError(f"{value!r} is no date. Write an age such as 7d, 36h or 2w, or 2026-11-24.")


_NEWEST = {"published_at": {"order": "desc", "unmapped_type": "date"}}


def _search(es: Elasticsearch, family: str, query: Query, asked: dict[str, Any]) -> list[Hit]:
    words = parse(query.text)
    try:
        found = es.search(
            index=alias(family),
            query=asked,
            size=query.size,
            # By the score alone, and nothing counted, most documents need not be scored at all.
            sort=None if asked["bool"]["must"] else [_NEWEST],
            rescore=_together(words, FIELDS[family]) if " " in words.plain else None,
            track_total_hits=False,
            highlight={
                "type": "unified",
                "boundary_scanner": "sentence",
                "boundary_scanner_locale": "ar",
                "pre_tags": ["<mark>"],
                "post_tags": ["</mark>"],
                "fields": {field: _highlighted(words, field) for field in HIGHLIGHTED[family]},
            },
        )
    except (ApiError, TransportError) as error:
        raise SearchUnavailable(f"The search failed ({error}).") from error
    hits = [
        Hit(
            id=hit["_id"],
            score=hit["_score"] or 0.0,
            source=hit["_source"],
            highlights=hit.get("highlight", {}),
        )
        for hit in found["hits"]["hits"]
    ]
    # Of equal scores, as copies have, the newest first.
    return sorted(
        hits, key=lambda hit: (hit.score, str(hit.source.get("published_at") or "")), reverse=True
    )


def _together(words: Words, fields: tuple[str, ...]) -> dict[str, Any]:
    """Raise, of the best documents, those in which the words stand together.

    As a clause of the query it would be asked of every document that has the words: half the time
    of a search (bench/search.py).
    """
    return {
        "window_size": LOOKED_AT_AGAIN,
        "query": {"rescore_query": _phrase(words.plain, fields, boost=2)},
    }


def _highlighted(words: Words, field: str) -> dict[str, Any]:
    """Fragments of the field with the words that were asked for, by stem or as written.

    The query itself would mark the same words, in half as much time again: it asks more.
    """
    views = (field, f"{field}.exact")
    asked: list[dict[str, Any]] = [{"match": {view: words.plain}} for view in views if words.plain]
    asked += [
        {"match_phrase": {view: {"query": phrase, "slop": 1}}}
        for view in views
        for phrase in words.phrases
    ]
    return {
        "matched_fields": list(views),
        "number_of_fragments": 2,
        "highlight_query": {"bool": {"should": asked}},
    }
