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
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, TypeAlias

from rasid.search.analysis import normalise, stem


Mention: TypeAlias = Mapping[str, Any]
# Incidents by what they could be found by (see `_keys`), each by its id.
Blocks: TypeAlias = "dict[str, dict[str, Incident]]"

# Threats, demands and old stories are no incident; a denial is a claim about one.
SPOKEN_OF = frozenset({"factual", "foiled", "denied"})
WINDOW = timedelta(hours=48)
# An event that goes on for longer is told as several: daily shelling of one town is no one event.
LONGEST = timedelta(hours=72)
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
_COUNTS = ("killed", "injured")


@dataclass(frozen=True, slots=True)
class Traits:
    """What a mention is compared by: worked out once, compared often."""

    at: datetime
    values: Mapping[str, frozenset[str]]
    words: frozenset[str]


@dataclass(slots=True)
class Incident:
    """A growing cluster; `mentions` in the order of joining."""

    id: str
    first: datetime
    last: datetime
    mentions: list[Mention] = field(default_factory=list)
    values: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    words: set[str] = field(default_factory=set)

    @property
    def keys(self) -> set[str]:
        """What a mention that could join shares at least one of with it (`keys_of`)."""
        days = {self.first.date(), self.last.date()}
        placed = _placed(self.values)
        return {
            key
            for actor in (("actor",) if placed else ("actor", "actor of no place"))
            for key in _keys(self.mentions[0]["event"], self.values, actor, days)
        }

    def add(self, mention: Mention, traits: Traits) -> None:
        """Take the mention in."""
        self.mentions.append(mention)
        self.first, self.last = min(self.first, traits.at), max(self.last, traits.at)
        for name, values in traits.values.items():
            self.values[name] |= values
        self.words |= traits.words


def link(
    mentions: Iterable[Mention],
    known: Mapping[str, Sequence[Mention]] | None = None,
    traits: Mapping[str, Traits] | None = None,
) -> list[Incident]:
    """Clusters of the mentions; `known` are clusters of earlier runs by id, which may grow.

    `traits`: those of mentions, by mention_id, that are worked out already.

    Returns all clusters, the known ones first. Mentions need mention_id, event and first_seen_at;
    the more of the other fields of rasid-mentions there are, the better.
    """
    blocks: Blocks = defaultdict(dict)
    worked_out = traits or {}
    incidents = [rebuilt(name, members) for name, members in (known or {}).items()]
    for incident in incidents:
        _file(incident, blocks)
    for mention in sorted(mentions, key=lambda m: (m["first_seen_at"], m["mention_id"])):
        if mention.get("modality", "factual") not in SPOKEN_OF:
            continue
        own = worked_out.get(mention["mention_id"]) or traits_of(mention)
        candidates = _candidates(mention["event"], own, blocks)
        # Of equals the newest, and by id: the same mentions always come to the same incidents.
        score, _, _, best = max(
            ((agreement(own, one), one.last, one.id, one) for one in candidates),
            default=(-1.0, own.at, "", None),
        )
        if best is None or score < THRESHOLD:
            best = Incident(incident_id(mention), own.at, own.at)
            incidents.append(best)
        best.add(mention, own)
        _file(best, blocks)
    return incidents


def incident_id(first: Mention) -> str:
    """Made of the first mention's id, so that later reports do not change it."""
    return hashlib.sha256(f"incident:{first['mention_id']}".encode()).hexdigest()[:32]


def rebuilt(identity: str, members: Sequence[Mention]) -> Incident:
    """An incident of an earlier run, with the members that it still has."""
    start = when(members[0])
    incident = Incident(identity, start, start)
    for mention in members:
        incident.add(mention, traits_of(mention))
    return incident


