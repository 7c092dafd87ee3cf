"""Link stored mentions to incidents: the clustering of incidents.py on the indices.

A mention's `incident_id` is the truth about where it belongs; the incident's document is made of
its mentions and can be made again. What is to be done is what has no `incident_id` yet, so a run
costs what is new: it reads the new mentions, the incidents that share a key with one of them, and
those incidents' mentions.

Every write says which state it was made from (`if_seq_no`). Of two runs that meet, the second is
refused and looks again; a run that dies leaves mentions that the next run takes up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, TypeAlias

from elasticsearch import ApiError, Elasticsearch, TransportError
from elasticsearch.helpers import ScanError, scan

from rasid.errors import SearchUnavailable
from rasid.search.incidents import (
    SPOKEN_OF,
    Incident,
    Mention,
    Traits,
    document,
    keys_of,
    link,
    traits_of,
)
from rasid.search.templates import alias, index_for
from rasid.search.writing import bulk


Hit: TypeAlias = Mapping[str, Any]

# Mentions at a time: what a run holds in memory is bounded, and what it has done stays done.
BATCH = 5000
# Elasticsearch takes 65,536 terms in a query.
TERMS = 30_000
# A round is written in parts, some at a time: a node works on one request with one core.
PART = 600
WRITERS = 3
# Rounds in a row in which everything was changed under our hands.
PATIENCE = 5
# All that clustering, the incident's document and its evidence need.
_FIELDS = [
    *("mention_id", "article_id", "tag", "event", "subtype", "kind", "modality", "incident_id"),
    *("actor", "actor_id", "actor_class", "target", "from", "to", "place", "location"),
    *("place_precision", "event_time", "event_time_precision", "weapon", "weapon_id"),
    *("killed", "injured", "acled_sub_event", "sentence.text", "attribution", "confidence"),
    *("outlet", "newsroom", "country", "url", "title", "published_at", "first_seen_at"),
]
_STATE = ["mention_ids", "outdated"]


@dataclass(slots=True)
class Linked:
    """What a run did: mentions linked; incidents opened, written again, and left without any."""

    mentions: int = 0
    opened: int = 0
    changed: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True)
class _Round:
    """One batch: the new mentions and the incidents they may join, as they were read."""

    hits: Mapping[str, Hit]  # every mention of the round, by its id …
    mentions: Mapping[str, Mention]  # … and what it says, with its article's story
    traits: Mapping[str, Traits]  # of the new ones
    incidents: Mapping[str, Hit]

    def kept(self, incident: Hit) -> list[Mention]:
        """The members that the incident still has: not gone, not retold, not another's."""
        members = [
            self.mentions[n] for n in incident["_source"]["mention_ids"] if n in self.mentions
        ]
        return [
            member
            for member in members
            if member.get("incident_id") in {None, incident["_id"]}
            and member.get("modality") in SPOKEN_OF
        ]

    def must_write(self, incident: Incident) -> bool:
        """Whether its document would change."""
        names = [mention["mention_id"] for mention in incident.mentions]
        stored = self.incidents.get(incident.id)
        return (
            stored is None
            or stored["_source"].get("outdated", False)
            or stored["_source"]["mention_ids"] != names
            or not self.traits.keys().isdisjoint(names)
        )


def link_incidents(es: Elasticsearch) -> Linked:
    """Bring every mention that has no incident yet to its incident; idempotent.

    Raises SearchUnavailable when Elasticsearch does not answer or other writers never let up.
    """
    done = Linked()
    refused_rounds = 0
    try:
        while work := _next_round(es):
            refused_rounds = 0 if _link(es, work, done) else refused_rounds + 1
            if refused_rounds == PATIENCE:
                raise SearchUnavailable(
                    "Mentions change faster than they can be linked: another run of link_incidents"
                    " or a large re-tagging is going on. Repeating this later is harmless."
                )
    except (ApiError, TransportError, ScanError) as error:
        raise SearchUnavailable(
            f"Incidents could not be linked ({error}). Repeating it is harmless."
        ) from error
    return done


def _next_round(es: Elasticsearch) -> _Round | None:
    es.indices.refresh(index=[alias("mentions"), alias("incidents")])
    fresh = {hit["_source"]["mention_id"]: hit for hit in _unlinked(es)}
    incidents = {hit["_id"]: hit for hit in _outdated(es)}
    if not fresh and not incidents:
        return None
    mentions = _with_stories(es, fresh)
    traits = {name: traits_of(mention) for name, mention in mentions.items()}
    keys = {key for name in mentions for key in keys_of(mentions[name]["event"], traits[name])}
    queries = [{"terms": {"keys": part}} for part in _parts(keys)]
    queries.append({"terms": {"mention_ids": list(fresh)}})
    for query in queries:
        incidents |= {hit["_id"]: hit for hit in _scan(es, "incidents", query, _STATE)}
    names = {name for hit in incidents.values() for name in hit["_source"]["mention_ids"]}
    members = {
        hit["_source"]["mention_id"]: hit
        for part in _parts(names - fresh.keys())
        for hit in _scan(es, "mentions", {"terms": {"mention_id": part}}, _FIELDS)
    }
    mentions = {**_with_stories(es, members), **mentions}
    return _Round({**members, **fresh}, mentions, traits, incidents)


