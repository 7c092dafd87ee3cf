"""Train the model of rasid.tagging.verifier and write it, with its figures, to include/models.

    python scripts/train_verifier.py --shared ../shared --out include/models

Five steps, each seeded: word vectors from the co-occurrences of the unlabelled corpus, a small
table of subword vectors for all other words, networks and linear weights by document-grouped
cross-validation on train.jsonl, the joining logistic layer, temperatures and role weights on the
out-of-fold outputs, and the same networks on all of train.jsonl. Each part is kept in --work for
the next time (delete it after a change of this script or of the lexicon). dev.jsonl is only
measured at the end. Needs requirements-model.txt beside requirements.txt.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import lzma
import re
import time

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np  # noqa: TID253 - the ban is for DAG files
import scipy.sparse as sp

from sklearn.linear_model import LogisticRegression

from rasid.arabic import Morphology, surfaces, tokenize
from rasid.settings import settings
from rasid.tagging import verifier as v
from rasid.tagging.lexicon import SOURCE, open_lexicon
from rasid.tagging.marks import COUNTED, counted, hit_marks, other_marks
from rasid.tagging.matcher import Matcher
from rasid.tagging.mention import MILITIA_CLASSES
from rasid.tagging.reading import latest_year
from rasid.tagging.sentence import Sentence
from rasid.tagging.times import publication
from rasid.tagging.vocabulary import (
    LONGEST,
    context_grams,
    hashed,
    model_word,
    subwords,
    word_grams,
    word_hash,
)


HEADS = [name for name, _ in v.HEADS]

DIMENSION = 128
VOCABULARY = 40_000  # words with a vector of their own: 97 % of running words
COUNTED_WORDS = 60_000  # words whose co-occurrences are counted
CONTEXTS = 20_000  # the most frequent of them, as what a word occurs with
WINDOW = 5
FREQUENT = 1e-4  # words above this share of the corpus count less, as in word2vec
PROBABLE = 0.75  # exponent that makes rare contexts likelier than they are
SHIFT = 0.7  # taken off every log ratio: weak associations are noise
BUCKETS = 1 << 14
LINEAR = 1 << 18
LINEAR_C = 2.0
CLIP = 4.5  # unit vectors times the root of their dimension rarely go further

FOLDS = 3
NETWORKS = 1  # their outputs are averaged
EPOCHS = 8
ROWS = 64  # sentences in a batch
FILTERS = 96
CONTEXT_FILTERS = 64
MARKS = 32  # dimensions of a mark
RARE_MARK = 8  # a mark met less often is left out
HIDDEN = 160  # for presence
HEADS_HIDDEN = 128
SPAN = 96
WINDOW_SPAN = 64
RATE = 2e-3
DECAY = 1e-2
DROPPED = 0.3
DROPPED_WORDS = 0.1  # of words, of marks, and again of single numbers of a word
CLIPPED = 5.0  # longest gradient
BETA = (0.9, 0.999)
AVERAGED = 0.99  # of the weights kept a step: the model is a moving average of its last steps
HEAD_WEIGHT = 1.0  # of the conditional heads in the loss
ROLE_WEIGHT = 0.075  # of each token's role


@dataclass
class Sentences:
    """Labelled sentences of many documents, one after another."""

    sids: list[str]
    document: np.ndarray  # index of each row's document
    strata: list[str]  # of each row
    titles: list[str]  # of each document
    read: list[Sentence]
    words: list[list[str]]
    marks: list[list[tuple[int, str]]]  # (token, name)
    counted: np.ndarray  # (rows, COUNTED)
    presence: np.ndarray  # (rows, 3) of 0 and 1
    heads: dict[str, np.ndarray]  # label indices, -1 where there is none
    roles: np.ndarray  # (rows, LONGEST, ROLES): 0 outside, 1 first, 2 further token, -1 no label
    counts: np.ndarray  # False where the readers disagreed


def read(path: Path, matcher: Matcher) -> Sentences:
    """The sentences of a labels file in document order, with what the lexicon finds in them."""
    with path.open(encoding="utf-8") as lines:
        documents = [json.loads(line) for line in lines]
    rows: list[dict[str, Any]] = []
    index, strata, titles, found, roles = [], [], [], [], []
    for i, document in enumerate(documents):
        text = document["text"]
        titles.append(text.split("\n", 1)[0])
        day = publication(document["published_at"])
        for s in sorted(document["sentences"], key=lambda s: s["start"]):
            written = surfaces(text, s["start"], s["end"])
            sentence = Sentence(
                index=len(found), start=s["start"], end=s["end"], text=text, surfaces=written,
                hits=matcher.hits(written), day=day.date() if day else None,
                year=day.year if day else latest_year(text),
            )  # fmt: skip
            found.append(sentence)
            rows.append(s)
            index.append(i)
            strata.append(document["stratum"])
            roles.append(role_labels(s, text, sentence))

    def labels(tag: str, field: str, names: Sequence[str]) -> np.ndarray:
        return np.array(
            [
                names.index(s[field]) if s[tag] and s[field] and not s["excluded"] else -1
                for s in rows
            ]
        )

    return Sentences(
        sids=[s["sid"] for s in rows],
        document=np.array(index),
        strata=strata,
        titles=titles,
        read=found,
        words=[v.words_of(sentence.tokens) for sentence in found],
        marks=[list(dict.fromkeys(marks_of(sentence))) for sentence in found],
        counted=np.array([counted(sentence) for sentence in found], np.float32),
        presence=np.array(
            [
                (
                    s["attack"],
                    bool(s["attack"] and s["attack_class"] in MILITIA_CLASSES),
                    s["movement"],
                )
                for s in rows
            ],
            np.float32,
        ),
        heads={
            "class": labels("attack", "attack_class", v.ATTACKER_CLASSES),
            "kind": labels("movement", "movement_kind", v.MOVEMENT_KINDS),
            "attack_modality": labels("attack", "attack_modality", v.MODALITIES),
            "movement_modality": labels("movement", "movement_modality", v.MODALITIES),
        },
        roles=np.stack(roles),
        counts=np.array([not s["excluded"] for s in rows]),
    )


def marks_of(sentence: Sentence) -> Iterator[tuple[int, str]]:
    """All marks of a sentence's tokens, known to the model or not."""
    for hit in sentence.hits:
        yield from ((hit.i, name) for name in hit_marks(hit) if hit.i < LONGEST)
    yield from (pair for pair in other_marks(sentence) if pair[0] < LONGEST)


