"""Incidents: mentions of several outlets that speak of one event.

Mentions are taken in the order in which they were first seen, and each joins the incident that it
agrees with best, or opens one. So an incident keeps its id (made of its first mention's) when new
reports arrive, and a run costs what is new, not what is old.

Agreement is a sum of weights, as in the table `_WEIGHTS`; contradictions (another actor, other
numbers) lower it a little and are kept side by side, because rival claims about one event are what
analysts look for.
"""

from __future__ import annotations

import hashlib
import re

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, TypeAlias

from elasticsearch import Elasticsearch
from elasticsearch.helpers import scan

from rasid.search.analysis import normalise, stem
from rasid.search.templates import alias, index_for
from rasid.search.writing import Write, WriteResult, write_all


Mention: TypeAlias = Mapping[str, Any]
# Incidents by what they could be found by, each keyed by its identity.
Blocks: TypeAlias = "dict[tuple[str, str, str, date], dict[int, Incident]]"

# Threats, demands and old stories are no incident; a denial is a claim about one.
SPOKEN_OF = frozenset({"factual", "foiled", "denied"})
WINDOW = timedelta(hours=48)
# Chosen on the stories of tests/data/search/stories.txt.
THRESHOLD = 2.5
_WEIGHTS = {
    "same place": 2.0,
    "other place": -2.5,
    "same actor": 1.2,
    "other actor": -0.6,
    "same kind": 0.4,
    "other kind": -0.8,
    "same weapon": 0.4,
    "same target": 0.8,
    "other target": -0.4,
    "same destination": 1.0,
    "other destination": -1.5,
    "numbers overlap": 0.6,
    "numbers differ": -0.3,
    "within 12 hours": 0.8,
    "within 24 hours": 0.3,
    "same story": 1.5,
    "alike sentences": 2.0,  # times the share of words in common
}


@dataclass(frozen=True, slots=True)
class Traits:
    """What a mention is compared by: worked out once, compared often."""

    at: datetime
    values: Mapping[str, frozenset[str]]
    words: frozenset[str]


@dataclass(slots=True)
class Incident:
    """A growing cluster; `mentions` in the order of joining."""

    first: datetime
    last: datetime
    mentions: list[Mention] = field(default_factory=list)
    values: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    words: set[str] = field(default_factory=set)

    @property
    def id(self) -> str:
        """Made of the first mention's id: later reports do not change it."""
        digest = hashlib.sha256(f"incident:{self.mentions[0]['mention_id']}".encode())
        return digest.hexdigest()[:32]

    def add(self, mention: Mention, traits: Traits) -> None:
        """Take the mention in."""
        self.mentions.append(mention)
        self.first, self.last = min(self.first, traits.at), max(self.last, traits.at)
        for name, values in traits.values.items():
            self.values[name] |= values
        self.words |= traits.words


def link(mentions: Iterable[Mention], known: Iterable[Sequence[Mention]] = ()) -> list[Incident]:
    """Clusters of the mentions; `known` are clusters of earlier runs, which may grow.

    Returns all clusters, the known ones first. Mentions need mention_id, event, published_at and
    first_seen_at; the more of the other fields of rasid-mentions there are, the better.
    """
    incidents: list[Incident] = []
    blocks: Blocks = defaultdict(dict)
    for members in known:
        incident = _opened(members[0], traits_of(members[0]))
        for mention in members[1:]:
            incident.add(mention, traits_of(mention))
        _file(incident, blocks)
        incidents.append(incident)
    for mention in sorted(mentions, key=lambda m: (m["first_seen_at"], m["mention_id"])):
        if mention.get("modality", "factual") not in SPOKEN_OF:
            continue
        traits = traits_of(mention)
        scored: list[tuple[float, Incident | None]] = [
            (agreement(traits, candidate), candidate)
            for candidate in _candidates(mention["event"], traits, blocks)
        ]
        score, best = max(scored, key=lambda pair: pair[0], default=(-1.0, None))
        if best is None or score < THRESHOLD:
            best = _opened(mention, traits)
            incidents.append(best)
        else:
            best.add(mention, traits)
        _file(best, blocks)
    return incidents


