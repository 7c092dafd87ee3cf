"""What changed between two versions of an article, in sentences and in casualty numbers."""

from __future__ import annotations

import difflib
import re

from dataclasses import dataclass

from rasid.reading.fingerprints import fold


_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "01234567890123456789")
_SENTENCE = re.compile(r"(?<=[.!؟?])\s+|\n+")
_DEAD = r"قتلي?|قتيلا?|قتلوا|شهداء?|شهيدا?|استشهدوا?|مقتل|استشهاد|ضحايا|ضحيه"
_HURT = r"جرحي|جريحا?|مصابين?|مصابون|مصابا|اصابه|اصيبوا?|جرحوا"
_COUNT = r"(\d{1,6})\s+(?:شخصا?|اشخاص|مدنيا?|مدنيين|جنديا?|جنود|عنصرا?|عناصر|اخرين|مواطنا?)?\s*"
_CASUALTY = {
    "killed": re.compile(rf"(?:{_COUNT}(?:{_DEAD})|(?:{_DEAD})\s+{_COUNT})"),
    "injured": re.compile(rf"(?:{_COUNT}(?:{_HURT})|(?:{_HURT})\s+{_COUNT})"),
}


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
    return TextChange(
        share=len(added) / max(len(new), 1),
        added=tuple(added),
        removed=tuple(removed),
        killed=(_highest(before, "killed"), _highest(after, "killed")),
        injured=(_highest(before, "injured"), _highest(after, "injured")),
    )


def _sentences(text: str) -> list[str]:
    return [s for part in _SENTENCE.split(text) if (s := " ".join(part.split()))]


def _highest(text: str, what: str) -> int | None:
    found = _CASUALTY[what].findall(fold(text.translate(_DIGITS)))
    numbers = [int(n) for pair in found for n in pair if n]
    return max(numbers, default=None)