def agreement(mention: Traits, incident: Incident) -> float:
    """How well the mention fits the incident; THRESHOLD and above joins."""
    own, theirs = mention.values, incident.values
    before, after = incident.first - mention.at, mention.at - incident.last
    apart = max(before, after, timedelta())
    if apart > WINDOW or incident.last - incident.first + apart > LONGEST:
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
    actors = Counter(a for m in members for a in _many(m, "actor"))
    acled = Counter(m["acled_sub_event"] for m in members if m.get("acled_sub_event"))
    said = [m.get("attribution") or {} for m in members]
    located = next((m for m in members if m.get("location")), {})
    contradictions = [
        name
        for name, found in {
            "actor": _rivals(members),
            "modality": len(told) > 1,
            "killed": _disjoint(members, "killed"),
            "injured": _disjoint(members, "injured"),
        }.items()
        if found
    ]
    return {
        "incident_id": incident.id,
        "keys": sorted(incident.keys),
        "tag": Counter(m["tag"] for m in members).most_common(1)[0][0],
        "event": first["event"],
        "kinds": _listed(members, "kind"),
        "subtypes": _listed(members, "subtype"),
        "modality": told.most_common(1)[0][0] if told else None,
        "modalities": sorted(told),
        "actor": actors.most_common(1)[0][0] if actors else None,
        "actors": list(actors),
        "actor_ids": _listed(members, "actor_id"),
        "actor_class": next((m["actor_class"] for m in members if m.get("actor_class")), None),
        "acled_sub_event": acled.most_common(1)[0][0] if acled else None,
        "targets": _listed(members, "target"),
        "from": _listed(members, "from"),
        "to": _listed(members, "to"),
        "place": next(iter(_listed(members, "place")), None),
        "places": _listed(members, "place"),
        "location": located.get("location"),
        "place_precision": located.get("place_precision"),
        "event_time": incident.first.isoformat(),
        "event_time_precision": next(iter(_listed(members, "event_time_precision")), None),
        "weapons": _listed(members, "weapon"),
        "weapon_ids": _listed(members, "weapon_id"),
        "killed": _range(members, "killed"),
        "injured": _range(members, "injured"),
        "contradicted": bool(contradictions),
        "contradictions": contradictions,
        "claims": _claims(members),
        "claimed_by": sorted({name for c in said for name in _many(c, "claimed_by")}),
        "denied_by": sorted({name for c in said for name in _many(c, "denied_by")}),
        "first_outlet": first.get("outlet"),
        "first_newsroom": first.get("newsroom"),
        "first_url": first.get("url"),
        "first_reported_at": reported(first).isoformat(),
        "last_reported_at": max(map(reported, members)).isoformat(),
        "outlets": _listed(members, "outlet"),
        "newsrooms": _listed(members, "newsroom"),
        "countries": _listed(members, "country"),
        "sources": independent(members),
        "reports": len({m.get("article_id") for m in members}),
        "mention_count": len(members),
        "mention_ids": [m["mention_id"] for m in members],
        "article_ids": _listed(members, "article_id"),
        "title": first.get("title"),
        "sentence": (first.get("sentence") or {}).get("text"),
        "confidence": max((m.get("confidence") or 0 for m in members), default=0),
        "updated_at": max(m["first_seen_at"] for m in members),
    }


def independent(members: Sequence[Mention]) -> int:
    """How many sources tell it of their own.

    The feeds of one newsroom are one source, and so are the newsrooms that print copies of one
    text (`story_id`): an agency's report in five papers is one report.
    """
    merged: list[set[str]] = []
    for member in members:
        own = {f"{name}:{v}" for name in ("newsroom", "story_id") for v in _many(member, name)}
        own = own or {f"article:{member.get('article_id')}"}
        touching = [group for group in merged if not group.isdisjoint(own)]
        merged = [group for group in merged if group.isdisjoint(own)]
        merged.append(own.union(*touching))
    return len(merged)


def when(mention: Mention) -> datetime:
    """When the event was: as the report says if it names a day, else when it was reported."""
    told = mention.get("event_time")
    if not told or mention.get("event_time_precision") in {"month", "year"}:
        return reported(mention)
    moment = _moment(told)
    if mention.get("event_time_precision") == "day":
        # Its middle, but not after the report.
        moment = min(moment + timedelta(hours=12), max(moment, reported(mention)))
    return moment


def reported(mention: Mention) -> datetime:
    """When it was published; when we first saw it if the page does not say."""
    return _moment(mention.get("published_at") or mention["first_seen_at"])


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
            # By the gazetteer's id where it has one, so that spellings of one name agree.
            "actor": _names(mention, "actor") | frozenset(_many(mention, "actor_id")),
            "kind": _names(mention, "kind"),
            "weapon": _names(mention, "weapon"),
            "target": _names(mention, "target"),
            "destination": _names(mention, "to"),
            "story": frozenset(_many(mention, "story_id")),
            "killed": frozenset(map(str, span)),
        },
        frozenset(_stem(word) for word in re.findall(r"\w{3,}", text)),
    )


