"""Tokens with exact offsets into the text as given."""

from __future__ import annotations

import re

from collections.abc import Iterable
from typing import NamedTuple

from rasid.arabic.fold import IGNORED, ascii_digits, fold, letters


_SKIP = "".join(sorted(IGNORED))
_ARABIC = (
    "\u0620-\u063f\u0641-\u064a\u066e-\u066f\u0671-\u06d3\u06d5\u06ee-\u06ef\u06fa-\u06ff"
    "\ufb50-\ufdfb\ufe70-\ufefc"
)
_DIGIT = "0-9٠-٩۰-۹"
_KINDS = {
    "word": rf"[{_ARABIC}]++(?:[{re.escape(_SKIP)}]++[{_ARABIC}]++)*+[\u064b-\u0652\u0670]*+",
    "number": rf"[{_DIGIT}]+(?:[.,:/٫٬٪-][{_DIGIT}]+)*",
    "latin": r"[A-Za-zÀ-ɏ]+",
    "mark": rf"[^\s{re.escape(_SKIP)}]",
}
_SURFACE = re.compile("|".join(_KINDS.values()))
_KIND = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _KINDS.items()))


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


def surfaces(text: str, start: int = 0, end: int | None = None) -> list[str]:
    """What is written at each token of `text[start:end]`: all that most sentences are asked for.

    A word keeps the marks written on it and the invisible characters inside it, so that its span
    slices to what the reader sees; spaces and other invisible characters are no tokens.
    """
    return _SURFACE.findall(text, start, len(text) if end is None else end)


def shape_of(surface: str) -> Shape:
    """The shape of one of `surfaces`; words, numbers, Latin words and single marks differ."""
    return _SHAPES.get(surface) or _learn(surface)


def shapes_of(surfaces: Iterable[str]) -> list[Shape]:
    """The shapes of all `surfaces`."""
    known = _SHAPES.get
    return [known(surface) or _learn(surface) for surface in surfaces]


def _learn(surface: str) -> Shape:
    match = _KIND.match(surface)
    kind = (match and match.lastgroup) or "mark"
    if kind == "word":
        plain, _ = letters(surface)
        shape = Shape(kind, plain, fold(plain), "\u064f" in surface[:6])
    else:
        plain = ascii_digits(surface) if kind == "number" else surface
        shape = Shape(kind, plain, plain, damma=False)
    if len(_SHAPES) >= _MOST_SHAPES:
        _SHAPES.clear()
    _SHAPES[surface] = shape
    return shape


def tokenize(
    text: str, start: int = 0, end: int | None = None, shapes: Iterable[Shape] | None = None
) -> list[Token]:
    """All tokens of `text[start:end]` in order: its `surfaces` with their shapes and places.

    Who has the shapes of these surfaces already may give them.
    """
    matches = list(_SURFACE.finditer(text, start, len(text) if end is None else end))
    written = [match[0] for match in matches]
    return [
        Token(shape, match.start(), match.end(), surface)
        for match, surface, shape in zip(
            matches, written, shapes or shapes_of(written), strict=True
        )
    ]


def part_of(token: Token, skip: int) -> tuple[int, int]:
    """The character span of `token` without its first `skip` letters (a clitic prefix)."""
    if not skip:
        return token.start, token.end
    _, at = letters(token.text)
    return token.start + at[min(skip, len(at) - 1)], token.end