def role_labels(s: Mapping[str, Any], text: str, sentence: Sentence) -> np.ndarray:
    """The labelled spans as marks on tokens; -1 where the role was not labelled."""
    out = np.full((LONGEST, len(v.ROLES)), -1, np.int8)
    if s["excluded"]:
        return out
    tags = {
        "attackers": "attack", "targets": "attack", "weapons": "attack",
        "movers": "movement", "from": "movement", "to": "movement", "places": "",
    }  # fmt: skip
    for r, role in enumerate(v.ROLES):
        stated = s[tags[role]] if tags[role] else s["attack"] or s["movement"]
        if not stated or s.get(role) is None:
            continue
        own = np.zeros(len(sentence.tokens), np.int8)
        for words in sorted(s[role], key=len, reverse=True):
            place = best_place(words, text, sentence, own)
            if place is not None:
                i, j = place
                own[i:j] = 2
                own[i] = 1
        own = own[:LONGEST]
        out[: len(own), r] = own
    return out


def best_place(
    words: str, text: str, sentence: Sentence, taken: np.ndarray
) -> tuple[int, int] | None:
    """The tokens of a quoted span: where it stands between whole words and none is taken yet."""
    best = None
    for match in re.finditer(re.escape(words), text[sentence.start : sentence.end]):
        first, last = match.start() + sentence.start, match.end() + sentence.start
        i = next(k for k, t in enumerate(sentence.tokens) if t.end > first)
        j = next(k for k, t in enumerate(sentence.tokens) if t.end >= last)
        start, end = sentence.tokens[i].start, sentence.tokens[j].end
        # Up to three letters of clitics may stand before the quoted word.
        cost = 2 * (end != last) + 2 * (first - start > 3) + 0.1 * (first != start)
        if not taken[i : j + 1].any() and (best is None or cost < best[0]):
            best = (cost, i, j + 1)
    return best[1:] if best else None


def folds_of(data: Sentences) -> np.ndarray:
    """The fold of each document; documents of one title stay together."""
    keys = [" ".join(v.words_of(tokenize(title))) for title in data.titles]
    known = sorted(set(keys))
    order = np.random.default_rng(0).permutation(len(known)) % FOLDS
    fold = dict(zip(known, order.tolist(), strict=True))
    return np.array([fold[key] for key in keys])


# Vectors -----------------------------------------------------------------------------------------


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


def train_vectors(corpus: Path, work: Path) -> tuple[list[str], np.ndarray]:
    """Frequent words, commonest first, and their vectors.

    The vectors are the leading singular vectors of the positive log ratios of co-occurrence, each
    weighted by the root of its singular value. One pass, no chance in it but the seeded start.
    """
    kept = work / "vectors.npz"
    if not kept.exists():
        folded = folded_corpus(corpus, work)
        with folded.open(encoding="utf-8") as lines:
            met = Counter(word for line in lines for word in line.split())
        words = [word for word, _ in met.most_common(COUNTED_WORDS)]
        share = np.array([met[word] for word in words]) / met.total()
        vectors = leading(log_ratios(together(folded, words, share)))
        np.savez(kept, words=np.frombuffer("\n".join(words).encode(), np.uint8), vectors=vectors)
    stored = np.load(kept)
    return bytes(stored["words"]).decode().split("\n"), stored["vectors"]


def together(folded: Path, words: list[str], share: np.ndarray) -> sp.csr_matrix:
    """How often words stand near contexts: nearer counts more, frequent words count less."""
    number = {word: i for i, word in enumerate(words)}
    weight = np.minimum(1, np.sqrt(FREQUENT / share)).astype(np.float32)
    total = sp.csr_matrix((len(words), CONTEXTS), dtype=np.float32)

    def counted_in(lines: list[list[int]]) -> sp.csr_matrix:
        flat = np.concatenate([np.array(line, np.int32) for line in lines])
        line = np.repeat(np.arange(len(lines)), [len(line) for line in lines])
        rows, columns, values = [], [], []
        for gap in range(1, WINDOW + 1):
            a, b = flat[:-gap], flat[gap:]
            near = (line[:-gap] == line[gap:]) & (a >= 0) & (b >= 0)
            a, b = a[near], b[near]
            counts = (WINDOW + 1 - gap) / WINDOW * weight[a] * weight[b]
            for word, context in ((a, b), (b, a)):
                kept = context < CONTEXTS
                rows.append(word[kept])
                columns.append(context[kept])
                values.append(counts[kept])
        pairs = (np.concatenate(rows), np.concatenate(columns))
        return sp.csr_matrix((np.concatenate(values), pairs), shape=total.shape)

    waiting: list[list[int]] = []
    size = 0
    with folded.open(encoding="utf-8") as lines:
        for line in lines:
            waiting.append([number.get(word, -1) for word in line.split()])
            size += len(waiting[-1])
            if size > 1_000_000:
                total += counted_in(waiting)
                waiting, size = [], 0
    return total + counted_in(waiting) if waiting else total


