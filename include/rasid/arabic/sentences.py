"""Sentences of Arabic news text."""

from __future__ import annotations

import re

from rasid.arabic.fold import letters


_LINE = re.compile(r"[^\n]+")
# Stops, and the quotes and brackets that close after them. They are taken all at once (`++`, `*+`):
# a line of stops would else be tried from each of them anew.
_STOP = re.compile(r"([.!?؟؛…]++)[\"'»”)\]]*+")
_HIJRI = "ه"  # «1447 هـ.» may well end a sentence
_MARKED = 6  # characters that a letter and its marks may take


def sentences(text: str) -> list[tuple[int, int]]:
    """Spans of the sentences of `text`, trimmed, in order; the first line is one by itself."""
    found = []
    for line in _LINE.finditer(text):
        start, stop = line.span()
        for match in _STOP.finditer(text, start, stop):
            end = match.end()
            if (end == stop or text[end].isspace()) and not _of_initial(text, match):
                found.append((start, end))
                start = end
        found.append((start, stop))
    trimmed = []
    for start, end in found:
        piece = text[start:end]
        body = piece.strip()
        if body:
            first = start + len(piece) - len(piece.lstrip())
            trimmed.append((first, first + len(body)))
    return trimmed


def _of_initial(text: str, stop: re.Match[str]) -> bool:
    """Whether a stop ends a letter that stands for a name or title (د. أحمد) and no sentence."""
    at = stop.start()
    if stop[1] != "." or not text[at - 1 : at].strip():
        return False
    word, _ = letters(text[max(0, at - _MARKED) : at].rsplit(maxsplit=1)[-1])
    return len(word) == 1 and word.isalpha() and word != _HIJRI
