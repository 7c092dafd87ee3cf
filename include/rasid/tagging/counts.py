"""Casualties and strengths: numbers bound to the words they count."""

from __future__ import annotations

from rasid.arabic import folded, quantity_at
from rasid.tagging.matcher import Hit
from rasid.tagging.mention import Count
from rasid.tagging.sentence import Sentence


_REACH = 4  # tokens between a casualty word and its number
_NOT_PEOPLE = folded(
    "كيلومترا كيلومتر كم متر مترا عاما يوما أيام شهرا ساعة ساعات دقيقة في دولار % عام"
)
_SUBSET = folded("بينهم بينها منهم منها")


def casualties(sentence: Sentence, text: str, what: str) -> Count | None:
    """The first count of people `killed` or `injured`; «بينهم …» is a part of it and is left out.

    A number stands after the word (مقتل 3 جنود), before it (3 قتلى), or in a dual (قتيلان, مقتل
    جنديين); one person needs none (مقتل ضابط).
    """
    for hit in sentence.of("target"):
        if hit.entry.get("casualty") == what:
            found = _before(sentence, text, hit) or _after(sentence, text, hit)
            if found is not None:
                return found
    return None


def strength(sentence: Sentence, text: str) -> Count | None:
    """How many soldiers or vehicles move: a number right before an armed body, or its dual."""
    for body in sentence.bodies:
        for start in (body.i - 1, body.i - 2, body.i - 3):
            found = quantity_at(sentence.tokens, start) if start >= 0 else None
            if found is not None and found.j >= body.i:
                return _count(sentence, text, (found.i, body.j), (found.low, found.high))
    return None


def _before(sentence: Sentence, text: str, hit: Hit) -> Count | None:
    """The count in the casualty word itself or right before it."""
    if hit.form == "dual":
        return _count(sentence, text, (hit.i, hit.j), (2, 2))
    for start in (hit.i - 1, hit.i - 2):
        found = quantity_at(sentence.tokens, start) if start >= 0 else None
        if found is not None and found.j == hit.i:
            return _count(sentence, text, (found.i, hit.j), (found.low, found.high))
    return None


def _after(sentence: Sentence, text: str, hit: Hit) -> Count | None:
    words, clauses = sentence.words, sentence.clauses
    people = {h.i: h for h in sentence.of("target") if h.entry.get("target") != "site"}
    for k in range(hit.j, min(len(words), hit.j + _REACH)):
        if words[k] in _SUBSET or clauses[k] != clauses[hit.i]:
            return None
        person = people.get(k)
        if person is not None and person.form == "dual":
            return _count(sentence, text, (k, k + 1), (2, 2))
        found = quantity_at(sentence.tokens, k)
        if found is not None:
            if found.j < len(words) and words[found.j] in _NOT_PEOPLE:
                return None
            end = min(found.j + 1, len(words))
            return _count(sentence, text, (found.i, end), (found.low, found.high))
        if k == hit.j and person is not None and person.form == "sg":
            return _count(sentence, text, (k, k + 1), (1, 1))
    return None


def _count(
    sentence: Sentence, text: str, at: tuple[int, int], bounds: tuple[int, int | None]
) -> Count:
    start, end = sentence.tokens[at[0]].start, sentence.tokens[at[1] - 1].end
    what = next(
        (
            str(h.entry.get("target"))
            for h in sentence.of("target")
            if at[0] <= h.i <= at[1] and h.entry.get("target") not in (None, "site")
        ),
        "",
    )
    return Count(text[start:end], start, end, *bounds, what)
