"""Attribution: who says so, who claims it, who denies it. The speaker is no attacker.

A speaker stands after a verb of saying or a source (بحسب), or in a title before a colon. Whoever
speaks of his own attack claims it; a rival who names the attacker accuses (codebook, Attribution).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rasid.arabic import folded
from rasid.tagging.actors import Party, role
from rasid.tagging.matcher import VERB_FORMS, Hit
from rasid.tagging.mention import MILITIA_CLASSES, Attribution, Role, Span
from rasid.tagging.reading import Candidate
from rasid.tagging.sentence import Sentence


# Beside the lexicon's verbs of saying: those that are frequent elsewhere too.
_VERBS = folded(
    "تحدث تحدثت تحدثوا أقر أقرت ادعى ادعت لفت لفتت حذر حذرت نفى نفت عزا عزت شدد شددت نقل نقلت "
    "هدد هددت توعد توعدت لوح لوحت"
)
_SOURCES = folded("بحسب حسب وفق وفقا نقلا")
_NOUNS = {
    "official": folded(
        "وزير وزارة متحدث ناطق مصدر مصادر بيان رئيس رئاسة مسؤول مسؤولون مسؤولين مسؤولان قائد قيادة "
        "شرطة قيادي ضابط ضباط نائب نواب دبلوماسي دبلوماسيون دبلوماسيين مدير محافظ عمدة حكومة جهاز "
        "كرملين بنتاغون خارجية داخلية سفير بعثة هيئة سلطات مخابرات استخبارات مكتب أمين مستشار مبعوث"
    ),
    "media": folded("وكالة وكالات وسائل إعلام قناة تلفزيون صحيفة مراسل مرصد رويترز تقارير موقع"),
    "witness": folded("شاهد شهود سكان أهالي ناشط ناشطون ناشطين ناجون ناجين ناج محليون قبلية طبيب"),
}
_STATED = frozenset({"claimed", "accused"})
_NOT = folded("لم ولم دون بدون لا ولا عدم")
_REACH = 3  # words between a verb of saying and its speaker, on either side
_TITLE = 6  # words of a speaker before a colon
_RESPONSIBILITY = folded(
    "مسؤوليتها مسؤوليته مسؤوليتهم صلتها صلته علاقتها علاقته تورطها تورطه ضلوعها ضلوعه"
)


class _Speaker(NamedTuple):
    """Who speaks at the tokens `i:j`: a body, or a noun of one of the kinds above."""

    i: int
    j: int
    kind: str  # official | media | witness | ""
    party: Party | None


def attribute(candidate: Candidate, cls: str, actors: Sequence[str], text: str) -> Attribution:
    """The attribution of one event; `actors` are the ids of who acts in it, of class `cls`."""
    sentence = candidate.sentence
    denied = _who_denies(sentence, text)
    stated = [
        h
        for h in sentence.of("speech")
        if h.entry.get("status") in _STATED and not _negated(sentence, h)
    ]
    if stated and not denied:
        # «المسؤولية عن» is claimed, but put on somebody beside a verb of accusing.
        # «تبنى» may be read as verb or noun: the verb says that who claims it follows.
        cue = min(
            stated, key=lambda h: (h.entry.id == "say.claim.w", h.i, h.form not in VERB_FORMS)
        )
        return _stated(sentence, cue, str(cue.entry.get("status")), text)
    speaker = next(_speakers(sentence), None)
    if speaker is None or denied:
        return Attribution(denied_by=denied)
    start = sentence.tokens[speaker.i].start
    end = sentence.tokens[speaker.j - 1].end
    span = Span(text[start:end], start, end)
    status = _status(speaker, candidate, cls, actors)
    claimed: tuple[Role, ...] = ()
    if status == "claimed" and speaker.party is not None:
        claimed = (role(speaker.party, sentence.tokens, text),)
    return Attribution(status, span, claimed, denied)


def _status(speaker: _Speaker, candidate: Candidate, cls: str, actors: Sequence[str]) -> str:
    """What it is to the event that this speaker speaks of it."""
    party = speaker.party
    if party is None:
        return speaker.kind
    # «أعلن حزب الله أن مقاتليه قصفوا …»: no other name stands for who acted.
    nameless = all(actor.startswith("force.") for actor in actors)
    own = party.id in actors or (nameless and party.cls == cls)
    if candidate.trigger.kind == "attack" and own:
        return "claimed"
    if party.cls in MILITIA_CLASSES:
        return "claimed" if own else "accused" if actors else "official"
    return "official"


def _stated(sentence: Sentence, cue: Hit, status: str, text: str) -> Attribution:
    """A claim or an accusation by its own word: «تبنّى», «اتّهم»."""
    near = [p for p in sentence.bodies if abs(p.i - cue.j) <= _REACH or abs(cue.i - p.j) <= _REACH]
    if cue.form in VERB_FORMS:
        near = [p for p in sentence.bodies if 0 <= p.i - cue.j <= _REACH] or near
    if not near:
        return Attribution(status)
    found = role(near[0], sentence.tokens, text)
    return Attribution(
        status, Span(found.text, found.start, found.end), (found,) if status == "claimed" else ()
    )


def _negated(sentence: Sentence, cue: Hit) -> bool:
    """Whether nobody is said to have claimed it: «لم تتبنّ أي جهة», «من دون أن تتبناها»."""
    return not _NOT.isdisjoint(sentence.words[max(0, cue.i - 3) : cue.i])


def _who_denies(sentence: Sentence, text: str) -> tuple[Role, ...]:
    """Who denies having done it: «نفت الحركة مسؤوليتها عن الهجوم»."""
    if _RESPONSIBILITY.isdisjoint(sentence.words):
        return ()
    denials = [h for h in sentence.of("modality") if h.entry.id == "mod.denied"]
    who = [
        p
        for h in denials[:1]
        for p in sentence.bodies
        if 0 <= p.i - h.j <= _REACH or 0 <= h.i - p.j <= 1
    ]
    return tuple(role(p, sentence.tokens, text) for p in who[:1])


def _speakers(sentence: Sentence) -> Iterator[_Speaker]:
    """Everybody who is said to say something, in the order of their words."""
    words = sentence.words
    verbs = {
        h.i for h in sentence.of("speech") if h.form in VERB_FORMS and not h.entry.get("status")
    }
    for k in range(len(words)):
        forms = {words[k], words[k].removeprefix("و")}
        if k in verbs or not _VERBS.isdisjoint(forms):
            after = _named(sentence, range(k + 1, k + 1 + _REACH))
            before = next((p for p in sentence.bodies if p.j == k), None)
            if after is not None:
                yield after
            elif before is not None:
                yield _Speaker(before.i, before.j, "", before)
        elif not _SOURCES.isdisjoint(forms):
            after = _named(sentence, range(k + 1, k + 1 + _REACH))
            if after is not None:
                yield after
        elif words[k] == ":" and 0 < k <= _TITLE:
            before_colon = _named(sentence, range(k))
            if before_colon is not None:
                yield before_colon


def _named(sentence: Sentence, at: range) -> _Speaker | None:
    """The first body or noun of a speaker at these tokens."""
    for k in at:
        if k >= len(sentence.words):
            return None
        for party in sentence.bodies:
            if party.i == k and party.i in at:
                return _Speaker(party.i, party.j, "", party)
        forms = _without_clitics(sentence.words[k])
        for kind, nouns in _NOUNS.items():
            if not nouns.isdisjoint(forms):
                return _Speaker(k, k + 1, kind, None)
    return None


def _without_clitics(word: str) -> list[str]:
    """A word as it stands, and without each of the letters that may be written onto it."""
    forms = [word]
    for clitic in ("و", "ل", "ب", "ال"):
        if len(word) > len(clitic) + 2 and word.startswith(clitic):
            word = word.removeprefix(clitic)
            forms.append(word)
    return forms
