"""Modality of an event: what stands over it decides (governor > particle > frame > default).

Every ruling names its rule. Which rules are exact enough to overrule the trained model was measured
on labelled sentences; the others are evidence among other evidence (rasid.tagging.combine).
"""

from __future__ import annotations

import re

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from rasid.arabic import folded
from rasid.tagging.matcher import VERB_FORMS, Hit
from rasid.tagging.roles import light_verb
from rasid.tagging.sentence import Sentence
from rasid.tagging.times import Dated


class Ruling(NamedTuple):
    """A modality, the tokens of its cue (or None), and the rule that gave it; sure or not."""

    modality: str
    cue: tuple[int, int] | None
    rule: str
    sure: bool = False


OLD = timedelta(days=30)  # the codebook's line between news and background
_NEAR_VERB, _NEAR_NOUN, _FAR = 12, 6, 20  # tokens between a cue and the event under it


# A cue's scope ends at these: what follows is the reason or the occasion, not the content.
_ENDS_SCOPE = folded(
    "بعد عقب إثر بسبب مواجهة خلال غداة منذ رغم ردا بينهم ضد الذي التي الذين بشأن حول أمام لصد "
    "صد لمواجهة للرد تحقيق التحقيق فض لفض ضحايا مرتكبي منفذي "
    "قائلا قائلة قائلين متهما متهمة متهمين مؤكدا مؤكدة مضيفا مضيفة مذكرا مذكرة"
)
# Denying a part in it, or knowledge of it, leaves the event standing.
_PART = folded(
    "ضلوع ضلوعها ضلوعه ضلوعهم تورط تورطها تورطه تورطهم علاقة علاقتها علاقته علاقتهم صلة صلتها "
    "صلته صلتهم مسؤولية مسؤوليتها مسؤوليته مسؤوليتهم المسؤولية علم علمها علمه بالضلوع بالتورط "
    "وقوف وقوفها وقوفه الوقوف اتهامات الاتهامات"
)
_AFTER = folded("بعد عقب إثر غداة")
_COMES = folded("يأتي تأتي جاء جاءت ويأتي وتأتي وجاء وجاءت")
_RESUMES = folded("على أن بأن إلى")
_NOT = folded("لم لن ليس ليست ولم ولن وليس فلم فلن")
_WAS = re.compile(r"[وف]?كان(?:ت|وا|ا|تا)?")
_ARREST = folded(
    "اعتقال اعتقلت اعتقل توقيف أوقفت أوقف توقف ضبط ضبطت القبض احتجاز يعتقل تعتقل خلية الخلية خلايا"
)
_RECENT = folded("أمس اليوم الليلة البارحة ساعات صباح مساء فجر ليل الجاري")
_FORMER = folded("الأسبق السابق السابقة الراحل السابقين آنذاك حينها وقتها سابقا")
_HABIT = folded("يومي متكررة متواترة باستمرار عادة شبه غالبا كثيرا دأبت دأب")


def rule_modality(sentence: Sentence, trigger: Hit) -> Ruling:
    """The modality of the event that `trigger` states."""
    particle = _particle(sentence, trigger)
    if particle is not None:
        return particle
    governor, frame = _governor(sentence, trigger), _frame(sentence, trigger)
    if governor is not None and frame is not None and frame.sure and governor.modality != "denied":
        return frame  # what somebody once ordered or demanded is background
    return governor or frame or Ruling("factual", None, "default")


