"""Numbers as Arabic news writes them: digits of three kinds, words, duals, vague quantities."""

from __future__ import annotations

import re

from collections.abc import Sequence
from typing import NamedTuple

from rasid.arabic.fold import fold
from rasid.arabic.tokens import Token


class Quantity(NamedTuple):
    """A count with its bounds; `high` is None where the text sets none. `i:j` are its tokens."""

    low: int
    high: int | None
    i: int
    j: int


_UNITS = {
    1: "واحد واحدا واحدة أحد إحدى",
    2: "اثنان اثنين اثنتان اثنتين إثنين إثنان اثنا اثني اثنتا اثنتي",
    3: "ثلاث ثلاثة",
    4: "أربع أربعة",
    5: "خمس خمسة",
    6: "ست ستة",
    7: "سبع سبعة",
    8: "ثمان ثماني ثمانية",
    9: "تسع تسعة",
    10: "عشر عشرة",
    20: "عشرون عشرين",
    30: "ثلاثون ثلاثين",
    40: "أربعون أربعين",
    50: "خمسون خمسين",
    60: "ستون ستين",
    70: "سبعون سبعين",
    80: "ثمانون ثمانين",
    90: "تسعون تسعين",
    100: "مئة مائة",
    200: "مئتان مئتين مئتي مئتا مائتان مائتين مائتي مائتا",
    300: "ثلاثمئة ثلاثمائة",
    400: "أربعمئة أربعمائة",
    500: "خمسمئة خمسمائة",
    600: "ستمئة ستمائة",
    700: "سبعمئة سبعمائة",
    800: "ثمانمئة ثمانمائة",
    900: "تسعمئة تسعمائة",
}
_VALUE = {fold(word): value for value, words in _UNITS.items() for word in words.split()}
_SCALE = {fold(w): v for w, v in {"ألف": 1000, "آلاف": 1000, "ألفا": 1000, "مليون": 10**6}.items()}
_FIXED = {fold(w): v for w, v in {"ألفين": 2000, "ألفان": 2000, "ألفي": 2000}.items()}
# Lower bounds that the words themselves promise; no upper bound.
_VAGUE = {
    fold(w): v
    for w, v in {
        "عشرات": 20,
        "العشرات": 20,
        "مئات": 200,
        "المئات": 200,
        "عدد": 2,
        "بضعة": 3,
    }.items()
}
NUMBER_WORDS = frozenset({*_VALUE, *_SCALE, *_FIXED, *_VAGUE})  # with which a quantity may begin
_MORE = (("اكثر", "من"), ("ما", "لا", "يقل", "عن"), ("لا", "يقل", "عن"), ("ما", "يزيد", "عن"))
_DIGITS = re.compile(r"\d{1,3}(?:[,٬]\d{3})+|\d+")


def _words(tokens: Sequence[Token], i: int) -> tuple[int, int] | None:
    """Value of the number words that start at `i`, and where they end."""
    total = 0
    part = 0
    j = i
    while j < len(tokens):
        word = tokens[j].folded
        if j > i and word.startswith("و") and word not in _VALUE:
            word = word[1:]
        elif j > i and word not in _SCALE and word not in ("عشر", "عشره"):
            break
        if word in _FIXED:
            total += _FIXED[word]
        elif word in _SCALE:
            total += max(part, 1) * _SCALE[word]
            part = 0
        elif word in _VALUE:
            part += _VALUE[word]
        else:
            break
        j += 1
    return (total + part, j) if j > i else None


def quantity_at(tokens: Sequence[Token], i: int) -> Quantity | None:
    """The quantity whose number starts at token `i`; «أكثر من», «لا يقل عن» before it are read.

    «بين 15 و20» is one quantity, from 15 to 20.
    """
    token = tokens[i]
    if token.folded == "بين":
        return _between(tokens, i)
    if token.shape.kind == "number":
        if not _DIGITS.fullmatch(token.folded):
            return None
        low, j = int(re.sub(r"\D", "", token.folded)), i + 1
        if j < len(tokens) and tokens[j].folded in _SCALE:
            low, j = low * _SCALE[tokens[j].folded], j + 1
        high: int | None = low
    elif token.folded in _VAGUE:
        low, high, j = _VAGUE[token.folded], None, i + 1
    elif (words := _words(tokens, i)) is not None:
        low, j = words
        high = low
    else:
        return None
    before = [t.folded for t in tokens[max(0, i - 4) : i]]
    for cue in _MORE:
        if tuple(before[-len(cue) :]) == cue:
            return Quantity(low + (cue[0] == "اكثر"), None, i, j)
    return Quantity(low, high, i, j)


def joined_quantity_at(tokens: Sequence[Token], i: int) -> Quantity | None:
    """The quantity whose number starts at token `i`, whether «و» is written on it or not."""
    found = quantity_at(tokens, i)
    word = tokens[i].folded
    if found is None and word.startswith("و") and word[1:] in NUMBER_WORDS:
        shape = tokens[i].shape._replace(folded=word[1:])
        found = quantity_at([*tokens[:i], tokens[i]._replace(shape=shape), *tokens[i + 1 :]], i)
    return found


def _between(tokens: Sequence[Token], i: int) -> Quantity | None:
    """The range that «بين» at token `i` begins: the first «و» with a greater number after it."""
    for k in range(i + 2, min(len(tokens), i + 2 + _LONGEST_BOUND)):
        word = tokens[k].folded
        if not word.startswith("و"):
            continue
        at = k + (word == "و")
        upper = joined_quantity_at(tokens, at) if at < len(tokens) else None
        lower = quantity_at(tokens[:k], i + 1)
        if lower is not None and upper is not None and lower.j == k and lower.low < upper.low:
            return Quantity(lower.low, upper.high, i, upper.j)
    return None


_LONGEST_BOUND = 4  # tokens of the lower bound of a range