def agreement(mention: Traits, incident: Incident) -> float:
    """How well the mention fits the incident; THRESHOLD and above joins."""
    own, theirs = mention.values, incident.values
    apart = max(incident.first - mention.at, mention.at - incident.last, timedelta())
    if apart > WINDOW:
        return -1
    score = 0.0
    for name in ("place", "actor", "kind", "target", "destination"):
        if own[name] and theirs[name]:
            verdict = "other" if own[name].isdisjoint(theirs[name]) else "same"
            score += _WEIGHTS[f"{verdict} {name}"]
    score += _WEIGHTS["same weapon"] * (not own["weapon"].isdisjoint(theirs["weapon"]))
    score += _WEIGHTS["same story"] * (not own["story"].isdisjoint(theirs["story"]))
    if own["killed"] and theirs["killed"]:
        differ = own["killed"].isdisjoint(theirs["killed"])
        score += _WEIGHTS["numbers differ" if differ else "numbers overlap"]
    if apart <= timedelta(hours=12):
        score += _WEIGHTS["within 12 hours"]
    elif apart <= timedelta(hours=24):
        score += _WEIGHTS["within 24 hours"]
    shared = len(mention.words & incident.words) / (len(mention.words) or 1)
    return score + _WEIGHTS["alike sentences"] * shared


def document(incident: Incident) -> dict[str, Any]:
    """The document of rasid-incidents: rival claims and numbers side by side."""
    members = incident.mentions
    first = members[0]
    told = Counter(m["modality"] for m in members if m.get("modality"))
    actors = _listed(members, "actor")
    claims = [m.get("attribution") or {} for m in members]
    located = next((m for m in members if m.get("location")), {})
    contradictions = [
        name
        for name, found in {
            "actor": len(actors) > 1,
            "modality": len(told) > 1,
            "killed": _disjoint(members, "killed"),
            "injured": _disjoint(members, "injured"),
        }.items()
        if found
    ]
    return {
        "incident_id": incident.id,
        "revision": len(members),
        "tag": Counter(m["tag"] for m in members if m.get("tag")).most_common(1)[0][0],
        "event": first["event"],
        "kinds": _listed(members, "kind"),
        "subtypes": _listed(members, "subtype"),
        "modality": told.most_common(1)[0][0] if told else None,
        "modalities": sorted(told),
        "actor": Counter(a for m in members for a in _many(m, "actor")).most_common(1)[0][0]
        if actors
        else None,
        "actors": actors,
        "actor_ids": _listed(members, "actor_id"),
        "actor_class": next((m["actor_class"] for m in members if m.get("actor_class")), None),
        "targets": _listed(members, "target"),
        "from": _listed(members, "from"),
        "to": _listed(members, "to"),
        "place": next(iter(_listed(members, "place")), None),
        "places": _listed(members, "place"),
        "location": located.get("location"),
        "place_precision": located.get("place_precision"),
        "event_time": incident.first.isoformat(),
        "weapons": _listed(members, "weapon"),
        "killed": _range(members, "killed"),
        "injured": _range(members, "injured"),
        "contradicted": bool(contradictions),
        "contradictions": contradictions,
        "claimed_by": sorted({c["claimed_by"] for c in claims if c.get("claimed_by")}),
        "denied_by": sorted({c["denied_by"] for c in claims if c.get("denied_by")}),
        "first_outlet": first.get("outlet"),
        "first_newsroom": first.get("newsroom"),
        "first_url": first.get("url"),
        "first_reported_at": first["published_at"],
        "last_reported_at": max(m["published_at"] for m in members),
        "outlets": _listed(members, "outlet"),
        "newsrooms": _listed(members, "newsroom"),
        "countries": _listed(members, "country"),
        "sources": len(_listed(members, "newsroom")),
        "reports": len({m.get("article_id") for m in members}),
        "mention_count": len(members),
        "mention_ids": [m["mention_id"] for m in members],
        "article_ids": _listed(members, "article_id"),
        "title": first.get("title"),
        "sentence": (first.get("sentence") or {}).get("text"),
        "confidence": max((m.get("confidence") or 0 for m in members), default=0),
    }


def link_incidents(es: Elasticsearch, *, since: datetime) -> list[WriteResult]:
    """Cluster the mentions first seen at or after `since` into rasid-incidents.

    Incidents of the days before are read so that they can grow; the others are left alone.
    """
    fresh = list(_stored(es, {"range": {"first_seen_at": {"gte": since.isoformat()}}}))
    if not fresh:
        return []
    oldest = min(when(mention) for mention in fresh) - 2 * WINDOW
    known = [
        hit["_source"]["mention_ids"]
        for hit in scan(
            es,
            index=alias("incidents"),
            query={"query": {"range": {"last_reported_at": {"gte": oldest.isoformat()}}}},
            _source=["mention_ids"],
        )
    ]
    members = _by_id(es, {name for names in known for name in names})
    taken = set(members)
    incidents = link(
        (mention for mention in fresh if mention["mention_id"] not in taken),
        [kept for names in known if (kept := [members[n] for n in names if n in members])],
    )
    sizes = {names[0]: len(names) for names in known}
    grown = [i for i in incidents if len(i.mentions) != sizes.get(i.mentions[0]["mention_id"], 0)]
    documents = [document(incident) for incident in grown]
    index = index_for("incidents")
    return write_all(es, (Write(index, d["incident_id"], d["revision"], d) for d in documents))


