"""Words as the model knows them: their vectors, their n-grams, and what is remembered of them.

Most words of an article are known from others: what hashing says of a word is worked out once and
kept for many words.
"""

from __future__ import annotations

import itertools
import zlib

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from numpy.typing import NDArray

from rasid.arabic import Shape, shape_of


LONGEST: Final = 96  # tokens read of a sentence: 1 % of news sentences have more
LETTERS: Final = 64  # read of a word: no word is longer, but a text may come without spaces
WORDS: Final = 65_536  # remembered, then forgotten all at once: 20 MB
LONGEST_GRAM: Final = 5  # letters of a character n-gram

Floats = NDArray[np.float32]
Numbers = NDArray[np.intp]

_QUOTES = {**dict.fromkeys("“”«»„", '"'), **dict.fromkeys("‘’", "'"), "–": "-", "—": "-", "…": "."}


def model_word(shape: Shape) -> str:
    """A token as the model knows it: folded, every digit as 0."""
    folded = shape.folded[:LETTERS]
    if shape.kind == "number":
        return "0" * min(4, sum(map(str.isdigit, folded)))
    return folded.lower() if shape.kind == "latin" else _QUOTES.get(folded, folded)


def hashed(text: str, size: int) -> int:
    """The row of a string in a hashed table of `size` (a power of two) rows."""
    return word_hash(text) & (size - 1)


def subwords(word: str) -> list[str]:
    """Character 3- to 5-grams of a word between its boundary marks, after fastText."""
    marked = f"<{word}>"
    return [marked[i : i + n] for n in (3, 4, 5) for i in range(len(marked) - n + 1)]


def word_grams(word: str) -> list[str]:
    """What the linear part sees of one word: itself and its character 2- to 5-grams."""
    if not word[0].isalpha():
        return ["w" + word]
    return ["w" + word, *(f"<{word}>"[i : i + 2] for i in range(len(word) + 1)), *subwords(word)]


def context_grams(word: str, where: str) -> list[str]:
    """What the linear part sees of one word of the title (T) or of the sentence before (P)."""
    return [where + word, where + "#" + word[:4]]


def word_hash(word: str) -> int:
    """What pair_rows mixes."""
    return zlib.crc32(word.encode("utf-8", "surrogatepass"))


class Grams(NamedTuple):
    """Hashed n-grams of some words: the hash of each, and the number of its word, ascending."""

    hashes: NDArray[np.uint32]
    of: Numbers

    def only(self, words: NDArray[np.bool_]) -> Grams:
        """Those of some of the words."""
        kept = words[self.of]
        return Grams(self.hashes[kept], self.of[kept])


def gram_hashes(words: Sequence[str]) -> list[Grams]:
    """The hashes of the character 2-, 3-, 4- and 5-grams of words between their boundary marks.

    Each is the `word_hash` of its letters. A CRC goes on from the CRC of what comes before: all
    grams of all words are taken one letter further at a time.
    """
    marked = [f"<{word}>" for word in words]
    spelt = np.frombuffer("".join(marked).encode("utf-8", "surrogatepass"), np.uint8)
    first = np.flatnonzero(spelt & 0xC0 != 0x80)  # byte of each letter
    length = np.diff(first, append=len(spelt))
    of = np.repeat(np.arange(len(words)), [len(word) for word in marked])
    found = []
    crc = np.full(len(first), ~np.uint32(0))
    for n in range(LONGEST_GRAM):
        for k in range(length.max(initial=0)):
            byte = spelt.take(first[n:] + k, mode="clip")
            further = _CRC.take((crc ^ byte) & 0xFF) ^ (crc >> 8)
            crc = np.where(k < length[n:], further, crc)
        inside = of[n:] == of[: len(crc)]
        found.append(Grams(~crc[inside], of[n:][inside]))
        crc = crc[:-1]
    return found[1:]