def _particle(sentence: Sentence, trigger: Hit) -> Ruling | None:
    words = sentence.words
    i = trigger.i
    if trigger.form in VERB_FORMS:
        if trigger.reading.future:
            return Ruling("threatened_planned", (i, i + 1), "particle:sa", sure=True)
        for k in range(max(0, i - 2), i):
            if words[k] == "سوف":
                return Ruling("threatened_planned", (k, k + 1), "particle:sawfa", sure=True)
            if words[k] in _NOT:
                if k and words[k - 1] == "ما":
                    return Ruling("demanded", (k - 1, k + 1), "particle:ma-lam", sure=True)
                if words[k] in ("لن", "ولن", "فلن") or k == i - 1:
                    return Ruling("denied", (k, k + 1), "particle:not", sure=True)
        if i and words[i - 1] in ("قد", "وقد", "فقد") and trigger.form.startswith("pres"):
            return Ruling("threatened_planned", (i - 1, i), "particle:qad")
        if i and words[i - 1] in ("لا", "ولا") and trigger.form.startswith("pres"):
            return Ruling("denied", (i - 1, i), "particle:la")
    elif i and trigger.form == "phrase" and words[i - 1] in _NOT:
        return Ruling("denied", (i - 1, i), "particle:not", sure=True)  # «لم تطلق رصاصة»
    elif i and words[i - 1] in ("عدم", "دون", "بدون", "بعدم", "لعدم"):
        return Ruling("denied", (i - 1, i), "particle:without")
    else:
        # «لم تشهد المدينة أي قصف»: the negated verb governs the noun.
        for k in range(max(0, i - 6), i - 1):
            if words[k] in _NOT and words[i - 1] == "اي":
                return Ruling("denied", (k, k + 2), "particle:not-any", sure=True)
    return None


def cues(sentence: Sentence, trigger: Hit) -> Iterator[tuple[Hit, bool]]:
    """The cues in whose scope the event lies, and whether they stand near; the last one first."""
    i, clauses, words = trigger.i, sentence.clauses, sentence.words
    joined = trigger.form not in VERB_FORMS and trigger.reading.prefix.startswith("و")
    for hit in reversed(sentence.of("modality")):
        entry = hit.entry
        if not entry.get("modality") or entry.get("particle") or entry.get("frame"):
            continue
        if hit.i >= i or (joined and hit.j == i and hit.form not in VERB_FORMS):
            continue  # «التهديدات والهجمات» stand side by side
        gap, step = i - hit.j, clauses[i] - clauses[hit.i]
        if gap > _FAR or step > 3 or not _ENDS_SCOPE.isdisjoint(_between(words, hit.j, i)):
            continue
        if step and entry.get("modality") == "denied" and _goes_on(sentence, hit, trigger):
            continue
        limit = _NEAR_VERB if hit.form in VERB_FORMS else _NEAR_NOUN
        yield hit, gap <= limit and step <= 1


def _between(words: Sequence[str], start: int, end: int) -> Sequence[str]:
    """The words between a cue and the event, from the particle that resumes the cue's object on.

    «توافقت … خلال محادثات الأربعاء على سحب القوات»: what interrupts does not end the scope. In «بعد
    أن» and «قائلا إن» the particle is another's.
    """
    for k in range(end - 1, max(start, end - 3) - 1, -1):
        if words[k] in _RESUMES and words[k - 1] not in _ENDS_SCOPE:
            return words[k:end]
    return words[start:end]


def _goes_on(sentence: Sentence, cue: Hit, trigger: Hit) -> bool:
    """Whether a sentence of its own begins between: «نفى … سقوط البلدة، وتبنى التنظيم الهجوم».

    Of denials only: what is threatened or demanded is often told on («هدد …، وقال إنه سيقصف»).
    """
    at = sentence.clauses[cue.i]
    return any(
        hit.form in VERB_FORMS
        and hit.reading.prefix.startswith(("و", "ف"))
        and cue.j <= hit.i < trigger.i
        and sentence.clauses[hit.i] > at
        for hit in sentence.hits
    )


def _governor(sentence: Sentence, trigger: Hit) -> Ruling | None:
    for hit in sentence.of("modality"):
        if hit.entry.get("backward") and hit.i > trigger.i:
            return Ruling("denied", (hit.i, hit.j), f"governor:{hit.entry.id}", sure=True)
    attempt: Ruling | None = None
    for hit, near in cues(sentence, trigger):
        if not near:
            continue
        modality = str(hit.entry.get("modality"))
        if hit.entry.get("attempt"):
            attempt = attempt or Ruling(modality, (hit.i, hit.j), f"governor:{hit.entry.id}")
            continue  # «نفى محاولة اغتيال»: what stands over the attempt decides
        if modality == "denied" and not _PART.isdisjoint(sentence.words[hit.j : trigger.i]):
            return Ruling("factual", None, "governor:denies-a-part")
        rule = f"governor:{hit.entry.id}"
        sure = bool(hit.entry.get("sure"))
        if hit.entry.get("arrest"):
            sure = not _ARREST.isdisjoint(sentence.words)
            rule += ":arrest" if sure else ""
        return Ruling(modality, (hit.i, hit.j), rule, sure=sure)
    if attempt is not None:
        return attempt
    entry = trigger.entry
    if entry.get("foils"):
        return Ruling("foiled", (trigger.i, trigger.j), "own:foils")
    if entry.get("threatens"):
        return Ruling("threatened_planned", (trigger.i, trigger.j), "own:threatens")
    return None


