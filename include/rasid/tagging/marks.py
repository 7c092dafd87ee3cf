"""What the lexicon finds at each token of a sentence, as named marks: the model reads them.

Names are of kinds, not of places, groups or countries, so that a new entry works at once as its
class does; only triggers, cues, weapons and heads are also known by their id.
"""

from __future__ import annotations

from collections.abc import Iterator

from rasid.tagging.matcher import Hit
from rasid.tagging.sentence import Sentence


_NAMELESS = frozenset({"place", "actor", "country"})  # too many of them for marks of their own
_KINDS_COUNTED = ("attack", "troop_movement", "negative", "weapon", "modality", "speech")
_BODIES_COUNTED = (
    "militia", "pro_state_militia", "unattributed_armed", "state", "individual_criminal", "",
)  # fmt: skip
COUNTED = (
    *(f"body:{cls}" for cls in _BODIES_COUNTED),
    "state", "killed", "injured", *_KINDS_COUNTED,
)  # fmt: skip
_COLUMN = {name: k for k, name in enumerate(COUNTED)}


def hit_marks(hit: Hit) -> tuple[str, ...]:
    """Marks of a hit's first token; they depend on entry, form, future and preposition alone."""
    entry = hit.entry
    kind = entry.kind
    marks = ["B:" + kind]
    if kind in ("attack", "troop_movement"):
        form = "verb" if hit.form in ("past", "pres") else hit.form
        own = entry.get("subtype") if kind == "attack" else entry.get("kind")
        marks += [f"{kind}:{form}", f"class:{entry.get('class')}", f"kind:{own}"]
    elif kind == "modality":
        marks.append(f"modality:{entry.get('modality')}")
    elif kind == "country":
        marks.append("country:" + hit.form)
    elif kind == "target":
        marks += [f"target:{entry.get('target')}", f"casualty:{entry.get('casualty')}"]
    elif kind == "place":
        marks.append(f"place:{entry.get('precision')}")
    if kind not in _NAMELESS:
        marks.append("id:" + entry.id)
    if hit.reading.future:
        marks.append("future")
    if hit.reading.prep:
        marks.append("prep:" + hit.reading.prep)
    return tuple(marks)


def other_marks(sentence: Sentence) -> Iterator[tuple[int, str]]:
    """Marks of hits after their first token, of bodies, clauses and years: (token, name)."""
    for hit in sentence.hits:
        for k in range(hit.i + 1, hit.j):
            yield k, "I:" + hit.entry.kind
    for party in sentence.bodies:
        name = f"body:{party.cls}:{'armed' if party.armed else 'country'}"
        for k in range(party.i, party.j):
            yield k, name
            yield k, "body:B" if k == party.name_i else "body:I"
        if party.capital:
            yield party.i, "capital"
    clauses = sentence.clauses
    for k in range(1, len(clauses)):
        if clauses[k] != clauses[k - 1]:
            yield k, "clause"
    for k, shape in enumerate(sentence.shapes):
        if shape.kind == "number":
            year = shape.folded
            if len(year) == 4 and year.isdecimal() and year[:2] in ("19", "20"):
                yield k, "year:" + _age(int(year), sentence.year)


def _age(year: int, published: int | None) -> str:
    if published is None:
        return "any"
    return "old" if year < published else "same" if year == published else "new"


def counted(sentence: Sentence) -> list[int]:
    """How often the sentence has each of COUNTED."""
    counts = [0] * len(COUNTED)
    for party in sentence.bodies:
        at = _COLUMN.get("body:" + party.cls if party.armed else party.cls)
        if at is not None:
            counts[at] += 1
    for hit in sentence.of("target"):
        at = _COLUMN.get(hit.entry.get("casualty"))
        if at is not None:
            counts[at] += 1
    counts[-len(_KINDS_COUNTED) :] = [len(sentence.of(kind)) for kind in _KINDS_COUNTED]
    return counts