def _crc_table() -> NDArray[np.uint32]:
    """What zlib's CRC-32 makes of each byte."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, table >> 1 ^ 0xEDB88320, table >> 1).astype(np.uint32)
    return table


_CRC: Final = _crc_table()


class Vocabulary:
    """Words by number, and tables of what the model knows of each. Number 0 is no word."""

    def __init__(self, rows: Mapping[str, int], stored: Mapping[str, NDArray[Any]]) -> None:
        """`rows` are those of frequent words in the model's table of vectors."""
        self._rows = rows
        self._stored = stored
        self.dimension = stored["vectors"].shape[1]
        self._number: dict[str, int] = {}  # by what is written
        # Unused rows cost no memory: the system hands out pages when they are written.
        count = WORDS + 1
        #: Sums of linear weights: own 3, as a word of the title 3, of the sentence before 3; and
        #: how many grams its own are.
        self.shares = np.zeros((count, 10), np.float32)
        self.hashes = np.zeros(count, np.uint32)
        self._sums = np.zeros((count, self.dimension), np.int16)  # a vector is its row of sums …
        self._scale = np.zeros(count, np.float32)  # … times its scale

    def has_room(self, words: int) -> bool:
        """Whether so many new words could be numbered."""
        return len(self._number) + words <= WORDS

    def forget(self) -> None:
        """Forget all words; their numbers mean nothing any more."""
        self._number.clear()

    def numbers(self, sentences: Iterable[Sequence[str]]) -> list[list[int]]:
        """The numbers of the words of some sentences, given by their surfaces; without words, 0."""
        number = self._number
        found = []
        first = len(number)
        for words in sentences:
            own = [number.get(word, 0) for word in words[:LONGEST]]
            if 0 in own:
                own = [number.setdefault(word, len(number) + 1) for word in words[:LONGEST]]
            found.append(own or [0])
        if len(number) > first:
            newest = list(itertools.islice(reversed(number), len(number) - first))
            self._learn(newest[::-1])
        return found

    def vectors(self, numbers: Numbers) -> Floats:
        """The vectors of words, known or made of their subwords: about unit variance."""
        return self._sums[numbers] * self._scale[numbers, None]

    def _learn(self, surfaces: list[str]) -> None:
        """Fill the tables for the newest words, all at once."""
        stop = len(self._number) + 1
        new = slice(stop - len(surfaces), stop)
        words = [model_word(shape_of(surface)) for surface in surfaces]
        self.hashes[new] = [word_hash(word) for word in words]

        linear, each = self._stored["linear"], np.arange(len(words))
        grams = gram_hashes(words)
        spelt = np.array([word[0].isalpha() for word in words])
        whole = np.array([word_hash("w" + word) for word in words], np.uint32)
        own = [Grams(whole, each), *(g.only(spelt) for g in grams)]
        self.shares[new, 0:3] = _sums(linear, own, len(words))
        for column, where in ((3, "T"), (6, "P")):
            around = [word_hash(g) for word in words for g in context_grams(word, where)]
            two = Grams(np.array(around, np.uint32), each.repeat(2))
            self.shares[new, column : column + 3] = _sums(linear, [two], len(words))
        self.shares[new, 9] = sum(np.bincount(g.of, minlength=len(words)) for g in own)
        self._sums[new], self._scale[new] = summed(words, grams, self._rows, self._stored)


def summed(
    words: Sequence[str],
    grams: Sequence[Grams],
    rows: Mapping[str, int],
    stored: Mapping[str, NDArray[Any]],
) -> tuple[NDArray[np.int16], Floats]:
    """The vectors of words as integers, and what to scale each with for about unit variance.

    A word has its own row in the model's table, or is the sum of its subwords' rows. `grams` are
    the words' `gram_hashes`; its 3-, 4- and 5-grams are its subwords.
    """
    at = np.array([rows.get(word, -1) for word in words])
    sums = stored["vectors"][at].astype(np.int16)
    scale = np.full(len(words), stored["vector_scale"], np.float32)
    unknown = at < 0
    if unknown.any():
        own = _sums(stored["buckets"], [g.only(unknown) for g in grams[1:]], len(words))[unknown]
        sums[unknown] = own
        length = np.maximum(1e-6, np.linalg.norm(own.astype(np.float32), axis=1))
        scale[unknown] = np.sqrt(sums.shape[1]) / length
    return sums, scale


def _sums(table: NDArray[Any], grams: Iterable[Grams], words: int) -> NDArray[np.int32]:
    """For each of so many words the sum of its grams' rows in a hashed table."""
    sums = np.zeros((words, table.shape[1]), np.int32)
    for hashes, of in grams:
        first = np.flatnonzero(np.diff(of, prepend=-1))
        rows = table.take(hashes & np.uint32(len(table) - 1), axis=0)
        if len(first):
            sums[of[first]] += np.add.reduceat(rows, first, axis=0, dtype=np.int32)
    return sums
