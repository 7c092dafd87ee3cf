"""What the rules know in a sentence that could play a role, and what they make of it.

Every body, place, thing and weapon, and the words where an object stands: each with its part in the
event as far as the rules see it. Which of them do play the role is for rasid.tagging.spans to say.
"""

from __future__ import annotations

import unicodedata

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from rasid.arabic import NUMBER_WORDS, folded
from rasid.tagging.actors import Party
from rasid.tagging.matcher import VERB_FORMS, Hit
from rasid.tagging.places import HEADS, Place
from rasid.tagging.reading import Candidate
from rasid.tagging.roles import Frame, defenders, victims
from rasid.tagging.sentence import Sentence


PLACES = frozenset({"from", "to", "places"})  # roles that places play
_BODIES = frozenset({"attackers", "movers", "targets"})
PREPOSITIONS = folded("على ضد من في إلى عن ب ل ك بين مع نحو لدى قرب داخل عبر باتجاه يد قبل نيران")


class Piece(NamedTuple):
    """Something that the lexicon knows in a sentence, and what the rules make of it."""

    i: int
    j: int
    rule: str  # its part in the event: agent:subject, victim, from, elsewhere …
    what: str
    known: Party | Place | Hit | None  # None: a word that the lexicon does not know


def pieces(candidate: Candidate, name: str) -> list[Piece]:
    """What the rules know in the sentence that could play the role `name`, in order."""
    sentence, frame = candidate.sentence, candidate.frame
    found: list[Piece] = []
    if name in _BODIES:
        found += _bodies(sentence, frame)
        found += _people(sentence)
    if name == "targets":
        found += _things(candidate)
    if name == "movers":
        found += _columns(candidate)
    if name in ("attackers", "movers") and frame.nisba is not None:
        h = frame.nisba
        found = [p for p in found if p.i != h.i]
        found.append(Piece(h.i, h.j, "nisba", h.kind, h))
    if name == "weapons":
        for h in sentence.of("weapon"):
            rule = "weapon" if h in frame.weapons else "weapon:away"
            found.append(Piece(h.i, h.j, rule, h.entry.id, h))
    if name in PLACES:
        found += _places(sentence, frame)
    if name in ("from", "to"):
        found += _others(found, _ends(candidate))
    if name == "targets":
        found += _others(found, _places(sentence, frame))
        found += _others(found, _objects(candidate))
    return found


def _others(found: Sequence[Piece], more: Iterable[Piece]) -> list[Piece]:
    """Of further pieces those that stand apart from what is found."""
    taken = {k for p in found for k in range(p.i, p.j)}
    return [p for p in more if taken.isdisjoint(range(p.i, p.j))]


def _bodies(sentence: Sentence, frame: Frame) -> Iterator[Piece]:
    """Armed bodies and countries, with their part in the event."""
    hit_ones, against = victims(sentence), defenders(sentence)
    owned = {h.i for h in sentence.of("force") if h.reading.pronoun}  # «قواته», «مقاتليها»
    for party in sentence.bodies:
        what = "equipment" if party.equipment else "named" if party.named else "generic"
        if not party.armed:
            what = "capital" if party.capital else "country"
        if party in frame.agents:
            rule = frame.agent_rule + (":further" if party != frame.agents[0] else "")
        elif party in against:
            rule = "defender"
        elif party in frame.patients:
            rule = "patient"
        elif party in hit_ones:
            rule = "victim"
        else:
            rule = _speaks(sentence, party) or "other"
        what += ":owned" if party.i in owned else ""
        yield Piece(party.i, party.j, rule, what, party)


def _speaks(sentence: Sentence, party: Party) -> str:
    """Whether a body says or accuses: the subject of such a verb, or before a colon."""
    words = sentence.words
    if words[party.j : party.j + 1] == [":"]:
        return "speaker"
    for h in sentence.of("speech"):
        if h.form in VERB_FORMS and (0 <= party.i - h.j <= 1 or 0 <= h.i - party.j <= 1):
            return "accuser" if h.entry.get("status") == "accused" else "speaker"
    return ""


def _people(sentence: Sentence) -> Iterator[Piece]:
    """Nationals: a country's adjective that stands as a noun, «مقتل 12 عراقيا»."""
    inside = {k for p in sentence.bodies for k in range(p.i, p.j)}
    for h in sentence.of("country"):
        if h.form == "nisba" and h.i not in inside:
            before = sentence.tokens[h.i - 1].shape.kind if h.i else "start"
            yield Piece(h.i, h.j, f"nisba:after:{before}", "people", h)


def _things(candidate: Candidate) -> Iterator[Piece]:
    """People and sites that are hit."""
    sentence, frame = candidate.sentence, candidate.frame
    inside = {k for p in sentence.bodies for k in range(p.i, p.j)}
    inside |= {k for p in sentence.places for k in range(p.i, p.j)}
    for h in sentence.of("target"):
        if h.entry.get("target") and h.i not in inside and h.form not in VERB_FORMS:
            rule = "thing" if h in frame.things and h.i > candidate.trigger.i else "thing:away"
            yield Piece(h.i, h.j, rule, str(h.entry.get("target")), h)