def _candidates(event: str, traits: Traits, blocks: Blocks) -> Iterable[Incident]:
    found: dict[str, Incident] = {}
    for key in keys_of(event, traits):
        found |= blocks.get(key, {})
    return found.values()


def _file(incident: Incident, blocks: Blocks) -> None:
    for key in incident.keys:
        blocks[key][incident.id] = incident


def keys_of(event: str, traits: Traits) -> Iterator[str]:
    """Keys by which the incidents that a mention could join are found."""
    # Filed under its first and last day, asked for around the mention's: WINDOW is two days.
    days = [(traits.at + timedelta(days=n)).date() for n in (-2, -1, 0, 1, 2)]
    # One actor acts in many places a day: with a place known, only incidents that name none.
    actor = "actor of no place" if _placed(traits.values) else "actor"
    return _keys(event, traits.values, actor, days)


def _keys(
    event: str, values: Mapping[str, AbstractSet[str]], actor: str, days: Iterable[date]
) -> Iterator[str]:
    """Only what shares an event, a place, an actor or a story in days that touch is compared."""
    for name in ("place", "actor", "story", "destination"):
        filed_as = actor if name == "actor" else name
        for value in values[name]:
            for day in days:
                yield f"{event}|{filed_as}|{value}|{day}"


def _placed(values: Mapping[str, AbstractSet[str]]) -> bool:
    return bool(values["place"] or values["destination"])


def _claims(members: Sequence[Mention]) -> list[dict[str, Any]]:
    """Each version that was told, the first report of it, and the newsrooms that tell it so."""
    versions: dict[str, list[Mention]] = defaultdict(list)
    for member in members:
        told = {name: member.get(name) or None for name in ("actor", "modality", *_COUNTS)}
        versions[repr(told)].append(member)
    return [
        {
            "actor": _many(group[0], "actor"),
            "modality": group[0].get("modality"),
            **{name: group[0].get(name) for name in _COUNTS},
            "attribution": group[0].get("attribution"),
            "newsrooms": _listed(group, "newsroom"),
            "reported_at": reported(group[0]).isoformat(),
            "url": group[0].get("url"),
            "sentence": (group[0].get("sentence") or {}).get("text"),
        }
        for group in versions.values()
    ]


def _rivals(members: Sequence[Mention]) -> bool:
    """Whether two reports name actors that cannot be one.

    Names are compared by the gazetteer's ids where both have them: «الدعم السريع» and «قوات الدعم
    السريع» are no rivals. «مسلحون» without an id rivals nobody that has one.
    """
    by_id = {frozenset(_many(m, "actor_id")) for m in members if _many(m, "actor_id")}
    by_name = {_names(m, "actor") for m in members if _many(m, "actor")}
    named = by_id or by_name
    return any(a.isdisjoint(b) for a in named for b in named)


def _moment(text: str) -> datetime:
    """ISO 8601; a date alone, or a time without an offset, is UTC."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@lru_cache(maxsize=100_000)
def _stem(word: str) -> str:
    return stem(normalise(word))


@lru_cache(maxsize=100_000)
def _name(value: str) -> str:
    return " ".join(_stem(word) for word in value.split())


def _names(mention: Mention, name: str) -> frozenset[str]:
    return frozenset(map(_name, _many(mention, name)))


def _many(mention: Mention, name: str) -> list[str]:
    value = mention.get(name)
    if not value:
        return []
    return [str(v) for v in value if v] if isinstance(value, list) else [str(value)]


def _listed(members: Sequence[Mention], name: str) -> list[str]:
    return list(dict.fromkeys(value for member in members for value in _many(member, name)))


def _disjoint(members: Sequence[Mention], name: str) -> bool:
    spans = [m[name] for m in members if m.get(name) and m[name].get("min") is not None]
    highs = [s["max"] if s.get("max") is not None else s["min"] for s in spans]
    return bool(spans) and max(s["min"] for s in spans) > min(highs)


def _range(members: Sequence[Mention], name: str) -> dict[str, int] | None:
    """The least and the most that anybody says; who they were stays with the mentions."""
    tolls = [member[name] for member in members if member.get(name)]
    numbers = [toll[end] for toll in tolls for end in ("min", "max") if toll.get(end) is not None]
    return {"min": min(numbers), "max": max(numbers)} if numbers else None