def _frame(sentence: Sentence, trigger: Hit) -> Ruling | None:
    clauses, words = sentence.clauses, sentence.words
    for k, word in enumerate(words[:2]):
        if _WAS.fullmatch(word):
            return _was(sentence, k)
    dated = _dated(sentence, trigger)
    if dated is not None and dated.sure:
        return dated
    for k in range(max(0, trigger.i - 3), trigger.i):
        if words[k] in _AFTER and not _COMES.isdisjoint(words[max(0, k - 3) : k]):
            # «ويأتي القرار بعد هجمات …»: the occasion of the news is news.
            return Ruling("factual", None, "frame:comes-after", sure=True)
    for hit in sentence.of("modality"):
        if hit.entry.get("frame") and (hit.i <= 2 or abs(clauses[hit.i] - clauses[trigger.i]) <= 1):
            sure = bool(hit.entry.get("sure"))
            rule = f"frame:{hit.entry.id}"
            return Ruling(str(hit.entry.get("modality")), (hit.i, hit.j), rule, sure=sure)
    light = light_verb(sentence, trigger)
    if dated is None and light is not None and light.form.startswith("pres"):
        # «تشن الفصائل هجمات» goes on now: of 34 on train 24 are factual, 6 background.
        return Ruling("factual", None, "frame:goes-on", sure=True)
    return dated


def _dated(sentence: Sentence, trigger: Hit) -> Ruling | None:
    """What a date older than news says."""
    clauses, words = sentence.clauses, sentence.words
    for dated in sentence.dates:
        if sentence.day and dated.last < sentence.day - OLD:
            since = "منذ" in words[max(0, dated.i - 3) : dated.i]
            near = abs(clauses[dated.i] - clauses[trigger.i]) <= 1
            rule = "frame:since-date" if since else "frame:old-date" if near else "frame:far-date"
            modality = "factual" if since else "historical_background"
            # A year before this one, written out beside the event, leaves no doubt.
            written = words[dated.j - 1]
            sure = (
                near
                and not since
                and bool(_YEAR.fullmatch(written))
                and (int(written) < sentence.day.year)
            )
            return Ruling(modality, (dated.i, dated.j), rule, sure=sure)
    if sentence.year and not sentence.day:
        for k, word in enumerate(words):
            if _YEAR.fullmatch(word) and int(word) < sentence.year:
                return Ruling("historical_background", (k, k + 1), "frame:old-year")
    return None


def _was(sentence: Sentence, k: int) -> Ruling:
    """The frame «وكان …» opens: what somebody had said or done before, mostly background."""
    words = sentence.words
    cue = (k, k + 1)
    if _is_old(sentence.dates, sentence.day) or not _FORMER.isdisjoint(words[: k + 8]):
        return Ruling("historical_background", cue, "frame:was-old", sure=True)
    if any(hit.i <= k + 9 for hit in sentence.of("speech") if hit.form in VERB_FORMS):
        return Ruling("factual", None, "frame:was-said")
    if not _RECENT.isdisjoint(words) or sentence.dates:
        return Ruling("factual", None, "frame:was-recent")
    return Ruling("historical_background", cue, "frame:was")


def _is_old(dates: Sequence[Dated], day: date | None) -> bool:
    return day is not None and any(d.last < day - OLD for d in dates)


_YEAR = re.compile(r"(?:19|20)\d\d")


def is_habitual(sentence: Sentence) -> bool:
    """Whether the sentence speaks of what happens again and again."""
    return not _HABIT.isdisjoint(sentence.words)