def log_ratios(counts: sp.csr_matrix) -> sp.csr_matrix:
    """Positive logarithms of how much oftener than by chance, less SHIFT."""
    counts.data[counts.data < 0.3] = 0  # one meeting at a distance of frequent words
    counts.eliminate_zeros()
    context = np.asarray(counts.sum(axis=0)).ravel() ** PROBABLE
    expected = np.asarray(counts.sum(axis=1)).ravel()
    row = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    chance = expected[row] * (context / context.sum())[counts.indices]
    counts.data = np.maximum(np.log(counts.data / chance) - SHIFT, 0).astype(np.float32)
    counts.eliminate_zeros()
    return counts


def leading(matrix: sp.csr_matrix) -> np.ndarray:
    """Leading DIMENSION left singular vectors by subspace iteration, times root values."""
    start = np.random.default_rng(0).standard_normal((matrix.shape[1], DIMENSION + 24))
    right = start.astype(np.float32)
    across = matrix.T.tocsr()
    for _ in range(4):
        left, _ = np.linalg.qr(matrix @ right)
        right = across @ left
        found = right
        right, _ = np.linalg.qr(right)
    turned, values, _ = np.linalg.svd(found.T, full_matrices=False)
    return np.asarray((left @ turned)[:, :DIMENSION] * np.sqrt(values[:DIMENSION]), np.float32)


def normalised(vectors: np.ndarray) -> np.ndarray:
    """Rows of length √dimension, that is of about unit variance: what the networks read."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors * (np.sqrt(vectors.shape[1]) / np.maximum(length, 1e-6))


def small_vectors(words: list[str], trained: np.ndarray, work: Path) -> dict[str, np.ndarray]:
    """Frequent words with int8 vectors, and a table of hashed subwords fitted to all words.

    The table is the least-squares answer to "the sum over a word's subwords is its vector", found
    by conjugate gradients, so that rare words are understood by their parts at 2 MB.
    """
    kept = work / "small.npz"
    if kept.exists():
        return dict(np.load(kept))
    vectors = normalised(trained)
    at = [[hashed(gram, BUCKETS) for gram in subwords(word)] for word in words]
    size = np.array([len(row) for row in at])
    values = np.repeat(1 / np.sqrt(size), size)
    matrix = sp.csr_matrix(
        (values, np.concatenate(at), np.concatenate([[0], np.cumsum(size)])),
        shape=(len(words), BUCKETS),
    )
    table = conjugate_gradients(matrix, vectors, ridge=1.0, steps=30)
    scale = np.abs(table).max() / 127
    small = {
        "words": np.frombuffer("\n".join(words[:VOCABULARY]).encode(), np.uint8),
        "vectors": quantised(vectors[:VOCABULARY]),
        "vector_scale": np.float32(CLIP / 127),
        "buckets": np.round(table / scale).astype(np.int8),
    }
    np.savez(kept, **small)
    return small


def conjugate_gradients(a: sp.csr_matrix, b: np.ndarray, ridge: float, steps: int) -> np.ndarray:
    """X of (aᵀa + ridge) x = aᵀb for every column of b."""
    x = np.zeros((a.shape[1], b.shape[1]))
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


# The linear part ---------------------------------------------------------------------------------


def linear_features(data: Sentences) -> sp.csr_matrix:
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
        columns = [hashed(gram, LINEAR) for word in words for gram in word_grams(word)]
        hashes = np.array([word_hash(word) for word in words], np.uint32)
        for gap in (0, 1):
            columns += v.pair_rows(hashes, gap, LINEAR).tolist()
        add(row, columns, 1.0)
        for where, other in (("T", title[row]), ("P", before[row])):
            around = data.words[other] if other >= 0 else []
            grams = [gram for word in around for gram in context_grams(word, where)]
            add(row, [hashed(gram, LINEAR) for gram in grams], v.CONTEXT_WEIGHT)
    matrix = sp.csr_matrix((values, (of, at)), shape=(len(data.words), LINEAR), dtype=np.float32)
    matrix.sum_duplicates()
    return matrix


def neighbours(document: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the title and of the sentence before it, -1 where there is none."""
    rows = np.arange(len(document))
    first = np.searchsorted(document, document)
    return np.where(rows > first, first, -1), np.where(rows > first + 1, rows - 1, -1)


def inverse_frequency(matrix: sp.csr_matrix) -> np.ndarray:
    """log(documents / documents with it); n-grams met once are left out."""
    met = np.bincount(matrix.indices, minlength=LINEAR)
    return np.log((1 + matrix.shape[0]) / (1 + met)) * (met > 1)


