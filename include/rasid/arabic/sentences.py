"""Sentences of Arabic news text."""

from __future__ import annotations

import re


# A line break always ends one; a full stop does unless it belongs to an initial (د. أحمد), and
# numbers are safe because the stop must be followed by a space, a quote or the end.
_END = re.compile(r"\n+|(?:(?<!\s[دأمصب])(?<!^[دأمصب])\.|[!?؟؛…])+[\"'»”)\]]*(?=\s|$)")


def sentences(text: str) -> list[tuple[int, int]]:
    """Spans of the sentences of `text`, trimmed, in order; the first line is one by itself."""
    spans = []
    start = 0
    for match in _END.finditer(text):
        spans.append((start, match.end()))
        start = match.end()
    spans.append((start, len(text)))
    trimmed = []
    for a, b in spans:
        piece = text[a:b]
        body = piece.strip()
        if body:
            first = a + len(piece) - len(piece.lstrip())
            trimmed.append((first, first + len(body)))
    return trimmed
