"""Casualties and strengths: numbers bound to the words they count."""

from __future__ import annotations

from collections.abc import Sequence

from rasid.arabic import Token, quantity_at
from rasid.tagging.mention import Count
from rasid.tagging.sentence import Sentence


_REACH = 4  # tokens between a casualty word and its number


def casualties(sentence: Sentence, text: str, what: str) -> Count | None:
    """The first count of people `killed` or `injured`; «بينهم …» is a part of it and is left out.

    A number stands after the word (مقتل 3 جنود), before it (3 قتلى), or in its dual (قتيلان).
    """
    tokens, clauses = sentence.tokens, sentence.clauses
    for hit in sentence.of("target"):
        if hit.entry.get("casualty") != what:
            continue
        if hit.form == "dual":
            return _count(tokens, text, hit.i, hit.j, 2, 2)
        if hit.i:
            for start in (hit.i - 1, hit.i - 2):
                before = quantity_at(tokens, start) if start >= 0 else None
                if before is not None and before.j == hit.i:
                    return _count(tokens, text, before.i, hit.j, before.low, before.high)
        limit = min(len(tokens), hit.j + _REACH)
        for k in range(hit.j, limit):
            if tokens[k].folded in ("بينهم", "بينها") or clauses[k] != clauses[hit.i]:
                break
            other = [h for h in sentence.of("target") if h.i == k and h.form == "dual"]
            if other:
                return _count(tokens, text, k, k + 1, 2, 2)
            found = quantity_at(tokens, k)
            if found is not None:
                if found.j < len(tokens) and tokens[found.j].folded in _NOT_PEOPLE:
                    break
                end = min(found.j + 1, len(tokens))
                return _count(tokens, text, found.i, end, found.low, found.high)
    return None


def strength(sentence: Sentence, text: str) -> Count | None:
    """How many soldiers or vehicles move: a number right before an armed body, or its dual."""
    tokens = sentence.tokens
    for body in sentence.bodies:
        for start in (body.i - 1, body.i - 2, body.i - 3):
            found = quantity_at(tokens, start) if start >= 0 else None
            if found is not None and body.i - found.j <= 0:
                return _count(tokens, text, found.i, body.j, found.low, found.high)
    return None


_NOT_PEOPLE = frozenset(
    {"كيلومترا", "كيلومتر", "كم", "عاما", "يوما", "ايام", "ساعه", "ساعات", "في", "دولار"}
)


def _count(tokens: Sequence[Token], text: str, i: int, j: int, low: int, high: int | None) -> Count:  # noqa: PLR0917
    start, end = tokens[i].start, tokens[j - 1].end
    return Count(text[start:end], start, end, low, high)