def _link(es: Elasticsearch, work: _Round, done: Linked) -> bool:
    """Do one round; False when every write of it was refused."""
    kept = {name: work.kept(hit) for name, hit in work.incidents.items()}
    taken = {mention["mention_id"] for members in kept.values() for mention in members}
    linked = {
        incident.id: incident
        for incident in link(
            (work.mentions[name] for name in work.traits.keys() - taken),
            {name: members for name, members in kept.items() if members},
            work.traits,
        )
    }
    gone = work.incidents.keys() - linked.keys()
    changed = {name for name, incident in linked.items() if work.must_write(incident)}
    refused = _written(es, _incident_writes(work, linked, gone, changed))
    claims = {
        mention["mention_id"]: name
        for name, incident in linked.items()
        if name not in refused
        for mention in incident.mentions
        if not mention.get("incident_id")
    }
    lost = _written(
        es,
        (
            {**_as_read(work.hits[name]), "_op_type": "update", "doc": {"incident_id": incident}}
            for name, incident in claims.items()
        ),
    )
    # Told anew meanwhile, or claimed by another run: their incidents have to look again.
    doubtful = {claims[name] for name in lost}
    _written(
        es,
        (
            {
                "_op_type": "update",
                "_index": index_for("incidents"),
                "_id": name,
                "doc": {"outdated": True},
            }
            for name in doubtful
        ),
    )
    accepted = (gone | changed) - refused
    done.mentions += len(claims) - len(lost)
    done.opened += len(accepted - work.incidents.keys())
    done.changed += len(accepted & work.incidents.keys() & linked.keys())
    done.removed += len(accepted - linked.keys())
    return bool(accepted or len(claims) > len(lost))


def _incident_writes(
    work: _Round, linked: Mapping[str, Incident], gone: Iterable[str], changed: Iterable[str]
) -> Iterator[dict[str, Any]]:
    for name in gone:
        yield {**_as_read(work.incidents[name]), "_op_type": "delete"}
    for name in changed:
        stored = work.incidents.get(name)
        place = _as_read(stored) if stored else {"_index": index_for("incidents"), "_id": name}
        source = document(linked[name])
        yield {**place, "_op_type": "index" if stored else "create", "_source": source}


def _written(es: Elasticsearch, actions: Iterable[dict[str, Any]]) -> set[str]:
    """Write; the ids of the documents that were not as read any more (409), or gone (404).

    A document that cannot be written at all fails the run, after the others are through.
    """
    refused: set[str] = set()
    faults: list[str] = []
    ordered = iter(actions)
    # What is written next is made while the node is busy with what was made before.
    parts = iter(lambda: list(islice(ordered, PART)), [])
    with ThreadPoolExecutor(WRITERS) as pool:
        answers = [*chain.from_iterable(pool.map(lambda part: list(bulk(es, part)), parts))]
    for good, item in answers:
        ((_, outcome),) = item.items()
        if good:
            continue
        if outcome.get("status") in {404, 409}:
            refused.add(outcome["_id"])
        else:
            faults.append(f"{outcome['_id']}: {outcome.get('error')}")
    if faults:
        raise SearchUnavailable(
            f"{len(faults)} documents could not be written ({faults[0]}). Repeating is harmless."
        )
    return refused


def _unlinked(es: Elasticsearch) -> Iterable[Hit]:
    """The oldest mentions without an incident, with the state they are read in."""
    found = es.search(
        index=alias("mentions"),
        query={
            "bool": {
                "filter": [
                    {"terms": {"modality": sorted(SPOKEN_OF)}},
                    {"exists": {"field": "event"}},
                ],
                "must_not": [{"exists": {"field": "incident_id"}}],
            }
        },
        sort=[{"first_seen_at": "asc"}, {"mention_id": "asc"}],
        size=BATCH,
        source_includes=_FIELDS,
        seq_no_primary_term=True,
    )
    hits: list[Hit] = found["hits"]["hits"]
    return hits


def _outdated(es: Elasticsearch) -> Iterable[Hit]:
    found = es.search(
        index=alias("incidents"),
        query={"term": {"outdated": True}},
        size=BATCH,
        source_includes=_STATE,
        seq_no_primary_term=True,
    )
    hits: list[Hit] = found["hits"]["hits"]
    return hits


def _with_stories(es: Elasticsearch, hits: Mapping[str, Hit]) -> dict[str, Mention]:
    """The mentions, each with the story of which its article is a near copy, if it is one."""
    stories: dict[str, str] = {}
    for part in _parts({hit["_source"]["article_id"] for hit in hits.values()}):
        query = {
            "bool": {"filter": [{"terms": {"article_id": part}}, {"exists": {"field": "story_id"}}]}
        }
        for hit in _scan(es, "articles", query, ["article_id", "story_id"]):
            stories[hit["_source"]["article_id"]] = hit["_source"]["story_id"]
    return {
        name: {**hit["_source"], "story_id": stories.get(hit["_source"]["article_id"])}
        for name, hit in hits.items()
    }


def _scan(es: Elasticsearch, family: str, query: Mapping[str, Any], source: list[str]) -> Any:
    body = {"query": query, "_source": source, "seq_no_primary_term": True}
    return scan(es, index=alias(family), query=body, size=2000)


def _as_read(hit: Hit) -> dict[str, Any]:
    """Where a write goes, if the document is still as it was read.

    To the index itself: behind an alias a migration may have put another, with other numbers.
    """
    return {
        "_index": hit["_index"],
        "_id": hit["_id"],
        "if_seq_no": hit["_seq_no"],
        "if_primary_term": hit["_primary_term"],
    }


def _parts(values: Iterable[str]) -> Iterator[list[str]]:
    ordered = iter(sorted(values))
    while part := list(islice(ordered, TERMS)):
        yield part