def fit_linear(
    matrix: sp.csr_matrix, data: Sentences, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weights (LINEAR, 3) over plain n-gram sums, and biases."""
    rows = rows[data.counts[rows]]
    idf = inverse_frequency(matrix[rows])
    weighted = (matrix[rows] @ sp.diags(idf)).tocsr()
    fitted = [
        LogisticRegression(C=LINEAR_C, solver="liblinear").fit(weighted, data.presence[rows, j])
        for j in range(3)
    ]
    weights = np.stack([f.coef_[0] * idf for f in fitted], axis=1)
    return weights, np.array([f.intercept_[0] for f in fitted])


@dataclass
class Inputs:
    """The sentences as numbers; word and mark number 0 are padding."""

    table: np.ndarray  # of each word: its vector, as a Verifier sees it
    ids: np.ndarray  # (sentences, LONGEST) word numbers
    marks: list[np.ndarray]  # of each sentence: (marks, 2) of token and mark number
    mark_names: list[str]
    place: np.ndarray  # (sentences, what v.placed says)


def inputs(data: Sentences, vectors: dict[str, np.ndarray]) -> Inputs:
    reader = v.Verifier("", vectors_only(vectors), row_of(vectors), {}, [])
    distinct = sorted({word for words in data.words for word in words})
    number = {word: i + 1 for i, word in enumerate(distinct)}
    ids = np.zeros((len(data.words), LONGEST), np.int32)
    for i, words in enumerate(data.words):
        ids[i, : len(words)] = [number[word] for word in words]
    met = Counter(name for marks in data.marks for _, name in marks)
    names = sorted(name for name, n in met.items() if n >= RARE_MARK)
    mark = {name: i for i, name in enumerate(names)}
    place = np.zeros((len(data.words), 2 + 3 * len(COUNTED)), np.float32)
    for d in range(len(data.titles)):
        rows = np.flatnonzero(data.document == d)
        place[rows] = v.placed(range(len(rows)), data.counted[rows])
    return Inputs(
        table=np.stack([np.zeros(DIMENSION, np.float32), *map(reader.vector, distinct)]),
        ids=ids,
        marks=[
            np.array([(t, mark[name]) for t, name in marks if name in mark], int).reshape(-1, 2)
            for marks in data.marks
        ],
        mark_names=names,
        place=place,
    )


def vectors_only(vectors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: value for name, value in vectors.items() if name != "words"}


def row_of(vectors: dict[str, np.ndarray]) -> dict[str, int]:
    return {w: i for i, w in enumerate(bytes(vectors["words"]).decode().split("\n"))}


def quantised(vectors: np.ndarray) -> np.ndarray:
    return np.clip(np.round(vectors / (CLIP / 127)), -127, 127).astype(np.int8)


# The networks ------------------------------------------------------------------------------------

Weights = dict[str, np.ndarray]


def initial(rng: np.random.Generator, marks: int, place: int) -> Weights:
    def normal(rows: int, columns: int, gain: float = 1.5, fan: int | None = None) -> np.ndarray:
        return rng.standard_normal((rows, columns)) * np.sqrt(gain / (fan or rows))

    def windows(widths: Sequence[int], rows: int, filters: int, gain: float) -> np.ndarray:
        parts = [normal(rows, w * filters, gain, w * rows) for w in widths]
        return np.concatenate(parts, axis=1)

    features = len(v.WIDTHS) * FILTERS
    around = len(v.CONTEXT_WIDTHS) * CONTEXT_FILTERS
    seen = 3 * features + 2 * around + place
    net = {
        "conv": np.concatenate(
            [windows(v.WIDTHS, DIMENSION, FILTERS, 1.5), windows(v.WIDTHS, MARKS, FILTERS, 0.5)]
        ),
        "conv_bias": np.zeros(features),
        "context": windows(v.CONTEXT_WIDTHS, DIMENSION, CONTEXT_FILTERS, 1.5),
        "context_bias": np.zeros(around),
        "marks": rng.standard_normal((marks, MARKS)) * 0.3,
        "query": normal(features, 2) * 0.5,
        "hidden": normal(seen, HIDDEN + HEADS_HIDDEN),
        "hidden_bias": np.zeros(HIDDEN + HEADS_HIDDEN),
        "presence": normal(HIDDEN, 3) * 0.5,
        "presence_bias": np.array([-1.0, -2.0, -2.0]),
        "span": normal(features, SPAN),
        "span_marks": normal(MARKS, SPAN),
        "span_hidden": normal(HIDDEN + HEADS_HIDDEN, SPAN, 0.5),
        "span_bias": np.zeros(SPAN),
        "window": normal(3 * SPAN, WINDOW_SPAN),
        "window_bias": np.zeros(WINDOW_SPAN),
        "roles": normal(WINDOW_SPAN, 3 * len(v.ROLES)) * 0.5,
        "roles_bias": np.tile([1.0, 0.0, -1.0], len(v.ROLES)),
    }
    for name, labels in v.HEADS:
        net[name] = normal(HEADS_HIDDEN, len(labels)) * 0.3
        net[f"{name}_bias"] = np.zeros(len(labels))
    return {name: value.astype(np.float32) for name, value in net.items()}


@dataclass
class Batch:
    """Whole documents, their sentences one after another with v.GAP empty places around each."""

    rows: np.ndarray  # of the data
    starts: np.ndarray
    lengths: np.ndarray
    sentence: np.ndarray  # of each place; of a gap: the sentence before
    inside: np.ndarray  # (places, 1): 1 in a sentence, 0 in a gap
    words: np.ndarray  # word numbers of the places
    marks: sp.csr_matrix  # (places, marks)
    title: np.ndarray  # row in the batch, or -1
    before: np.ndarray

    @property
    def edges(self) -> np.ndarray:
        return np.stack([self.starts, self.starts + self.lengths], axis=1).ravel()


def batch_of(data: Sentences, given: Inputs, rows: np.ndarray) -> Batch:
    lengths = np.maximum(1, [len(data.words[row]) for row in rows])
    starts = v.GAP + np.cumsum(lengths + v.GAP) - (lengths + v.GAP)
    size = int(starts[-1] + lengths[-1]) + v.GAP
    words = np.zeros(size, np.intp)
    inside = np.zeros((size, 1), np.float32)
    sentence = np.repeat(np.arange(len(rows)), lengths + v.GAP)
    at, number = [], []
    for start, length, row in zip(starts.tolist(), lengths.tolist(), rows, strict=True):
        words[start : start + length] = given.ids[row, :length]
        inside[start : start + length] = 1
        at.append(given.marks[row][:, 0] + start)
        number.append(given.marks[row][:, 1])
    at, number = np.concatenate(at), np.concatenate(number)
    ones = np.ones(len(at), np.float32)
    here = {row: i for i, row in enumerate(rows.tolist())}
    title, before = neighbours(data.document)
    return Batch(
        rows, starts, lengths,
        np.concatenate([np.zeros(v.GAP, np.intp), sentence]), inside, words,
        sp.csr_matrix((ones, (at, number)), shape=(size, len(given.mark_names))),
        np.array([here.get(k, -1) for k in title[rows].tolist()]),
        np.array([here.get(k, -1) for k in before[rows].tolist()]),
    )  # fmt: skip


def batches(
    data: Sentences, given: Inputs, documents: np.ndarray, rng: np.random.Generator
) -> Iterator[Batch]:
    """All documents in a new order, about ROWS sentences together."""
    first = np.searchsorted(data.document, documents)
    last = np.searchsorted(data.document, documents, side="right")
    pack: list[np.ndarray] = []
    size = 0
    for d in rng.permutation(len(documents)):
        pack.append(np.arange(first[d], last[d]))
        size += len(pack[-1])
        if size >= ROWS:
            yield batch_of(data, given, np.concatenate(pack))
            pack, size = [], 0
    if pack:
        yield batch_of(data, given, np.concatenate(pack))


def gradients(
    net: Weights, data: Sentences, given: Inputs, b: Batch, rng: np.random.Generator
) -> tuple[float, Weights]:
    """The loss of a batch with dropout, and its gradient by every weight.

    The forward part mirrors verifier._look and verifier._spans; the backward part follows it step
    by step from the end.
    """

    def kept(shape: tuple[int, ...], share: float) -> np.ndarray:
        return (rng.random(shape, np.float32) >= share) / np.float32(1 - share)

    edges, g = b.edges, {}
    places, count = len(b.words), len(b.rows)

    def rows_sum(values: np.ndarray) -> np.ndarray:
        return np.add.reduceat(values * b.inside, edges, axis=0)[::2]

    # Words and marks, some of them unseen.
    x = given.table[b.words] * kept((places, 1), DROPPED_WORDS)
    x *= kept(x.shape, DROPPED_WORDS)
    seen_marks = kept((places, 1), DROPPED_WORDS)
    marks = (b.marks @ net["marks"]) * seen_marks
    both = np.concatenate([x, marks], axis=1)
    features = v.convolved(both @ net["conv"], net["conv_bias"], v.WIDTHS) * b.inside
    highest = np.maximum.reduceat(features, edges, axis=0)[::2]
    around = v.convolved(x @ net["context"], net["context_bias"], v.CONTEXT_WIDTHS) * b.inside
    around_highest = np.maximum.reduceat(around, edges, axis=0)[::2]
    none = np.zeros((1, around.shape[1]), np.float32)
    known = np.concatenate([around_highest, none])  # row -1: there is none
    score = np.exp(np.clip(features @ net["query"], -30, 30)) * b.inside
    share = score / rows_sum(score)[b.sentence]
    attended = [rows_sum(features * share[:, q : q + 1]) for q in range(2)]
    parts = [highest, known[b.title], known[b.before], given.place[b.rows], *attended]
    seen = np.concatenate(parts, axis=1)
    drop = [kept(seen.shape, DROPPED), kept(seen.shape, DROPPED)]
    seen = [seen * drop[0], seen * drop[1]]
    cut = (slice(None, HIDDEN), slice(HIDDEN, None))
    hidden = np.concatenate([seen[n] @ net["hidden"][:, cut[n]] for n in (0, 1)], axis=1)
    hidden_drop = kept(hidden.shape, DROPPED / 2)
    hidden = np.maximum(hidden + net["hidden_bias"], 0) * hidden_drop

    # Presence and heads: the gradient by a logit is what was said less what is true.
    said = v.sigmoid(hidden[:, cut[0]] @ net["presence"] + net["presence_bias"])
    true = data.presence[b.rows]
    counts = data.counts[b.rows, None] / np.float32(ROWS)
    likely = np.log(np.abs(1 - true - said) + 1e-7)
    total = -float((likely * counts).sum())
    by = (said - true) * counts
    g["presence"], g["presence_bias"] = hidden[:, cut[0]].T @ by, by.sum(axis=0)
    by_hidden = np.zeros_like(hidden)
    by_hidden[:, cut[0]] = by @ net["presence"].T
    for name in HEADS:
        label = data.heads[name][b.rows]
        own = np.flatnonzero(label >= 0)
        inner = hidden[own, cut[1]]
        by = v.softmax(inner @ net[name] + net[f"{name}_bias"])
        total -= (
            HEAD_WEIGHT * float(np.log(by[np.arange(len(own)), label[own]] + 1e-7).sum()) / ROWS
        )
        by[np.arange(len(own)), label[own]] -= 1
        by *= HEAD_WEIGHT / ROWS
        g[name], g[f"{name}_bias"] = inner.T @ by, by.sum(axis=0)
        by_hidden[own, cut[1]] += by @ net[name].T

    # Roles, in the sentences that have labels; one gap on each side separates them.
    by_features = np.zeros_like(features)
    by_marks = np.zeros_like(marks)
    labelled = np.flatnonzero((data.roles[b.rows, 0] >= 0).any(axis=1))
    ranges = [np.arange(b.starts[r] - 1, b.starts[r] + b.lengths[r] + 1) for r in labelled]
    if ranges:
        at = np.concatenate(ranges)
        of = b.sentence[at]
        token = np.concatenate([np.arange(-1, b.lengths[r] + 1) for r in labelled])
        inside = b.inside[at]
        spread = kept((len(at), features.shape[1]), 0.1)
        read = features[at] * spread
        inner = read @ net["span"] + marks[at] @ net["span_marks"]
        inner += (hidden @ net["span_hidden"])[of] + net["span_bias"]
        inner = np.maximum(inner, 0) * inside
        padded = np.pad(inner, ((1, 1), (0, 0)))
        windows = np.concatenate([padded[:-2], padded[1:-1], padded[2:]], axis=1)
        outer = np.maximum(windows @ net["window"] + net["window_bias"], 0)
        by = v.softmax((outer @ net["roles"] + net["roles_bias"]).reshape(len(at), -1, 3))
        label = data.roles[b.rows[of], np.clip(token, 0, LONGEST - 1)].copy()
        label[inside[:, 0] == 0] = -1
        i, r = np.nonzero(label >= 0)
        total -= ROLE_WEIGHT * float(np.log(by[i, r, label[i, r]] + 1e-7).sum()) / ROWS
        by[i, r, label[i, r]] -= 1
        by *= (label >= 0)[..., None] * (ROLE_WEIGHT / ROWS)
        by = by.reshape(len(at), -1)
        g["roles"], g["roles_bias"] = outer.T @ by, by.sum(axis=0)
        by = (by @ net["roles"].T) * (outer > 0)
        g["window"], g["window_bias"] = windows.T @ by, by.sum(axis=0)
        by = by @ net["window"].T
        spans = np.zeros_like(padded)
        for n in range(3):
            spans[n : n + len(at)] += by[:, n * SPAN : (n + 1) * SPAN]
        by = spans[1:-1] * (inner > 0)
        g["span"], g["span_bias"] = read.T @ by, by.sum(axis=0)
        g["span_marks"] = marks[at].T @ by
        by_features[at] += (by @ net["span"].T) * spread
        by_marks[at] += by @ net["span_marks"].T
        by_rows = np.zeros((count, SPAN), np.float32)
        np.add.at(by_rows, of, by)
        g["span_hidden"] = hidden.T @ by_rows
        by_hidden += by_rows @ net["span_hidden"].T

    # Hidden layers and what they read.
    by = by_hidden * (hidden > 0) * hidden_drop
    g["hidden_bias"] = by.sum(axis=0)
    g["hidden"] = np.concatenate([seen[n].T @ by[:, cut[n]] for n in (0, 1)], axis=1)
    by_seen = sum((by[:, cut[n]] @ net["hidden"][:, cut[n]].T) * drop[n] for n in (0, 1))
    sizes = np.cumsum([part.shape[1] for part in parts])[:-1]
    by_highest, by_title, by_before, _, *by_attended = np.split(by_seen, sizes, axis=1)
    by_features += np.where(features == highest[b.sentence], by_highest[b.sentence], 0)
    for q in range(2):
        by_row = by_attended[q][b.sentence]
        one = share[:, q : q + 1]
        by_features += one * by_row
        by_share = (features * by_row).sum(axis=1, keepdims=True)
        by_score = one * (by_share - rows_sum(one * by_share)[b.sentence])
        g.setdefault("query", np.zeros_like(net["query"]))[:, q] = features.T @ by_score[:, 0]
        by_features += by_score * net["query"][:, q]
    by_known = np.zeros_like(known)
    np.add.at(by_known, b.title, by_title)
    np.add.at(by_known, b.before, by_before)
    by_around = np.where(around == around_highest[b.sentence], by_known[b.sentence], 0)

    by = by_features * (features > 0)
    g["conv"], g["conv_bias"], by_over = by_convolution(both, by, v.WIDTHS)
    by_marks += by_over @ net["conv"][DIMENSION:].T
    g["marks"] = b.marks.T @ (by_marks * seen_marks)
    g["context"], g["context_bias"], _ = by_convolution(
        x, by_around * (around > 0), v.CONTEXT_WIDTHS
    )
    return total, g


def by_convolution(
    x: np.ndarray, by: np.ndarray, widths: Sequence[int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients by the weights, the bias and the product of v.convolved."""
    size = by.shape[1] // len(widths)
    by_over = np.zeros((len(x), size * sum(widths)), np.float32)
    column = 0
    for n, width in enumerate(widths):
        own = by[v.GAP : len(x) - v.GAP, n * size : (n + 1) * size]
        for offset in range(width):
            shift = v.GAP + offset - (width - 1) // 2
            by_over[shift : shift + len(own), column : column + size] = own
            column += size
    return x.T @ by_over, by.sum(axis=0), by_over


def train(
    data: Sentences, given: Inputs, documents: np.ndarray, seed: int
) -> dict[str, np.ndarray]:
    """The weights of one network: AdamW, one warm cosine cycle, averaged over the last steps."""
    rng = np.random.default_rng(seed)
    net = initial(rng, len(given.mark_names), given.place.shape[1])
    average = {name: value.copy() for name, value in net.items()}
    first = {name: np.zeros_like(value) for name, value in net.items()}
    second = {name: np.zeros_like(value) for name, value in net.items()}
    steps = EPOCHS * sum(1 for _ in batches(data, given, documents, np.random.default_rng(0)))
    done = 0
    for epoch in range(EPOCHS):
        total = 0.0
        for batch in batches(data, given, documents, rng):
            done += 1
            lost, g = gradients(net, data, given, batch, rng)
            total += lost * ROWS
            length = float(np.sqrt(sum(float((value**2).sum()) for value in g.values())))
            warm = min(1.0, done / (0.1 * steps))
            rate = RATE * warm * 0.5 * (1 + np.cos(np.pi * min(1.0, done / steps)))
            for name, raw in g.items():
                value = raw * np.float32(min(1.0, CLIPPED / length))
                first[name] += (1 - BETA[0]) * (value - first[name])
                second[name] += (1 - BETA[1]) * (value**2 - second[name])
                mean = first[name] / (1 - BETA[0] ** done)
                spread = np.sqrt(second[name] / (1 - BETA[1] ** done)) + 1e-8
                decay = DECAY if value.ndim > 1 else 0.0
                net[name] -= np.float32(rate) * (mean / spread + decay * net[name])
                average[name] += np.float32(1 - AVERAGED) * (net[name] - average[name])
        print(
            f"  seed {seed}: pass {epoch + 1} of {EPOCHS}, loss {total / len(documents):.4f} a "
            f"document, {time.process_time():.0f} s",
            flush=True,
        )
    return average


# Joining and measuring ---------------------------------------------------------------------------


def assembled(
    vectors: dict[str, np.ndarray],
    names: Sequence[str],
    networks: list[dict[str, np.ndarray]],
    linear: tuple[np.ndarray, np.ndarray],
) -> v.Verifier:
    """A verifier of these parts, its joining layer still neutral."""
    weights, bias = linear
    scale = np.abs(weights).max(axis=0) / 32767
    stored = {
        **vectors_only(vectors),
        "linear": np.round(weights / scale).astype(np.int16),
        "linear_scale": scale.astype(np.float32),
        "linear_bias": bias.astype(np.float32),
        "join": np.zeros((6 + len(v.ATTACKER_CLASSES), 3), np.float32),
        "join_bias": np.zeros(3, np.float32),
        "role_weights": np.ones(len(v.ROLES), np.float32),
        **{f"{name}_exponent": np.float32(1) for name in HEADS},
    }
    return v.Verifier(
        "", stored, row_of(vectors), {name: i for i, name in enumerate(names)}, networks
    )


def outputs(
    model: v.Verifier, data: Sentences, documents: np.ndarray, into: dict[str, np.ndarray]
) -> None:
    """Fill the rows of `documents` with the model's evidence, before it is joined, and roles."""
    shares = into.setdefault("roles", np.zeros((*data.roles.shape, 3), np.float16))
    for d in documents:
        at = np.flatnonzero(data.document == d)
        verdict = model.read([data.read[i] for i in at], range(len(at)))
        for name, value in verdict.evidence.items():
            whole = into.setdefault(name, np.zeros((len(data.words), value.shape[1]), np.float32))
            whole[at] = value
        for k, row in enumerate(at):
            if (data.roles[row] >= 0).any():
                own = verdict.role_shares(k)
                shares[row, : len(own)] = own


def join(model: v.Verifier, evidence: dict[str, np.ndarray], data: Sentences) -> None:
    """Fit the joining layer and the exponents on out-of-fold evidence."""
    x = v.joinable(evidence)[data.counts]
    fitted = [
        LogisticRegression(C=1.0, max_iter=1000).fit(x, data.presence[data.counts, j])
        for j in range(3)
    ]
    model.stored["join"] = np.stack([f.coef_[0] for f in fitted], axis=1).astype(np.float32)
    model.stored["join_bias"] = np.array([f.intercept_[0] for f in fitted], np.float32)
    for name in HEADS:
        known = data.heads[name] >= 0
        best = best_exponent(np.log(evidence[name][known] + 1e-9), data.heads[name][known])
        model.stored[f"{name}_exponent"] = np.float32(best)
    weights = np.arange(0.6, 3.01, 0.2).tolist()
    for r in range(len(v.ROLES)):
        best = max(weights, key=lambda weight: role_f1(evidence["roles"], data, r, weight)[1])
        model.stored["role_weights"][r] = best


def best_exponent(logarithms: np.ndarray, label: np.ndarray) -> float:
    """The exponent with the least surprise at the labels."""

    def surprise(exponent: float) -> float:
        scaled = logarithms * exponent
        scaled -= np.log(np.exp(scaled).sum(axis=1, keepdims=True))
        return float(-scaled[np.arange(len(label)), label].mean())

    return min(np.arange(0.4, 2.5, 0.05).tolist(), key=surprise)


def role_f1(shares: np.ndarray, data: Sentences, r: int, weight: float) -> tuple[float, float]:
    """F1 of the spans of one role on labelled sentences: the same tokens; any token in common."""
    same = common = total = 0
    for row in np.flatnonzero(data.roles[:, 0, r] >= 0):
        size = len(data.words[row])
        gold = {s[:2] for s in v.spans(np.eye(3, dtype=np.float32)[data.roles[row, :size, r]], 1)}
        said = {s[:2] for s in v.spans(shares[row, :size, r].astype(np.float32), weight)}
        same += len(gold & said)
        common += sum(any(a < j and i < b for a, b in said) for i, j in gold)
        total += len(gold) + len(said)
    return 2 * same / max(1, total), 2 * common / max(1, total)


def f1(true: np.ndarray, said: np.ndarray) -> float:
    return float(2 * (true & said).sum() / max(1, true.sum() + said.sum()))


def thresholds(scores: np.ndarray, data: Sentences) -> np.ndarray:
    """For each presence column the threshold with the best F1, smoothed over its neighbours."""
    grid = np.arange(0.1, 0.9, 0.01)
    best = []
    for j in range(3):
        true = data.presence[data.counts, j] > 0
        curve = [f1(true, scores[data.counts, j] >= t) for t in grid]
        smooth = np.convolve(np.pad(curve, 4, mode="edge"), np.ones(9) / 9, "valid")
        best.append(grid[int(np.argmax(smooth))])
    return np.array(best)


def figures(
    model: v.Verifier, evidence: dict[str, np.ndarray], data: Sentences, at: np.ndarray
) -> dict[str, Any]:
    """F1 by stratum at given thresholds, accuracies of the heads on labelled rows, calibration."""
    scores = model.joined(evidence)
    columns = {name: i for i, name in enumerate(v.OUTPUTS)}
    strata = np.array(data.strata)
    result: dict[str, Any] = {"sentences": int(data.counts.sum())}
    for part in ("all", *sorted(set(data.strata))):
        rows = data.counts & ((strata == part) | (part == "all"))
        result[part] = {
            name: round(f1(data.presence[rows, j] > 0, scores[rows, j] >= at[j]), 3)
            for j, name in enumerate(v.PRESENCE)
        }
    for name, labels in v.HEADS:
        known = data.heads[name] >= 0
        said = scores[known][:, [columns[f"{name}:{label}"] for label in labels]]
        result[name] = round(float((said.argmax(axis=1) == data.heads[name][known]).mean()), 3)
        if name.endswith("modality"):
            right = (said[:, 0] >= 0.5) == (data.heads[name][known] == 0)
            result[f"{name}, factual or not"] = round(float(right.mean()), 3)
    for j, name in enumerate(v.PRESENCE):
        p, true = scores[data.counts, j], data.presence[data.counts, j]
        bins = np.minimum((p * 10).astype(int), 9)
        gap = sum(
            abs(p[bins == b].mean() - true[bins == b].mean()) * (bins == b).mean()
            for b in range(10)
            if (bins == b).any()
        )
        result[f"{name}, calibration error"] = round(float(gap), 3)
    for r, name in enumerate(v.ROLES):
        weight = float(model.stored["role_weights"][r])
        same, common = role_f1(evidence["roles"], data, r, weight)
        result[f"{name}, spans exact / in part"] = f"{same:.3f} / {common:.3f}"
    return result


def write(model: v.Verifier, words: np.ndarray, path: Path) -> str:
    """Write the model file, not compressed: it loads at once. Its version hashes its numbers."""
    stored = dict(model.stored)
    for n, net in enumerate(model.networks):
        stored |= {f"{n}.{name}": value for name, value in net.items()}
    halves = {
        n: a.astype(np.float16) if a.dtype == np.float32 and a.size > 64 else a
        for n, a in stored.items()
    }
    digest = hashlib.blake2b(digest_size=6)
    for name in sorted(halves):
        digest.update(name.encode() + np.ascontiguousarray(halves[name]).tobytes())
    about = {
        "format": v.FORMAT,
        "version": digest.hexdigest(),
        "networks": len(model.networks),
        "marks": list(model.mark_numbers),
    }
    np.savez(path, about=np.frombuffer(json.dumps(about).encode(), np.uint8), words=words, **halves)
    return str(about["version"])


def card(path: Path, measured: dict[str, Any]) -> None:
    """Replace the figures between the marks of the model card."""
    tables = []
    for title, result in measured.items():
        strata = [k for k, value in result.items() if isinstance(value, dict)]
        tables += [
            f"**{title}** ({result['sentences']} sentences)",
            "",
            "| F1 | attack | militia | movement |",
            "|---|---|---|---|",
        ]
        tables += [
            f"| {s} | " + " | ".join(f"{result[s][n]:.3f}" for n in v.PRESENCE) + " |"
            for s in strata
        ]
        tables += ["", "| other | |", "|---|---|"]
        tables += [
            f"| {k} | {value} |"
            for k, value in result.items()
            if not isinstance(value, dict) and k != "sentences"
        ]
        tables.append("")
    text = path.read_text(encoding="utf-8") if path.exists() else "<!-- figures -->\n<!-- end -->\n"
    block = "<!-- figures -->\n" + "\n".join(tables) + "<!-- end -->"
    path.write_text(
        re.sub(r"<!-- figures -->.*<!-- end -->", lambda _: block, text, flags=re.DOTALL),
        encoding="utf-8",
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, required=True, help="folder with corpus/ and eval/")
    parser.add_argument("--out", type=Path, required=True, help="folder of the model file and card")
    parser.add_argument(
        "--work", type=Path, default=Path(".rasid/model"), help="what may be kept between runs"
    )
    args = parser.parse_args()
    work: Path = args.work
    work.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()

    def note(what: str) -> None:
        print(f"{time.monotonic() - started:6.0f} s  {what}", flush=True)

    trained = train_vectors(args.shared / "corpus" / "sentences.txt.xz", work)
    vectors = small_vectors(*trained, work)
    note("vectors")
    cache = settings().cache
    lexicon = open_lexicon(SOURCE, cache)
    matcher = Matcher(lexicon, Morphology(lexicon.database, cache / "camel"))
    data = read(args.shared / "eval" / "train.jsonl", matcher)
    fold = folds_of(data)
    given = inputs(data, vectors)
    everything = np.arange(len(data.titles))
    note(f"{len(data.words)} sentences, {len(given.mark_names)} marks")

    def networks(k: int) -> list[dict[str, np.ndarray]]:
        """Of a fold: networks that have not seen it; of FOLDS: networks that have seen all."""
        nets = []
        for n in range(NETWORKS):
            kept = work / f"net-{k}-{n}.npz"
            if not kept.exists():
                np.savez(kept, **train(data, given, everything[fold != k], 100 * k + n))
                note(f"network {n} of fold {k}")
            nets.append(dict(np.load(kept)))
        return nets

    matrix = linear_features(data)

    def fitted(k: int) -> v.Verifier:
        rows = np.flatnonzero(np.isin(data.document, everything[fold != k]))
        return assembled(vectors, given.mark_names, networks(k), fit_linear(matrix, data, rows))

    evidence: dict[str, np.ndarray] = {}
    for k in range(FOLDS):
        outputs(fitted(k), data, everything[fold == k], evidence)
        note(f"fold {k}")
    model = fitted(FOLDS)
    join(model, evidence, data)
    at = thresholds(model.joined(evidence), data)
    model.stored["thresholds"] = at.astype(np.float32)
    np.savez(
        work / "oof.npz",
        sids=np.array(data.sids),
        scores=model.joined(evidence),
        outputs=np.array(v.OUTPUTS),
        **evidence,
    )
    args.out.mkdir(parents=True, exist_ok=True)
    version = write(model, vectors["words"], args.out / "verifier.npz")
    note(f"wrote version {version}, thresholds {at.round(2)}")

    written = v.Verifier.load(args.out / "verifier.npz")
    dev = read(args.shared / "eval" / "dev.jsonl", matcher)
    seen: dict[str, np.ndarray] = {}
    outputs(written, dev, np.arange(len(dev.titles)), seen)
    measured = {
        "train.jsonl, out of fold": figures(model, evidence, data, at),
        "dev.jsonl, thresholds from train": figures(written, seen, dev, at),
    }
    print(json.dumps(measured, indent=1))
    card(args.out / "MODEL_CARD.md", measured)


if __name__ == "__main__":
    main()
