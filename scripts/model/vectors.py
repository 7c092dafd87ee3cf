"""Word vectors: fastText skip-grams over the unlabelled corpus, made small for the model file."""

from __future__ import annotations

import lzma

from pathlib import Path
from typing import NamedTuple

import fasttext
import numpy as np  # noqa: TID253
import scipy.sparse as sp

from rasid.arabic import tokenize
from rasid.tagging.vocabulary import gram_hashes, hashed, model_word, subwords, summed


DIMENSION = 100
PASSES = 5
WINDOW = 5
MET = 5  # a word met less often is no word of its own
SUBWORDS = 500_000  # buckets while training
WORDS = 40_000  # words that keep a vector of their own: 97 % of running words
BUCKETS = 1 << 15  # of subwords, in the model file
CLIP = 4.5  # unit vectors times the root of their dimension rarely go further


class Vectors(NamedTuple):
    """Word vectors as the model file holds them."""

    rows: dict[str, int]  # of each frequent word
    stored: dict[str, np.ndarray]  # vectors, vector_scale, buckets

    def of(self, words: list[str]) -> np.ndarray:
        """The vectors of words: (words, DIMENSION) of about unit variance."""
        sums, scale = summed(words, gram_hashes(words), self.rows, self.stored)
        return sums * scale[:, None]


def folded_corpus(corpus: Path, work: Path) -> Path:
    """The corpus as the model reads it: one sentence a line, words apart."""
    folded = work / "corpus.txt"
    if not folded.exists():
        part = folded.with_suffix(".part")
        with (
            lzma.open(corpus, "rt", encoding="utf-8") as lines,
            part.open("w", encoding="utf-8") as out,
        ):
            for line in lines:
                out.write(" ".join(model_word(token.shape) for token in tokenize(line)) + "\n")
        part.rename(folded)
    return folded


def skip_grams(corpus: Path, work: Path, threads: int) -> tuple[list[str], np.ndarray]:
    """Words, commonest first, and their vectors. Only one thread gives the same numbers again."""
    kept = work / "skipgram.bin"
    if not kept.exists():
        model = fasttext.train_unsupervised(
            str(folded_corpus(corpus, work)),
            model="skipgram", dim=DIMENSION, epoch=PASSES, ws=WINDOW, minCount=MET,
            minn=3, maxn=5, bucket=SUBWORDS, thread=threads, verbose=0,
        )  # fmt: skip
        part = kept.with_suffix(".part")
        model.save_model(str(part))
        part.rename(kept)
    model = fasttext.load_model(str(kept))
    words = [word for word in model.get_words() if word != "</s>"]
    return words, np.stack([model.get_word_vector(word) for word in words])


def small_vectors(words: list[str], trained: np.ndarray) -> Vectors:
    """Frequent words with int8 vectors, and a table of hashed subwords fitted to all words.

    The table is the least-squares answer to "the sum over a word's subwords is its vector", found
    by conjugate gradients, so that rare words are understood by their parts.
    """
    vectors = normalised(trained - trained[:WORDS].mean(axis=0))
    at = [[hashed(gram, BUCKETS) for gram in subwords(word)] for word in words]
    size = np.array([len(row) for row in at])
    values = np.repeat(1 / np.sqrt(size), size)
    matrix = sp.csr_matrix(
        (values, np.concatenate(at), np.concatenate([[0], np.cumsum(size)])),
        shape=(len(words), BUCKETS),
        dtype=np.float32,
    )
    table = conjugate_gradients(matrix, vectors, ridge=1.0, steps=30)
    numbers = np.clip(np.round(vectors[:WORDS] * (127 / CLIP)), -127, 127)
    stored = {
        "vectors": numbers.astype(np.int8),
        "vector_scale": np.float32(CLIP / 127),
        "buckets": np.round(table * (127 / np.abs(table).max())).astype(np.int8),
    }
    return Vectors({word: i for i, word in enumerate(words[:WORDS])}, stored)


def normalised(vectors: np.ndarray) -> np.ndarray:
    """Rows of length √dimension, that is of about unit variance: what the reader reads."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors * (np.sqrt(vectors.shape[1]) / np.maximum(length, 1e-6))


def conjugate_gradients(a: sp.csr_matrix, b: np.ndarray, ridge: float, steps: int) -> np.ndarray:
    """X of (aᵀa + ridge) x = aᵀb for every column of b."""
    x = np.zeros((a.shape[1], b.shape[1]), np.float32)
    r = a.T @ b
    p = r.copy()
    length = (r * r).sum(axis=0)
    for _ in range(steps):
        q = a.T @ (a @ p) + ridge * p
        alpha = length / np.maximum((p * q).sum(axis=0), 1e-12)
        x += alpha * p
        r -= alpha * q
        longer = (r * r).sum(axis=0)
        p = r + longer / np.maximum(length, 1e-12) * p
        length = longer
    return x
