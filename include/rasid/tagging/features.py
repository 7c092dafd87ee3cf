"""The evidence for a mention, as named features with fitted weights (lexicon/weights.yaml)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache

from rasid.arabic import folded
from rasid.tagging.matcher import VERB_FORMS, Hit
from rasid.tagging.modality import Ruling
from rasid.tagging.roles import Frame
from rasid.tagging.sentence import Sentence


def stem_form(trigger: Hit) -> str:
    """The trigger's form as evidence knows it: verbs alike, nouns by number."""
    if trigger.reading.future:
        return "future"
    return trigger.form if trigger.form in ("pass", "pres_pass", "pres", "past") else "noun"


def evidence(sentence: Sentence, trigger: Hit, frame: Frame, ruling: Ruling) -> Iterator[str]:
    """Features of one candidate from its own sentence."""
    words, clause_of, bodies = sentence.words, sentence.clauses, sentence.bodies
    entry = trigger.entry
    form = stem_form(trigger) if trigger.form in VERB_FORMS else trigger.form
    yield f"trigger:{entry.id}"
    yield f"trigger:{entry.id}:{form}"
    yield f"class:{entry.get('class')}"
    clause = clause_of[trigger.i]
    armed = [p for p in bodies if p.armed]
    inside = [p for p in armed if clause_of[p.i] == clause]
    best = min((abs(p.i - trigger.j) for p in inside), default=99)
    near = "adjacent" if best <= 1 else "near" if best <= 4 else "clause" if inside else ""
    near = near or ("sentence" if armed else "none")
    yield f"armed:{near}"
    yield f"armed:{near}:{entry.get('class')}"
    yield f"trigger:{entry.id}:armed:{'none' if not armed else 'clause' if inside else 'sentence'}"
    for cls in {p.cls for p in armed}:
        yield f"body:{cls}"
    if frame.agents:
        agent = frame.agents[0]
        yield f"{frame.agent_rule}:{'armed' if agent.armed else 'country'}"
        yield f"agent:{agent.cls}"
    else:
        yield "agent:none"
    if frame.nisba is not None:
        yield "nisba"
    if frame.defenders:
        yield "defender"
    if frame.patients:
        yield "patient"
    things = {str(h.entry.get("target")) for h in frame.things}
    for thing in things:
        yield f"thing:{thing}"
    for hit in frame.weapons:
        if not trigger.i <= hit.i < trigger.j:
            yield "weapon"
            yield f"weapon:{hit.entry.id}"
    if frame.governor is not None:
        yield f"governor:{frame.governor.entry.id}"
    if frame.places:
        yield "place"
    if frame.from_:
        yield "from"
    if frame.to:
        yield "to"
    yield _whole(trigger, frame)
    if trigger.i and words[trigger.i - 1] in _RELATIVES:
        yield "relative"
        yield f"trigger:{entry.id}:relative"
    if trigger.kind == "troop_movement" and _is_struck(sentence, trigger):
        yield "struck"
    yield f"modality:{ruling.modality}"
    yield ruling.rule
    for name, (first, last) in _told(sentence).items():
        if first != trigger.i or last != trigger.i:
            yield name
    yield f"next:{words[trigger.j] if trigger.j < len(words) else ''}"
    yield f"prev:{words[trigger.i - 1] if trigger.i else '^'}"


# «المناطق التي تسيطر عليها …»: in a relative clause control is a state, mostly.
_RELATIVES = folded("الذي التي الذين اللذين اللتين")


def _whole(trigger: Hit, frame: Frame) -> str:
    """Which parts of an event are there at once: who, and whom or where."""
    who = "nobody" if not frame.agents else "armed" if frame.agents[0].armed else "country"
    parts: dict[str, Sequence[object]] = {"to": frame.to, "from": frame.from_, "at": frame.places}
    if trigger.kind == "attack":
        parts = {"whom": frame.patients, "what": frame.things, "with": frame.weapons}
    return ":".join(["whole", trigger.kind, who, *(name for name, own in parts.items() if own)])


def _is_struck(sentence: Sentence, trigger: Hit) -> bool:
    """Whether a word of movement is what an attack hits: «استهدف الطيران تعزيزات»."""
    clause = sentence.clauses[trigger.i]
    return trigger.form not in VERB_FORMS and any(
        0 < trigger.i - h.i <= _STRUCK_REACH and sentence.clauses[h.i] == clause
        for h in sentence.of("attack")
    )


_STRUCK_REACH = 6


@lru_cache(maxsize=4)
def _told(sentence: Sentence) -> dict[str, tuple[int, int]]:
    """What the hits of a sentence add to triggers at other tokens: the first and last such hit."""
    told: dict[str, tuple[int, int]] = {}
    for hit in sentence.hits:
        name = _adds(hit)
        if name:
            first, _ = told.get(name, (hit.i, hit.i))
            told[name] = (first, hit.i)
    return told


def _adds(hit: Hit) -> str:
    entry = hit.entry
    if hit.kind == "negative":
        return f"negative:{entry.id}"
    if hit.kind == "target" and entry.get("casualty"):
        return "with:casualty"
    if hit.kind in ("attack", "troop_movement"):
        return f"with:{hit.kind}:{entry.get('class')}"
    if hit.kind == "speech" and entry.get("status") in ("claimed", "accused"):
        return f"with:speech:{entry.get('status')}"
    return "with:court" if entry.id == "mod.court" else ""


def around(title: frozenset[str], document: Counter[str], own: Sequence[Hit]) -> Iterator[str]:
    """Features of the document around a sentence: what its title and its other sentences hold.

    `title` and `document` are the kinds of the hits there; the sentence's own hits are `own`.
    """
    yield from (f"title:{kind}" for kind in sorted(title & _TITLE))
    outside = document.total() - len(own)
    here = Counter(h.kind for h in own)
    for kind in ("attack", "troop_movement", "actor", "negative"):
        n = document[kind] - here[kind]
        share = n / max(outside, 1)
        level = "none" if not n else "few" if share < 0.08 else "some" if share < 0.2 else "many"
        yield f"document:{kind}:{level}"
    if not outside:
        yield "document:single"


_TITLE = frozenset({"attack", "troop_movement", "negative", "actor"})
