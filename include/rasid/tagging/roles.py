"""Roles by position: who acts, who is hit, where from and where to (tagging.md §8.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rasid.arabic import fold
from rasid.tagging.actors import Party
from rasid.tagging.matcher import VERB_FORMS, Hit
from rasid.tagging.sentence import Sentence


_AGENT_PREPS = (("علي", "يد"), ("علي", "ايدي"), ("من", "قبل"), ("من", "جانب"), ("بيد",), ("بايدي",))
_TARGET = frozenset(
    fold(w)
    for w in ["على", "ضد", "نحو", "باتجاه", "مستهدفا", "استهدف", "استهدفت", "يستهدف", "تستهدف"]
)
_FROM = frozenset(fold(w) for w in ["من", "انطلاقا"])
_TO = frozenset(fold(w) for w in ["إلى", "نحو", "باتجاه", "صوب", "تجاه", "داخل"])
_VIA = frozenset(fold(w) for w in ["عبر", "مرورا"])
_AT = frozenset(
    fold(w)
    for w in [
        "في",
        "قرب",
        "داخل",
        "شمال",
        "جنوب",
        "شرق",
        "غرب",
        "شمالي",
        "جنوبي",
        "شرقي",
        "غربي",
        "وسط",
        "محيط",
        "بمحيط",
        "ريف",
        "بريف",
        "مدينة",
        "بلدة",
        "قضاء",
        "محافظة",
        "ولاية",
        "منطقة",
        "قرية",
        "ناحية",
        "مديرية",
        "مخيم",
        "حي",
        "قاعدة",
        "مطار",
        "معبر",
        "جبهة",
        "ميناء",
        "بين",
        "على",
        "أطراف",
        "ضواحي",
    ]
)


@dataclass(slots=True)
class Frame:
    """What was found around one trigger, as parties and hits of its sentence."""

    agents: list[Party] = field(default_factory=list)
    agent_rule: str = ""
    patients: list[Party] = field(default_factory=list)
    things: list[Hit] = field(default_factory=list)
    from_: list[Hit] = field(default_factory=list)
    to: list[Hit] = field(default_factory=list)
    via: list[Hit] = field(default_factory=list)
    places: list[Hit] = field(default_factory=list)
    weapons: list[Hit] = field(default_factory=list)
    nisba: Hit | None = None
    governor: Hit | None = None


def preposition(words: Sequence[str], i: int, prep: str) -> str:
    """The preposition that governs token `i`: written on it, or the word before it."""
    if prep:
        return prep
    return words[i - 1].removeprefix("و") if i else ""


def light_verb(sentence: Sentence, trigger: Hit) -> Hit | None:
    """The light verb whose object `trigger` is: شن … هجوما, تعرض … لقصف."""
    if trigger.entry.get("class") == "light":
        return None
    best = None
    for hit in sentence.of("attack"):
        near = 0 < trigger.i - hit.i <= 8
        if near and hit.entry.get("class") == "light":
            step = sentence.clauses[trigger.i] - sentence.clauses[hit.i]
            best = hit if step <= 1 else best
    return best


def read_roles(sentence: Sentence, trigger: Hit) -> Frame:
    """The frame of `trigger`: agents, patients, places, weapons in its clause."""
    frame = Frame(governor=light_verb(sentence, trigger))
    clauses = sentence.clauses
    clause = clauses[trigger.i]
    own = [p for p in sentence.bodies if clauses[p.i] == clause]
    head = frame.governor or trigger
    _nisba(sentence.hits, trigger, frame)
    _agent(sentence, own, head, trigger, frame)
    _patients(sentence.words, own, head, trigger, frame)
    _places(sentence, trigger, frame)
    frame.weapons = [h for h in sentence.of("weapon") if abs(clauses[h.i] - clause) <= 1]
    frame.things = [
        h for h in sentence.of("target") if h.entry.get("target") and clauses[h.i] == clause
    ]
    return frame


def _nisba(hits: Sequence[Hit], trigger: Hit, frame: Frame) -> None:
    """An adjective of a country or group beside a masdar names the agent: غارة أميركية."""
    if trigger.form in VERB_FORMS:
        return
    for hit in hits:
        gap = hit.i - trigger.j
        adjective = hit.form == "nisba" or (hit.kind == "force" and hit.form == "adj")
        if 0 <= gap <= 2 and adjective and not hit.entry.get("modifier"):
            frame.nisba = hit
            return


def _agent(sentence: Sentence, own: Sequence[Party], head: Hit, trigger: Hit, frame: Frame) -> None:
    words, clauses = sentence.words, sentence.clauses
    near = [p for p in sentence.bodies if abs(clauses[p.i] - clauses[trigger.i]) <= 1]
    suffers = bool(head.entry.get("target_subject")) or head.form in ("pass", "pres_pass")
    # The written sign of a passive, or «قتل جنديان في …»: who is killed stands after the verb.
    suffers = suffers or (head.form == "past" and sentence.tokens[head.i].shape.damma)
    suffers = suffers or (bool(head.entry.get("result")) and _no_object(words, own, head))
    for party in own:
        before = words[max(0, party.i - 2) : party.i]
        for cue in _AGENT_PREPS:
            if tuple(before[-len(cue) :]) == cue and party.i > trigger.i:
                frame.agents, frame.agent_rule = [party], "agent:by"
                return
    if suffers:
        for party in own:
            if party.i > trigger.i and preposition(words, party.i, party.prep) in ("من", "ل", "ب"):
                frame.agents, frame.agent_rule = [party], "agent:oblique"
        return
    verbal = head.form in VERB_FORMS
    if trigger.entry.get("agentless"):
        return
    transitive = bool(trigger.entry.get("transitive"))
    if trigger.entry.get("mutual"):
        found = [p for p in near if p.armed and p.i > trigger.i and not p.equipment][:2]
        found = found or [p for p in near if p.armed and not p.equipment][:2]
        frame.agents, frame.agent_rule = found, "agent:sides"
        return
    if verbal:
        for party in own:
            prep = preposition(words, party.i, party.prep)
            if head.j <= party.i <= head.j + 3 and prep not in _OBLIQUE and not party.equipment:
                frame.agents, frame.agent_rule = [party], "agent:subject"
                return
        before_ = [
            p for p in near
            if p.i < head.i and preposition(words, p.i, p.prep) not in _OBLIQUE
        ]  # fmt: skip
        if before_:
            frame.agents, frame.agent_rule = (
                [before_[-1] if before_[-1].armed else before_[0]],
                "agent:topic",
            )
        return
    for party in own:
        prep = preposition(words, party.i, party.prep)
        if party.i == trigger.j and not transitive and prep not in _OBLIQUE:
            frame.agents, frame.agent_rule = [party], "agent:genitive"
            return
        if party.i > trigger.i and prep in (
            "ل",
            "من",
            "شنه",
            "شنته",
            "شنها",
            "نفذه",
            "نفذته",
            "نفذها",
        ):
            frame.agents, frame.agent_rule = [party], "agent:of"
            return
    if not transitive:
        for party in own:
            prep = preposition(words, party.i, party.prep)
            if 0 <= party.i - trigger.j <= 2 and prep not in _OBLIQUE:
                frame.agents, frame.agent_rule = [party], "agent:genitive"
                return


def _no_object(words: Sequence[str], own: Sequence[Party], head: Hit) -> bool:
    """Whether a verb of killing has one bare noun phrase only: «قتل مسلحون في …»."""
    if head.form not in VERB_FORMS:
        return False
    for party in own:
        if 0 <= party.i - head.j <= 2:
            if party.j >= len(words):
                return True
            following = words[party.j]
            return following[:1] == "ب" or following in _ADJUNCT or not following[:1].isalpha()
    return True


_ADJUNCT = frozenset(
    fold(w)
    for w in [
        "في",
        "من",
        "خلال",
        "إثر",
        "جراء",
        "عندما",
        "على",
        "أثناء",
        "نتيجة",
        "وأصيب",
        "وإصابة",
        "وجرح",
        "وجرحى",
        "أمس",
        "اليوم",
    ]
)
_OBLIQUE = frozenset(
    {"علي", "ضد", "من", "في", "الي", "عن", "ب", "ل", "ك", "بين", "مع", "نحو", "لدي"}
)


def _patients(
    words: Sequence[str], own: Sequence[Party], head: Hit, trigger: Hit, frame: Frame
) -> None:
    for party in own:
        if party in frame.agents or party.i < head.i:
            continue
        prep = preposition(words, party.i, party.prep)
        bare = prep not in _OBLIQUE and party.i - trigger.j <= 4
        if prep in _TARGET or (bare and trigger.kind == "attack"):
            frame.patients.append(party)


def _places(sentence: Sentence, trigger: Hit, frame: Frame) -> None:
    hits, words, clauses = sentence.hits, sentence.words, sentence.clauses
    move = trigger.kind == "troop_movement"
    for hit in hits:
        country = hit.kind == "country" and hit.form == "word"
        if not (hit.kind == "place" or country):
            continue
        if abs(clauses[hit.i] - clauses[trigger.i]) > 2 or _dateline(words, hit):
            continue
        k = hit.i - 1
        while k >= 0 and words[k] in _INSIDE:
            k -= 1
        word = hit.reading.prep or (words[k].removeprefix("و") if k >= 0 else "")
        if move and word in _FROM:
            frame.from_.append(hit)
        elif move and word in _TO:
            frame.to.append(hit)
        elif move and word in _VIA:
            frame.via.append(hit)
        joined = bool(frame.places) and hit.reading.prefix.startswith("و")
        sure = word in _AT or word == "ب" or k < hit.i - 1
        loose = word in ("الي", "من", "علي", "نحو") or joined
        if sure or (loose and not hit.entry.get("ambiguous")):
            frame.places.append(hit)


def _dateline(words: Sequence[str], hit: Hit) -> bool:
    """Where the reporter is (دبي - وكالات), or who speaks (بغداد: …), is not where it happened."""
    return hit.i <= 2 and hit.j < len(words) and words[hit.j] in "-–—:/|("


_INSIDE = frozenset(
    fold(w)
    for w in [
        "مدينة",
        "بلدة",
        "قضاء",
        "محافظة",
        "ولاية",
        "منطقة",
        "قرية",
        "ناحية",
        "مديرية",
        "مخيم",
        "حي",
        "محيط",
        "ريف",
    ]
)