def _objects(candidate: Candidate) -> Iterator[Piece]:
    """Words where the object of an attack stands: after its masdar or «على», in the accusative."""
    sentence, trigger = candidate.sentence, candidate.trigger
    words, clauses = sentence.words, sentence.clauses
    known = {h.i for h in sentence.hits if h.kind not in ("target", "country")}
    for k in range(trigger.j, min(len(words), trigger.j + _OBJECT_REACH)):
        if clauses[k] != clauses[trigger.i]:
            break
        word, surface = words[k], unicodedata.normalize("NFKC", sentence.tokens[k].text)
        if k in known or len(word) < _SHORTEST_NOUN or word in PREPOSITIONS:
            continue
        if k == trigger.j and trigger.form not in VERB_FORMS:
            yield Piece(k, k + 1, "object:masdar", "words", None)
        elif words[k - 1] in _ONTO:
            yield Piece(k, k + 1, "object:onto", "words", None)
        elif surface.endswith(("اً", "ًا", "ةً")):
            yield Piece(k, k + 1, "object:accusative", "words", None)


_OBJECT_REACH, _SHORTEST_NOUN = 8, 3
_ONTO = folded("على ضد نحو باتجاه استهداف استهدف استهدفت")


def _columns(candidate: Candidate) -> Iterator[Piece]:
    """What moves and is named by a word of movement: «دفع الجيش بتعزيزات», «رتل يعبر الحدود»."""
    for h in candidate.sentence.of("troop_movement"):
        if h.form not in VERB_FORMS and h.entry.id in _MOVING_THINGS:
            yield Piece(
                h.i, h.j, "trigger" if h.i == candidate.trigger.i else "column", "column", h
            )


_MOVING_THINGS = frozenset(
    {"move.tazizat", "move.ratl", "move.qafila", "move.hashd", "move.mutaharrik"}
)


def _places(sentence: Sentence, frame: Frame) -> Iterator[Piece]:
    """Places, with their part in the event, and whether they are the only one."""
    lists = (
        ("from", frame.from_), ("to", frame.to), ("via", frame.via), ("place", frame.places),
        ("elsewhere", frame.elsewhere),
    )  # fmt: skip
    several = "more" if len(sentence.places) > 1 else "alone"
    acting = {p.i: p for p in sentence.bodies if not p.armed}
    for place in sentence.places:
        rule = next((name for name, places in lists if place in places), "far")
        country = acting.get(place.i)
        if country is not None and country in frame.agents:
            rule = "acts"
        elif country is not None and _speaks(sentence, country):
            rule = "speaks"
        elif place.dateline:
            # «أفغانستان: مقتل …» in a title is where it happened.
            rule = f"dateline:{'title' if sentence.index == 0 else 'body'}:{several}"
        elif not _NEIGHBOURS.isdisjoint(sentence.words[max(0, place.i - 4) : place.i]):
            rule = "neighbour"
        entry = place.entry
        what = "unknown" if entry is None else "country" if entry.kind == "country" else "known"
        if place.name_i > place.i:
            what += ":headed"
        yield Piece(place.i, place.j, rule, f"{what}:{several}", place)


def _ends(candidate: Candidate) -> Iterator[Piece]:
    """Nouns where an end of a movement stands, which no list of places knows: «إلى خطوط الدفاع».

    Of train's ends 12 % were no option without them; F1 out of fold: from .755 → .779, to .718 →
    .724.
    """
    sentence, trigger = candidate.sentence, candidate.trigger
    words, clauses = sentence.words, sentence.clauses
    known = {k for h in sentence.hits if h.kind in _NO_ENDS for k in range(h.i, h.j)}
    known |= {k for p in sentence.bodies for k in range(p.i, p.j)}
    known |= {k for d in sentence.dates for k in range(d.i, d.j)}

    def noun(k: int) -> bool:
        word = words[k]
        return (
            sentence.shapes[k].kind == "word"
            and k not in known
            and len(word) >= _SHORTEST_NOUN
            and not (word in _NO_NOUN or word in NUMBER_WORDS or word in PREPOSITIONS)
        )

    k = trigger.j
    while k < len(words) and clauses[k] - clauses[trigger.i] <= 1:
        rule = "object" if k == trigger.j else _END_OF.get(words[k - 1].removeprefix("و"), "")
        if not rule or not noun(k):
            k += 1
            continue
        j = k + 1
        definite = words[k].startswith("ال")
        # A noun, its adjectives and whose it is; of a definite one only what is definite too.
        while j < len(words) and j - k < _LONGEST_END and noun(j) and not words[j].startswith("و"):
            article = words[j].startswith("ال")
            if definite and not article:
                break
            definite = definite or article
            j += 1
        head = words[k].removeprefix("ال")
        yield Piece(k, j, f"phrase:{rule}", f"words:{head if head in HEADS else ''}", None)
        k = j


_END_OF = {
    **dict.fromkeys(folded("من انطلاقا"), "from"),
    **dict.fromkeys(folded("إلى نحو باتجاه صوب تجاه"), "to"),
    **dict.fromkeys(folded("في داخل على قرب عند"), "at"),
}
_LONGEST_END = 4
_NO_ENDS = frozenset({"attack", "troop_movement", "speech", "modality", "weapon", "negative"})
_NO_NOUN = folded(
    "ذلك هذا هذه تلك أن أنه أنها إن قبل بعد خلال منذ حتى كل أي بعض غير ما لم لن لا قد كان كانت "
    "التي الذي الذين حيث إذ أو ثم كما هو هي هم منها منه فيها فيه عليها عليه إليها إليه أكثر أقل "
    "جهة جانب أجل شأن حين وقت نفسه نفسها مساء صباح فجر ليل يوم أمس اليوم غد عام سنة شهر أسبوع ساعة"
)
# «قرية صدد القريبة من القريتين»: what only says where a place of the event lies.
_NEIGHBOURS = folded(
    "تبعد يبعد الواقعة الواقع القريبة القريب المتاخمة المحاذية المجاورة المطلة المؤدي المؤدية"
)
