"""Modality of an event: what stands over it decides (governor > particle > frame > default)."""

from __future__ import annotations

import re

from collections.abc import Sequence
from typing import NamedTuple

from rasid.arabic import fold
from rasid.tagging.matcher import VERB_FORMS, Hit
from rasid.tagging.sentence import Sentence


class Ruling(NamedTuple):
    """A modality, the tokens of its cue (or None), and the rule that gave it."""

    modality: str
    cue: tuple[int, int] | None
    rule: str


# A cue's scope ends at these: what follows is the reason or the occasion, not the content.
_ENDS_SCOPE = frozenset(
    fold(w)
    for w in [
        "بعد",
        "عقب",
        "إثر",
        "بسبب",
        "مواجهة",
        "خلال",
        "غداة",
        "منذ",
        "رغم",
        "ردا",
        "بينهم",
        "ضد",
        "الذي",
        "التي",
    ]
)
_STILL = frozenset(fold(w) for w in ["تزال", "يزال", "زال", "زالت", "تزل", "يزل"])
_NOT = frozenset(fold(w) for w in ["لم", "لن", "ليس", "ليست", "عدم"])
_YEAR = re.compile(r"(?:19|20)\d\d")
_WAS = re.compile(r"^[وف]?كان(?:ت|وا|ا|تا)?$")
_HABIT = frozenset(fold(w) for w in ["يومي", "متكررة", "متواترة", "باستمرار", "عادة", "شبه"])


def rule_modality(sentence: Sentence, trigger: Hit) -> Ruling:
    """The modality of the event that `trigger` states."""
    particle = _particle(sentence.words, trigger)
    if particle is not None:
        return particle
    governor = _governor(sentence, trigger)
    frame = _frame(sentence, trigger.i)
    if governor is not None and frame is not None and governor.modality != "denied":
        # What was once demanded or planned is background when the frame is old.
        return frame if frame.rule == "frame:was" else governor
    return governor or frame or Ruling("factual", None, "default")


def _particle(words: Sequence[str], trigger: Hit) -> Ruling | None:
    i = trigger.i
    if trigger.form in VERB_FORMS:
        if trigger.reading.future:
            return Ruling("threatened_planned", (i, i + 1), "particle:sa")
        for k in range(max(0, i - 2), i):
            word = words[k]
            if word == "سوف":
                return Ruling("threatened_planned", (k, k + 1), "particle:sawfa")
            if word in _NOT or word in ("ولم", "ولن"):
                if k and words[k - 1] == "ما":
                    return Ruling("demanded", (k - 1, k + 1), "particle:ma-lam")
                return Ruling("denied", (k, k + 1), "particle:not")
        if i and words[i - 1] == "لا" and trigger.form.startswith("pres"):
            return Ruling("denied", (i - 1, i), "particle:la")
    elif i and words[i - 1] in ("عدم", "دون", "بدون", "بعدم", "لعدم"):
        return Ruling("denied", (i - 1, i), "particle:without")
    return None


def _governor(sentence: Sentence, trigger: Hit) -> Ruling | None:
    i = trigger.i
    clauses = sentence.clauses
    best: Hit | None = None
    for hit in sentence.of("modality"):
        if not hit.entry.get("modality") or hit.i >= trigger.j:
            continue
        if hit.entry.get("modality") == "historical_background" or hit.entry.get("particle"):
            continue
        if hit.i == i and hit.entry.id.startswith(("mod.plan", "mod.demand")):
            continue
        limit = 12 if hit.form in VERB_FORMS else 6
        if i - hit.j > limit or (clauses[i] - clauses[hit.i]) > 1:
            continue
        if not _ENDS_SCOPE.isdisjoint(sentence.words[hit.j : i]):
            continue
        if best is None or hit.i >= best.i:
            best = hit
    if best is None:
        return None
    return Ruling(str(best.entry.get("modality")), (best.i, best.j), f"governor:{best.entry.id}")


def _frame(sentence: Sentence, i: int) -> Ruling | None:
    clauses = sentence.clauses
    for k, word in enumerate(sentence.words[:2]):
        if _WAS.match(word):
            return Ruling("historical_background", (k, k + 1), "frame:was")
    for hit in sentence.of("modality"):
        if hit.entry.get("modality") == "historical_background":
            near = abs(clauses[hit.i] - clauses[i]) <= 1
            if near or hit.i <= 2:
                return Ruling("historical_background", (hit.i, hit.j), f"frame:{hit.entry.id}")
    if sentence.day is not None:
        for k, word in enumerate(sentence.words):
            if _YEAR.fullmatch(word) and int(word) < sentence.day.year:
                return Ruling("historical_background", (k, k + 1), "frame:old-year")
    return None


def is_habitual(sentence: Sentence) -> bool:
    """Whether the sentence speaks of what happens again and again."""
    return not _HABIT.isdisjoint(sentence.words)
