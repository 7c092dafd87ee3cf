"""Tokens with exact offsets into the text as given."""

from __future__ import annotations

import re

from typing import NamedTuple

from rasid.arabic.fold import IGNORED, ascii_digits, fold, letters


_SKIP = "".join(sorted(IGNORED))
_ARABIC = (
    "\u0620-\u063f\u0641-\u064a\u066e-\u066f\u0671-\u06d3\u06d5\u06ee-\u06ef\u06fa-\u06ff"
    "\ufb50-\ufdfb\ufe70-\ufefc"
)
_DIGIT = "0-9٠-٩۰-۹"
_TOKEN = re.compile(
    rf"(?P<word>[{_ARABIC}](?:[{_ARABIC}{re.escape(_SKIP)}]*[{_ARABIC}])?[\u064b-\u0652\u0670]*)"
    rf"|(?P<number>[{_DIGIT}]+(?:[.,:/٫٬٪-][{_DIGIT}]+)*)"
    r"|(?P<latin>[A-Za-zÀ-ɏ]+)"
    rf"|(?P<mark>[^\s{re.escape(_SKIP)}])"
)


class Shape(NamedTuple):
    """What one surface form is, whatever its place in the text."""

    kind: str  # word | number | latin | mark
    letters: str
    folded: str
    damma: bool  # a damma after the first radical: the written sign of a passive (قُتل)


class Token(NamedTuple):
    """One token; `start` and `end` are Python indices into the text as given."""

    shape: Shape
    start: int
    end: int
    text: str

    @property
    def folded(self) -> str:
        return self.shape.folded


_SHAPES: dict[str, Shape] = {}  # by what is written; emptied when full
_MOST_SHAPES = 200_000


def _shape(kind: str, text: str) -> Shape:
    if kind == "word":
        plain, _ = letters(text)
        shape = Shape(kind, plain, fold(plain), "\u064f" in text[:6])
    else:
        plain = ascii_digits(text) if kind == "number" else text
        shape = Shape(kind, plain, plain, damma=False)
    if len(_SHAPES) >= _MOST_SHAPES:
        _SHAPES.clear()
    _SHAPES[text] = shape
    return shape


def tokenize(text: str, start: int = 0, end: int | None = None) -> list[Token]:
    """All tokens of `text[start:end]` in order; spaces and invisible characters are no tokens.

    A word keeps the marks written on it and the invisible characters inside it, so that its span
    slices to what the reader sees. Words, numbers, Latin words and single marks are told apart.
    """
    tokens = []
    known = _SHAPES.get
    for match in _TOKEN.finditer(text, start, len(text) if end is None else end):
        surface = match[0]
        shape = known(surface) or _shape(match.lastgroup or "mark", surface)
        tokens.append(Token(shape, match.start(), match.end(), surface))
    return tokens


def part_of(token: Token, skip: int) -> tuple[int, int]:
    """The character span of `token` without its first `skip` letters (a clitic prefix)."""
    if not skip:
        return token.start, token.end
    _, at = letters(token.text)
    return token.start + at[min(skip, len(at) - 1)], token.end
