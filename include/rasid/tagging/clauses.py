"""Clauses: stretches of a sentence inside which arguments and cues are bound together."""

from __future__ import annotations

from collections.abc import Sequence

from rasid.arabic import Shape, fold


_BREAKS = frozenset(",،:;؛-–—|()[]")
# Words that open a clause of their own (tagging.md §8.3), relatives among them.
_CONNECTORS = frozenset(
    fold(word)
    for word in [
        "فيما",
        "بينما",
        "حيث",
        "إذ",
        "وذلك",
        "كما",
        "لكن",
        "ولكن",
        "لكنه",
        "لكنها",
        "مما",
        "وأضاف",
        "وأضافت",
        "وقال",
        "وقالت",
        "وأكد",
        "وأكدت",
        "وأوضح",
        "وأوضحت",
        "وأشار",
        "وأشارت",
        "وتابع",
        "ولفت",
        "وذكر",
        "وذكرت",
        "ومن",
        "وكان",
        "وكانت",
        "إلا",
        "وسط",
        "بعدما",
        "عندما",
        "قبلما",
        "لأن",
        "وأن",
        "الذي",
        "التي",
        "الذين",
        "اللذين",
        "ما",
        "وفيما",
        "وبينما",
    ]
)
_TWO_WORDS = frozenset(
    (fold(a), fold(b))
    for a, b in (
        ("في", "حين"), ("غير", "أن"), ("بعد", "أن"), ("قبل", "أن"), ("ما", "أدى"), ("إلى", "ذلك"),
        ("على", "أن"), ("في", "الوقت"), ("من", "جهة"), ("من", "جانبه"),
    )
)  # fmt: skip
_FIRST = _CONNECTORS | {first for first, _ in _TWO_WORDS}
_KEEPS = frozenset({("ما", "لم"), ("ما", "لا"), ("ما", "يزيد"), ("ما", "زال"), ("ما", "زالت")})


def clause_ids(shapes: Sequence[Shape]) -> list[int]:
    """The number of the clause of each token, counted from 0 in order of opening."""
    ids: list[int] = []
    clause = 0
    fresh = True  # no word of the current clause seen yet
    for i, shape in enumerate(shapes):
        if shape.kind == "mark":
            ids.append(clause)
            if shape.folded in _BREAKS and not fresh:
                clause += 1
                fresh = True
            continue
        if not fresh and shape.folded in _FIRST and _opens(shapes, i):
            clause += 1
        fresh = False
        ids.append(clause)
    return ids


def _opens(shapes: Sequence[Shape], i: int) -> bool:
    """Whether a clause of its own begins at token `i`."""
    pair = (shapes[i].folded, shapes[i + 1].folded if i + 1 < len(shapes) else "")
    return pair in _TWO_WORDS or (pair[0] in _CONNECTORS and pair not in _KEEPS)
