"""What changed between two versions of an article, in sentences and in casualty numbers."""

from __future__ import annotations

import difflib
import re

from dataclasses import dataclass

from rasid.arabic import quantity_at, tokenize
from rasid.reading.fingerprints import fold


_SENTENCE = re.compile(r"(?<=[.!؟?])\s+|\n+")
# Folded, without a leading «و». Before a count stand verbs and masdars («مقتل 3»), behind it what
# is counted («3 قتلى») or happened («3 أشخاص قتلوا»).
_BEFORE = {
    **dict.fromkeys(("قتل", "قتلت", "مقتل", "استشهد", "استشهاد", "مصرع"), "killed"),
    **dict.fromkeys(("اصيب", "اصيبت", "اصابه", "جرح", "جرحت"), "injured"),
}
_BEHIND = {
    **dict.fromkeys(("قتلي", "قتيل", "قتيلا", "قتلوا", "شهداء", "شهيد", "شهيدا"), "killed"),
    **dict.fromkeys(("استشهدوا", "ضحايا", "ضحيه"), "killed"),
    **dict.fromkeys(("جرحي", "جريح", "جريحا", "جرحوا", "مصاب", "مصابا"), "injured"),
    **dict.fromkeys(("مصابين", "مصابون", "اصيبوا", "اصابه", "اصابات"), "injured"),
}
_PAIRS = frozenset(
    {
        *("شخصين", "شخصان", "جنديين", "جنديان", "عنصرين", "عنصران", "طفلين", "طفلان"),
        *("شرطيين", "شرطيان", "امراتين", "امراتان", "عاملين", "قتيلين", "جريحين"),
    }
)
_REACH = 2  # words


@dataclass(frozen=True, slots=True)
class TextChange:
    """`share` of the new text's sentences that are new, 0–1; numbers as (before, after)."""

    share: float
    added: tuple[str, ...]
    removed: tuple[str, ...]
    killed: tuple[int | None, int | None]
    injured: tuple[int | None, int | None]

    @property
    def casualties_changed(self) -> bool:
        """Whether the highest number of killed or injured is another one now."""
        return self.killed[0] != self.killed[1] or self.injured[0] != self.injured[1]


def compare_texts(before: str, after: str) -> TextChange | None:
    """What changed; None when the same words stand there (spelling and white space apart)."""
    old, new = _sentences(before), _sentences(after)
    old_keys, new_keys = [fold(s) for s in old], [fold(s) for s in new]
    if old_keys == new_keys:
        return None
    added: list[str] = []
    removed: list[str] = []
    matcher = difflib.SequenceMatcher(a=old_keys, b=new_keys, autojunk=False)
    for kind, a1, a2, b1, b2 in matcher.get_opcodes():
        if kind != "equal":
            removed.extend(old[a1:a2])
            added.extend(new[b1:b2])
    killed_before, injured_before = _casualties(before)
    killed_after, injured_after = _casualties(after)
    return TextChange(
        share=len(added) / max(len(new), 1),
        added=tuple(added),
        removed=tuple(removed),
        killed=(killed_before, killed_after),
        injured=(injured_before, injured_after),
    )


def _sentences(text: str) -> list[str]:
    return [s for part in _SENTENCE.split(text) if (s := " ".join(part.split()))]


def _casualties(text: str) -> tuple[int | None, int | None]:
    """The highest numbers of killed and of injured that `text` gives."""
    found: dict[str, list[int]] = {"killed": [], "injured": []}
    for sentence in _sentences(text):
        tokens = tokenize(sentence)
        words = [token.folded.removeprefix("و") for token in tokens]
        for i, word in enumerate(words):
            quantity = quantity_at(tokens, i)
            if quantity is None and word not in _PAIRS:
                continue
            count, end = (quantity.low, quantity.j) if quantity else (2, i + 1)
            what = next(
                (_BEFORE[w] for w in reversed(words[max(0, i - _REACH) : i]) if w in _BEFORE),
                next((_BEHIND[w] for w in words[end : end + _REACH] if w in _BEHIND), ""),
            )
            if what:
                found[what].append(count)
    return max(found["killed"], default=None), max(found["injured"], default=None)