def when(mention: Mention) -> datetime:
    """When the event was; when it was reported if no report says (ISO 8601 in the document)."""
    return datetime.fromisoformat(mention.get("event_time") or mention["published_at"])


def traits_of(mention: Mention) -> Traits:
    """What the mention is compared by."""
    killed = mention.get("killed") or {}
    low, high = killed.get("min"), killed.get("max")
    last = low if high is None else high
    # Numbers beyond fifty more than the least told say no more than that they are large.
    span = () if low is None else range(low, min(last, low + 50) + 1)
    # A whole country is no place that two reports could agree on.
    placed = mention.get("place_precision") != "country"
    text = (mention.get("sentence") or {}).get("text") or ""
    return Traits(
        when(mention),
        {
            "place": _names(mention, "place") if placed else frozenset(),
            "actor": _names(mention, "actor"),
            "kind": _names(mention, "kind"),
            "weapon": _names(mention, "weapon"),
            "target": _names(mention, "target"),
            "destination": _names(mention, "to"),
            "story": frozenset(_many(mention, "story_id")),
            "killed": frozenset(map(str, span)),
        },
        frozenset(_stem(word) for word in re.findall(r"\w{3,}", text)),
    )


def _opened(mention: Mention, traits: Traits) -> Incident:
    incident = Incident(traits.at, traits.at)
    incident.add(mention, traits)
    return incident


def _candidates(event: str, traits: Traits, blocks: Blocks) -> Iterable[Incident]:
    # Filed under its days and asked for around them: WINDOW is two days.
    days = [(traits.at + timedelta(days=n)).date() for n in (-2, -1, 0, 1, 2)]
    # One actor acts in many places a day: with a place known, only incidents that name none.
    actor = "actor of no place" if _placed(traits.values) else "actor"
    found: dict[int, Incident] = {}
    for key in _keys(event, traits.values, {"actor": actor}, days):
        found |= blocks.get(key, {})
    return found.values()


def _file(incident: Incident, blocks: Blocks) -> None:
    event, days = incident.mentions[0]["event"], {incident.first.date(), incident.last.date()}
    for actor in ("actor",) if _placed(incident.values) else ("actor", "actor of no place"):
        for key in _keys(event, incident.values, {"actor": actor}, days):
            blocks[key][id(incident)] = incident


def _keys(
    event: str,
    values: Mapping[str, AbstractSet[str]],
    renamed: Mapping[str, str],
    days: Iterable[date],
) -> Iterator[tuple[str, str, str, date]]:
    """Only what shares an event, a place, an actor or a story in days that touch is compared."""
    for name in ("place", "actor", "story", "destination"):
        for value in values[name]:
            for day in days:
                yield event, renamed.get(name, name), value, day


def _placed(values: Mapping[str, AbstractSet[str]]) -> bool:
    return bool(values["place"] or values["destination"])


@lru_cache(maxsize=100_000)
def _stem(word: str) -> str:
    return stem(normalise(word))


def _names(mention: Mention, name: str) -> frozenset[str]:
    return frozenset(
        " ".join(_stem(word) for word in value.split()) for value in _many(mention, name)
    )


def _many(mention: Mention, name: str) -> list[str]:
    value = mention.get(name)
    if isinstance(value, list):
        return [str(v) for v in value if v]
    return [str(value)] if value else []


def _listed(members: Sequence[Mention], name: str) -> list[str]:
    return list(dict.fromkeys(value for member in members for value in _many(member, name)))


def _disjoint(members: Sequence[Mention], name: str) -> bool:
    spans = [m[name] for m in members if m.get(name) and m[name].get("min") is not None]
    highs = [s["max"] if s.get("max") is not None else s["min"] for s in spans]
    return bool(spans) and max(s["min"] for s in spans) > min(highs)


def _range(members: Sequence[Mention], name: str) -> dict[str, int] | None:
    numbers = [
        number
        for member in members
        for number in (member.get(name) or {}).values()
        if number is not None
    ]
    return {"min": min(numbers), "max": max(numbers)} if numbers else None


def _stored(es: Elasticsearch, query: dict[str, Any]) -> Iterator[Mention]:
    hits = scan(es, index=alias("mentions"), query={"query": query}, size=2000)
    return (hit["_source"] for hit in hits)


def _by_id(es: Elasticsearch, ids: set[str]) -> dict[str, Mention]:
    found: dict[str, Mention] = {}
    ordered = sorted(ids)
    for start in range(0, len(ordered), 5000):
        query = {"terms": {"mention_id": ordered[start : start + 5000]}}
        found |= {mention["mention_id"]: mention for mention in _stored(es, query)}
    return found
