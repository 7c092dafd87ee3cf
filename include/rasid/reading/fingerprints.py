"""What makes two texts the same: exact hash, title key, band keys of near copies."""

from __future__ import annotations

import hashlib
import re
import struct
import unicodedata

from rensa import RMinHash


# 126 permutations in 42 bands of 3 rows: two texts of Jaccard similarity 0.4 share a band with
# probability 0.94, of 0.5 with 0.996, of 0.14 (the most of unrelated articles) with 0.11. Agency
# copies lie at 0.4 and above (ingestion.md §3.8), so candidates are checked by `similarity`.
PERMUTATIONS, BANDS, SEED = 126, 42, 42
SHINGLE_WORDS = 3
SAME_STORY = 0.4  # similarity from which two articles are copies of one (ingestion.md §3.8)

# For str.replace, letter by letter: ten times as fast as str.translate on Arabic.
_FOLD = tuple(zip("أإآٱىةؤئ", "اااايهوي", strict=True))
_MARKS = re.compile(
    "[\u064b-\u0652\u0670\u0640\u0610-\u061a\u06d6-\u06ed"
    "\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]"
)
_WORD = re.compile(r"[^\W_]+")
_URGENT = re.compile(r"^(?:عاجل|خبر عاجل|بالفيديو|بالصور|شاهد|فيديو|محدث)(?:\W+|$)")


def fold(text: str) -> str:
    """`text` without what Arabic writers vary: hamza seats, ى/ي, ة/ه, vowel signs, tatweel."""
    folded = _MARKS.sub("", unicodedata.normalize("NFKC", text))
    for letter, plain in _FOLD:
        folded = folded.replace(letter, plain)
    return folded.lower()


def title_key(title: str) -> str:
    """The same for every spelling of a title: folded words, no punctuation, no «عاجل»."""
    words = " ".join(_WORD.findall(fold(title)))
    shorter = _URGENT.sub("", words)
    return shorter or words


def text_hash(text: str) -> str:
    """32 hex digits of blake2b over the text with its white space squeezed."""
    squeezed = " ".join(text.split())
    return hashlib.blake2b(squeezed.encode("utf-8", "replace"), digest_size=16).hexdigest()


def shingles(text: str) -> list[str]:
    """The text's runs of three folded words; a shorter text is one run."""
    words = _WORD.findall(fold(text))
    if len(words) < SHINGLE_WORDS:
        return [" ".join(words)] if words else []
    return [" ".join(three) for three in zip(words, words[1:], words[2:], strict=False)]


def fingerprint(text: str) -> tuple[str, ...]:
    """42 band keys; near copies share at least one of them. Empty for a text without words."""
    runs = shingles(text)
    if not runs:
        return ()
    minhash = RMinHash(num_perm=PERMUTATIONS, seed=SEED)
    minhash.update(runs)
    digest = minhash.digest()
    rows = PERMUTATIONS // BANDS
    keys = []
    for band in range(BANDS):
        values = digest[band * rows : (band + 1) * rows]
        packed = struct.pack(f"<{rows}Q", *values)
        keys.append(f"{band:02d}{hashlib.blake2b(packed, digest_size=6).hexdigest()}")
    return tuple(keys)


def similarity(one: str, other: str) -> float:
    """Jaccard similarity of two texts' shingles, 0–1; copies have SAME_STORY or more."""
    a, b = set(shingles(one)), set(shingles(other))
    return len(a & b) / len(a | b) if a | b else 0.0
