"""The linear part: hashed n-grams of a sentence, its title and the sentence before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np  # noqa: TID253
import scipy.sparse as sp

from sklearn.linear_model import LogisticRegression

from model.labels import Sentences, neighbours
from rasid.tagging import verifier as v
from rasid.tagging.vocabulary import context_grams, hashed, word_grams, word_hash


COLUMNS = 1 << 18
C = 2.0


def features(data: Sentences) -> sp.csr_matrix:
    """What Verifier._linear sums, as a matrix: one row a sentence, one column a hashed n-gram."""
    at: list[int] = []
    of: list[int] = []
    values: list[float] = []

    def add(row: int, columns: Sequence[int], weight: float) -> None:
        at.extend(columns)
        of.extend([row] * len(columns))
        values.extend([weight / np.sqrt(max(1, len(columns)))] * len(columns))

    title, before = neighbours(data.document)
    for row, words in enumerate(data.words):
        columns = [hashed(gram, COLUMNS) for word in words for gram in word_grams(word)]
        hashes = np.array([word_hash(word) for word in words], np.uint32)
        for gap in (0, 1):
            columns += v.pair_rows(hashes, gap, COLUMNS).tolist()
        add(row, columns, 1.0)
        for where, other in (("T", title[row]), ("P", before[row])):
            around = data.words[other] if other >= 0 else []
            grams = [gram for word in around for gram in context_grams(word, where)]
            add(row, [hashed(gram, COLUMNS) for gram in grams], v.CONTEXT_WEIGHT)
    matrix = sp.csr_matrix((values, (of, at)), shape=(len(data.words), COLUMNS), dtype=np.float32)
    matrix.sum_duplicates()
    return matrix


def by_fold(
    data: Sentences, fold: np.ndarray, folds: Iterable[int]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each of `folds`: weights and biases fitted to the documents of all others."""
    matrix = features(data)
    known = data.weight > 0
    return [fitted(matrix, data, np.flatnonzero(known & (fold[data.document] != k))) for k in folds]


def fitted(
    matrix: sp.csr_matrix, data: Sentences, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weights (COLUMNS, 3) over plain n-gram sums, and biases."""
    idf = inverse_frequency(matrix[rows])
    weighted = (matrix[rows] @ sp.diags(idf)).tocsr()
    models = [
        LogisticRegression(C=C, solver="liblinear").fit(
            weighted, data.presence[rows, j], data.weight[rows]
        )
        for j in range(len(v.PRESENCE))
    ]
    weights = np.stack([m.coef_[0] * idf for m in models], axis=1)
    return weights, np.array([m.intercept_[0] for m in models])


def inverse_frequency(matrix: sp.csr_matrix) -> np.ndarray:
    """log(documents / documents with it); n-grams met once are left out."""
    met = np.bincount(matrix.indices, minlength=COLUMNS)
    return np.log((1 + matrix.shape[0]) / (1 + met)) * (met > 1)
