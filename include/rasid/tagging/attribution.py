"""Attribution: who says so, who claims it, who denies it. The speaker is no attacker.

A speaker stands after a verb of saying or a source (بحسب), or in a title before a colon. Whoever
speaks of his own attack claims it; a rival who names the attacker accuses (codebook, Attribution).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from rasid.arabic import folded
from rasid.tagging.actors import Party, role
from rasid.tagging.matcher import VERB_FORMS, Hit
from rasid.tagging.mention import MILITIA_CLASSES, Attribution, Role, Span
from rasid.tagging.reading import Candidate
from rasid.tagging.sentence import Sentence


# Beside the lexicon's verbs of saying: those that are frequent elsewhere too.
_VERBS = folded(
    "تحدث تحدثت تحدثوا أقر أقرت ادعى ادعت لفت لفتت حذر حذرت نفى نفت عزا عزت شدد شددت "
    "هدد هددت توعد توعدت لوح لوحت طالب طالبت يطالب تطالب دعا دعت يدعو تدعو ناشد ناشدت حث حثت جدد "
    "جددت تعهد تعهدت رفض رفضت روى روت يروي تروي رجح رجحت توقع توقعت يتحدث تتحدث ينفي تنفي كتب كتبت "
    "أنذر أنذرت رصد رصدت شاهد شاهدوا"
)
_REPORTS = folded("نقل نقلت")  # «نقلت الوكالة عن …»; what moves troops is no saying
_SOURCES = folded("بحسب حسب وفق وفقا نقلا")
_NOUNS = {
    "official": folded(
        "وزير وزارة متحدث ناطق مصدر مصادر بيان رئيس رئاسة مسؤول مسؤولون مسؤولين مسؤولان قائد قيادة "
        "شرطة قيادي ضابط ضباط نائب نواب دبلوماسي دبلوماسيون دبلوماسيين مدير محافظ عمدة حكومة جهاز "
        "كرملين بنتاغون خارجية داخلية سفير بعثة هيئة سلطات مخابرات استخبارات مكتب أمين مستشار "
        "مبعوث عضو أعضاء مركز لجنة مجلس برلمان حاكم والي وال قاض نيابة أركان غرفة إدارة مديرية "
        "بلدية قائممقام مندوب ممثل متحدثة ناطقة وزيرة عميد عقيد فريق مقدم رائد نقيب جنرال دفاع "
        "شبكة مصدران مسؤولة سفارة يونيفيل محافظة ولاية لواء أمم خدمة"
    ),
    "media": folded(
        "وكالة وكالات وسائل إعلام قناة تلفزيون صحيفة مراسل مراسلنا مراسلتنا مراسلون مراسلو مرصد "
        "رويترز تقارير موقع صحف إذاعة منصات"
    ),
    "witness": folded("شاهد شهود سكان أهالي ناشط ناشطون ناشطين ناجون ناجين ناج محليون قبلية طبيب"),
}
_LOCAL = folded("محلي محلية قبلي قبلية")  # «مصادر محلية» are people of the place
# A group by what it is: who, its document says; «الحركة» claims what is a militia's.
_GROUPS = folded("الحركة الجماعة التنظيم الحزب الفصيل الميليشيا المليشيا")
_SEEN = folded("شوهد شوهدت شوهدوا")
_TELLS = folded("روى روت يروي تروي")
_WE = folded("إننا وإننا أننا نعلن ونعلن نؤكد ونؤكد")
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
    by: int = -1  # the token of the verb of saying


def attribute(candidate: Candidate, cls: str, actors: Sequence[str], text: str) -> Attribution:
    """The attribution of one event; `actors` are the ids of who acts in it, of class `cls`."""
    sentence, trigger = candidate.sentence, candidate.trigger
    denied = _who_denies(sentence, text)
    if denied:
        return Attribution(denied_by=denied)
    speakers = _speakers(sentence)
    cue = _stating(sentence, trigger, speakers)
    if cue is not None:
        return _stated(sentence, cue, str(cue.entry.get("status")), text)
    if not speakers:
        return Attribution("none" if not _ours(sentence) else _own(cls))
    # What is said follows its speaker, or he is named at its end: «…، بحسب مصدر أمني».
    before = [s for s in speakers if s.i < trigger.i]
    speaker = before[-1] if before else speakers[0]
    start = sentence.tokens[speaker.i].start
    end = sentence.tokens[speaker.j - 1].end
    span = Span(text[start:end], start, end)
    status = _status(speaker, candidate, cls, actors)
    claimed: tuple[Role, ...] = ()
    if status == "claimed" and speaker.party is not None:
        claimed = (role(speaker.party, sentence.tokens, text),)
    return Attribution(status, span, claimed)


def _ours(sentence: Sentence) -> bool:
    """Whether who acts speaks himself: «قواتنا», «وإننا إذ نعلن»."""
    return not _WE.isdisjoint(sentence.words) or any(
        h.reading.pronoun == "نا" for h in sentence.of("force")
    )


def _own(cls: str) -> str:
    """What an account of one's own deeds is: a militia claims, a state's forces are official."""
    return "claimed" if cls == "militia" else "official"


def _stating(sentence: Sentence, trigger: Hit, speakers: Sequence[_Speaker]) -> Hit | None:
    """The word by which this event is claimed, or somebody accused of it.

    None where somebody who speaks after that word tells it: «تبنت الحركة الهجوم، فيما قال الجيش
    إنه قتل ستة».
    """
    stated = [
        h
        for h in sentence.of("speech")
        if h.entry.get("status") in _STATED
        and not _negated(sentence, h)
        and not any(h.j + 1 < s.i < trigger.i for s in speakers if s.by != h.i)
    ]
    # «المسؤولية عن» is claimed, but put on somebody beside a verb of accusing.
    # «تبنى» may be read as verb or noun: the verb says that who claims it follows.
    return min(
        stated,
        key=lambda h: (h.entry.id == "say.claim.w", h.i, h.form not in VERB_FORMS),
        default=None,
    )


def _status(speaker: _Speaker, candidate: Candidate, cls: str, actors: Sequence[str]) -> str:
    """What it is to the event that this speaker speaks of it."""
    party = speaker.party
    moves = candidate.trigger.kind == "troop_movement"
    if party is None:
        if speaker.kind != "group":
            return speaker.kind
        return "claimed" if cls == "militia" else "official" if moves else "accused"
    # «أعلن حزب الله أن مقاتليه قصفوا …»: no other name stands for who acted.
    nameless = all(actor.startswith("force.") for actor in actors)
    own = party.id in actors or (nameless and party.cls == cls)
    if moves:
        return _own(party.cls) if own else "official"
    if own:
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


@lru_cache(maxsize=4)
def _speakers(sentence: Sentence) -> list[_Speaker]:
    """Everybody who is said to say something, in the order of their words."""
    return list(_speaking(sentence))


def _speaking(sentence: Sentence) -> Iterator[_Speaker]:
    words = sentence.words
    verbs = {
        h.i for h in sentence.of("speech") if h.form in VERB_FORMS and not h.entry.get("status")
    }
    for k in range(len(words)):
        forms = {words[k], words[k].removeprefix("و")}
        found = None
        if k in verbs or not _VERBS.isdisjoint(forms):
            found = _named(sentence, range(k + 1, k + 1 + _REACH))
            before = next((p for p in sentence.bodies if p.j == k), None)
            if found is None and before is not None:
                found = _Speaker(before.i, before.j, "", before)
            if found is None and not _TELLS.isdisjoint(forms) and k + 1 < len(words):
                found = _Speaker(k + 1, k + 2, "witness", None)
        elif not _REPORTS.isdisjoint(forms):
            found = _reported(sentence, k)
        elif not _SOURCES.isdisjoint(forms):
            found = _named(sentence, range(k + 1, k + 1 + _REACH))
        elif not _SEEN.isdisjoint(forms):
            found = _Speaker(k, k + 1, "witness", None)
        elif words[k] == ":" and 0 < k <= _TITLE:
            found = _named(sentence, range(k))
            if found is not None and found.party is not None and _is_country(found.party):
                found = None  # «النيجر: مقتل …» is where
        if found is not None:
            yield found._replace(by=k)


def _is_country(party: Party) -> bool:
    return not party.armed and not party.capital


def _reported(sentence: Sentence, k: int) -> _Speaker | None:
    """«نقلت الوكالة عن مصدر عسكري»: who told it, else the medium that reports it at `k`."""
    reach = range(k + 1, min(len(sentence.words), k + 1 + _TITLE))
    told = next((n for n in reach if sentence.words[n] == "عن"), None)
    source = _named(sentence, range(told + 1, told + 1 + _REACH)) if told is not None else None
    medium = _named(sentence, range(k + 1, k + 1 + _REACH))
    return source or (medium if medium is not None and medium.kind == "media" else None)


def _named(sentence: Sentence, at: range) -> _Speaker | None:
    """The first body or noun of a speaker at these tokens."""
    for k in at:
        if k >= len(sentence.words) or sentence.words[k] == "ان":
            return None  # what follows «أن» is said
        for party in sentence.bodies:
            if party.i == k and party.i in at:
                return _Speaker(party.i, party.j, "", party)
        if sentence.words[k] in _GROUPS:
            return _Speaker(k, k + 1, "group", None)
        forms = _without_clitics(sentence.words[k])
        for kind, nouns in _NOUNS.items():
            if not nouns.isdisjoint(forms):
                local = not _LOCAL.isdisjoint(sentence.words[k + 1 : k + 2])
                whose = _speaks_for(sentence, k)
                return _Speaker(k, k + 1, "witness" if local else kind, whose)
    return None


def _speaks_for(sentence: Sentence, k: int) -> Party | None:
    """The group that the speaker at `k` is of: «الناطق باسم الحوثيين», «المكتب الإعلامي لقسد»."""
    for party in sentence.bodies:
        if k < party.i <= k + _OFFICE and party.cls in MILITIA_CLASSES:
            link = sentence.words[party.i - 1] in _OF or party.prep in ("ل", "ب")
            return party if link or party.i == k + 1 else None
    return None


_OFFICE = 4  # words from an office to the name of the group
_OF = folded("باسم في من")


def _without_clitics(word: str) -> list[str]:
    """A word as it stands, and without each of the letters that may be written onto it."""
    forms = [word]
    for clitic in ("و", "ل", "ب", "ال"):
        if len(word) > len(clitic) + 2 and word.startswith(clitic):
            word = word.removeprefix(clitic)
            forms.append(word)
    return forms
