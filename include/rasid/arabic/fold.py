"""Folding: the letters of a word reduced to what matching compares, with offsets kept.

Two levels. `letters` strips what carries no letter (marks, tatweel, zero-width and bidi
characters) and replaces presentation forms and Persian letters; `fold` also merges the spellings
that writers mix (أإآ/ا, ى/ي, ة/ه). ؤ and ئ are kept: قائد is not قاد (tagging.md §7).
"""

from __future__ import annotations

import re
import unicodedata


# Marks, tatweel, zero-width and bidi controls, soft hyphen: nothing a reader would call a letter.
IGNORED = frozenset(
    chr(c)
    for a, b in (
        (0x0610, 0x061A),
        (0x061C, 0x061C),
        (0x0640, 0x0640),
        (0x064B, 0x065F),
        (0x0670, 0x0670),
        (0x06D6, 0x06DC),
        (0x06DF, 0x06E8),
        (0x06EA, 0x06ED),
        (0x08D3, 0x08FF),
        (0x200B, 0x200F),
        (0x202A, 0x202E),
        (0x2060, 0x2069),
        (0x00AD, 0x00AD),
        (0xFE00, 0xFE0F),
        (0xFEFF, 0xFEFF),
    )
    for c in range(a, b + 1)
)
_PERSIAN = {
    "ی": "ي",
    "ې": "ي",
    "ک": "ك",
    "گ": "ك",
    "ھ": "ه",
    "ہ": "ه",
    "ە": "ه",
    "ۀ": "ه",
    "ۃ": "ة",
}
_FOLD = str.maketrans({"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ة": "ه"})
_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "01234567890123456789")
# Without one of these a word is its own letters, as most words of news are.
_ODD = re.compile(f"[{re.escape(''.join(IGNORED))}{''.join(_PERSIAN)}\ufb50-\ufefc]")
# What a writer may put where the lexicon spells the key: the key itself or something less specific.
_LOOSER = {"أ": "ا", "إ": "ا", "آ": "ا", "ة": "ه", "ى": "ي", "ي": "ى", "ٱ": "ا"}


def fold(letters: str) -> str:
    """Merge the spellings that writers mix; the length stays."""
    return letters.translate(_FOLD)


def folded(words: str) -> frozenset[str]:
    """The folded forms of a list of words written in one string."""
    return frozenset(fold(word) for word in words.split())


def ascii_digits(text: str) -> str:
    """Arabic-Indic and Persian digits as 0–9; the length stays."""
    return text.translate(_DIGITS)


def letters(text: str) -> tuple[str, tuple[int, ...]]:
    """The letters of `text`, and for each of them the index of its character in `text`."""
    if _ODD.search(text) is None:
        return text, tuple(range(len(text)))
    out: list[str] = []
    at: list[int] = []
    for i, char in enumerate(text):
        if char in IGNORED:
            continue
        if "\ufb50" <= char <= "\ufefc":
            # A ligature (ﻻ, ﷲ) is several letters of one character; its own marks are dropped.
            spelt = [c for c in unicodedata.normalize("NFKC", char) if c not in IGNORED]
        else:
            spelt = [_PERSIAN.get(char, char)]
        out.extend(spelt)
        at.extend([i] * len(spelt))
    return "".join(out), tuple(at)


def agrees(written: str, lexical: str) -> bool:
    """Whether `written` may stand for `lexical`, both of equal folded form.

    Folding is only the index: إليه folds as آلية does, but no writer means the second by the first.
    Each written letter must be the lexicon's or a less specific one. One misspelling is so common
    that it passes: a hamza below or above an initial ا that should bear none (إنسحاب).
    """
    if written == lexical:
        return True
    return all(
        w == x or _LOOSER.get(x) == w or (i == 0 and x == "ا" and w in "إأ" and len(lexical) > 4)
        for i, (w, x) in enumerate(zip(written, lexical, strict=True))
    )
