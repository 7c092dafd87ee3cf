"""Train the model of rasid.tagging.verifier and write it, with its figures, to include/models.

    python scripts/train_verifier.py --shared ../shared --out include/models

Five steps, each seeded: word vectors over the unlabelled corpus (half an hour, kept in --work for
the next time), a small table of subword vectors for all other words, networks and linear weights by
document-grouped cross-validation on train.jsonl, the joining logistic layer and temperatures on the
out-of-fold logits, and the same networks on all of train.jsonl. dev.jsonl is only measured at the
end. Needs requirements-model.txt beside requirements.txt.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import lzma
import os
import re
import time

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=true")

import fasttext
import jax
import jax.numpy as jnp
import numpy as np  # noqa: TID253 - the ban is for DAG files
import optax
import scipy.sparse as sp

from sklearn.linear_model import LogisticRegression

from rasid.tagging import verifier as v


MILITIA = {"militia", "pro_state_militia", "unattributed_armed"}
HEADS = [name for name, _, _ in v.HEADS]

DIMENSION = 128
VOCABULARY = 40_000  # words with a vector of their own: 97 % of running words
BUCKETS = 1 << 14
LINEAR = 1 << 18
LINEAR_C = 2.0
CLIP = 4.5  # unit vectors times the root of their dimension rarely go further

FOLDS = 3
NETS = 1  # their logits are averaged
EPOCHS = 8
ROWS = 64  # sentences in a batch
LENGTHS = (24, 40, v.LONGEST)  # padded lengths, one compilation each
WIDTHS = (1, 2, 3, 5)
FILTERS = 96
CONTEXT_FILTERS = 64
HIDDEN = 128
RATE = 2e-3
HEAD_WEIGHT = 1.0  # of the conditional heads in the loss
DROPPED = 0.3


@dataclass
class Sentences:
    """Labelled sentences of many documents, one after another."""

    sids: list[str]
    words: list[list[str]]
    document: np.ndarray  # index of each row's document
    strata: list[str]  # of each row
    titles: list[str]  # of each document
    texts: list[list[str]]  # of each document, as written
    presence: np.ndarray  # (rows, 3) of 0 and 1
    heads: dict[str, np.ndarray]  # label indices, -1 where there is none
    counts: np.ndarray  # False where the readers disagreed


def read(path: Path) -> Sentences:
    """The sentences of a labels file in document order."""
    with path.open(encoding="utf-8") as lines:
        documents = [json.loads(line) for line in lines]
    rows: list[dict[str, Any]] = []
    index, strata, titles, texts = [], [], [], []
    for i, document in enumerate(documents):
        text = document["text"]
        titles.append(text.split("\n", 1)[0])
        sentences = sorted(document["sentences"], key=lambda s: s["start"])
        texts.append([text[s["start"] : s["end"]] for s in sentences])
        rows += sentences
        index += [i] * len(sentences)
        strata += [document["stratum"]] * len(sentences)

    def labels(tag: str, field: str, names: Sequence[str]) -> np.ndarray:
        return np.array(
            [
                names.index(s[field]) if s[tag] and s[field] and not s["excluded"] else -1
                for s in rows
            ]
        )

    return Sentences(
        sids=[s["sid"] for s in rows],
        words=[v.words_of(sentence) for document in texts for sentence in document],
        document=np.array(index),
        strata=strata,
        titles=titles,
        texts=texts,
        presence=np.array(
            [
                (s["attack"], bool(s["attack"] and s["attack_class"] in MILITIA), s["movement"])
                for s in rows
            ],
            np.float32,
        ),
        heads={
            "class": labels("attack", "attack_class", v.CLASSES),
            "kind": labels("movement", "movement_kind", v.KINDS),
            "attack_modality": labels("attack", "attack_modality", v.MODALITIES),
            "movement_modality": labels("movement", "movement_modality", v.MODALITIES),
        },
        counts=np.array([not s["excluded"] for s in rows]),
    )


def folds_of(data: Sentences) -> np.ndarray:
    """The fold of each document; documents of one title stay together."""
    keys = [" ".join(v.words_of(title)) for title in data.titles]
    known = sorted(set(keys))
    order = np.random.default_rng(0).permutation(len(known)) % FOLDS
    fold = dict(zip(known, order.tolist(), strict=True))
    return np.array([fold[key] for key in keys])


# Vectors -----------------------------------------------------------------------------------------


def train_vectors(corpus: Path, work: Path) -> Path:
    """FastText skip-gram over the folded corpus; one thread, so that the result is the same."""
    model = work / "vectors.bin"
    if model.exists():
        return model
    folded = work / "corpus.txt"
    with (
        lzma.open(corpus, "rt", encoding="utf-8") as lines,
        folded.open("w", encoding="utf-8") as out,
    ):
        for line in lines:
            out.write(" ".join(v.words_of(line)) + "\n")
    trained = fasttext.train_unsupervised(
        str(folded), model="skipgram", dim=DIMENSION, epoch=5, minn=3, maxn=5, minCount=4,
        bucket=500_000, t=1e-4, thread=1,
    )  # fmt: skip
    trained.save_model(str(model))
    return model


def normalised(vectors: np.ndarray) -> np.ndarray:
    """Rows of length √dimension, that is of about unit variance: what the networks read."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors * (np.sqrt(vectors.shape[1]) / np.maximum(length, 1e-6))


def small_vectors(model: Path) -> dict[str, np.ndarray]:
    """Frequent words with int8 vectors, and a table of hashed subwords fitted to all words.

    The table is the least-squares answer to "the sum over a word's subwords is its vector", found
    by conjugate gradients, so that rare words are understood by their parts at 2 MB.
    """
    kept = model.with_suffix(".npz")
    if kept.exists() and kept.stat().st_mtime >= model.stat().st_mtime:
        return dict(np.load(kept))
    trained = fasttext.load_model(str(model))
    words = [w for w in trained.get_words() if w != "</s>"]
    vectors = normalised(np.array([trained.get_word_vector(w) for w in words], np.float32))
    at = [[v.hashed(gram, BUCKETS) for gram in v.subwords(word)] for word in words]
    size = np.array([len(row) for row in at])
    values = np.repeat(1 / np.sqrt(size), size)
    matrix = sp.csr_matrix(
        (values, np.concatenate(at), np.concatenate([[0], np.cumsum(size)])),
        shape=(len(words), BUCKETS),
    )
    table = conjugate_gradients(matrix, vectors, ridge=1.0, steps=60)
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
        columns = [v.hashed(gram, LINEAR) for word in words for gram in v.word_grams(word)]
        for gap in (0, 1):
            columns += v.pair_rows(words, gap, LINEAR)
        add(row, columns, 1.0)
        for where, other in (("T", title[row]), ("P", before[row])):
            around = data.words[other] if other >= 0 else []
            grams = [gram for word in around for gram in v.context_grams(word, where)]
            add(row, [v.hashed(gram, LINEAR) for gram in grams], v.CONTEXT_WEIGHT)
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
class Words:
    """The distinct words of the labelled sentences; number 0 is padding."""

    known: np.ndarray  # of each word: whether it is among the frequent ones
    table: np.ndarray  # of each word: its vector, as a Verifier sees it
    ids: np.ndarray  # (sentences, LONGEST) numbers


def words_in(data: Sentences, vectors: dict[str, np.ndarray]) -> Words:
    reader = v.Verifier("", vectors, WIDTHS, row_of(vectors))
    distinct = sorted({word for words in data.words for word in words})
    number = {word: i + 1 for i, word in enumerate(distinct)}
    ids = np.zeros((len(data.words), v.LONGEST), np.int32)
    for i, words in enumerate(data.words):
        ids[i, : len(words)] = [number[word] for word in words]
    return Words(
        known=np.array([False, *(word in reader.rows for word in distinct)]),
        table=np.stack([np.zeros(DIMENSION, np.float32), *map(reader.vector, distinct)]),
        ids=ids,
    )


def row_of(vectors: dict[str, np.ndarray]) -> dict[str, int]:
    return {w: i for i, w in enumerate(bytes(vectors["words"]).decode().split("\n"))}


def quantised(vectors: np.ndarray) -> np.ndarray:
    return np.clip(np.round(vectors / (CLIP / 127)), -127, 127).astype(np.int8)


# The networks ------------------------------------------------------------------------------------


def initial(key: jax.Array) -> dict[str, jax.Array]:
    keys = iter(jax.random.split(key, 32))

    def normal(*shape: int) -> jax.Array:
        return jax.random.normal(next(keys), shape) * np.sqrt(1.5 / shape[0])

    p = {}
    for w in WIDTHS:
        p[f"conv{w}"], p[f"conv{w}_bias"] = normal(w * DIMENSION, FILTERS), jnp.zeros(FILTERS)
    for w in (1, 2):
        p[f"context{w}"] = normal(w * DIMENSION, CONTEXT_FILTERS)
        p[f"context{w}_bias"] = jnp.zeros(CONTEXT_FILTERS)
    seen = len(WIDTHS) * FILTERS + 3 * 2 * CONTEXT_FILTERS + 2
    p["hidden"], p["hidden_bias"] = normal(seen, HIDDEN), jnp.zeros(HIDDEN)
    p["presence"], p["presence_bias"] = normal(HIDDEN, 3) * 0.5, jnp.array([-1.0, -2.0, -2.0])
    for name, _, labels in v.HEADS:
        p[name], p[f"{name}_bias"] = normal(HIDDEN, len(labels)) * 0.3, jnp.zeros(len(labels))
    return p


def forward(
    p: dict[str, jax.Array], x: jax.Array, batch: dict[str, Any], key: Any
) -> dict[str, jax.Array]:
    """One network's logits of a batch of vectors; with a key, dropout is on.

    Mirrors Verifier._network.
    """
    mask = (batch["ids"] > 0)[..., None]
    keys = jax.random.split(jax.random.PRNGKey(0) if key is None else key, 4)

    def drop(k: jax.Array, a: jax.Array, share: float) -> jax.Array:
        return a if key is None else a * jax.random.bernoulli(k, 1 - share, a.shape) / (1 - share)

    if key is not None:  # a tenth of the words unseen
        x = x * jax.random.bernoulli(keys[0], 0.9, x.shape[:2])[..., None]
        x = drop(keys[3], x, 0.1)

    def pooled(name: str, width: int) -> jax.Array:
        left = (width - 1) // 2
        padded = jnp.pad(x, ((0, 0), (left, width - 1 - left), (0, 0)))
        windows = jnp.concatenate([padded[:, i : i + x.shape[1]] for i in range(width)], axis=-1)
        over_time = jax.nn.relu(windows @ p[name] + p[f"{name}_bias"])
        return jnp.max(jnp.where(mask, over_time, 0), axis=1)

    own = [pooled(f"conv{w}", w) for w in WIDTHS]
    around = jnp.concatenate([pooled(f"context{w}", w) for w in (1, 2)], axis=-1)
    known = jnp.concatenate([around, jnp.zeros((1, around.shape[1]))])
    parts = [known[batch["title"]], known[batch["before"]], batch["others"] @ around]
    seen = jnp.concatenate([*own, *parts, batch["position"]], axis=-1)
    hidden = jax.nn.relu(drop(keys[1], seen, DROPPED) @ p["hidden"] + p["hidden_bias"])
    hidden = drop(keys[2], hidden, DROPPED / 2)
    return {head: hidden @ p[head] + p[f"{head}_bias"] for head in ("presence", *HEADS)}


def loss(
    nets: list[dict[str, jax.Array]], table: jax.Array, batch: dict[str, Any], key: jax.Array
) -> jax.Array:
    """Sum over the networks of their cross-entropies."""
    x = table[batch["ids"]]
    total = 0.0
    for net, now in zip(nets, jax.random.split(key, len(nets)), strict=True):
        logits = forward(net, x, batch, now)
        wrong = optax.sigmoid_binary_cross_entropy(logits["presence"], batch["presence"])
        total += jnp.sum(wrong * batch["counts"][:, None])
        for name in HEADS:
            label = batch[name]
            likely = jax.nn.log_softmax(logits[name])
            likely = jnp.take_along_axis(likely, jnp.maximum(label, 0)[:, None], 1)[:, 0]
            total -= HEAD_WEIGHT * jnp.sum(likely * (label >= 0))
    return total / ROWS


def batches(
    data: Sentences, ids: np.ndarray, documents: np.ndarray, rng: np.random.Generator | None
) -> Iterator[tuple[np.ndarray, dict[str, Any]]]:
    """Whole documents packed to at most ROWS rows, of near-equal length; (rows, batch)."""
    length = (ids > 0).sum(axis=1)
    first = np.searchsorted(data.document, documents)
    last = np.searchsorted(data.document, documents, side="right")
    longest = np.array([length[a:b].max() for a, b in zip(first, last, strict=True)], float)
    if rng is not None:
        longest += rng.uniform(0, 12, len(longest))
    packs: list[list[int]] = [[]]
    size = 0
    for d in np.argsort(longest, kind="stable"):
        if size + last[d] - first[d] > ROWS:
            packs.append([])
            size = 0
        packs[-1].append(d)
        size += last[d] - first[d]
    for pack in packs if rng is None else [packs[i] for i in rng.permutation(len(packs))]:
        rows = np.concatenate([np.arange(first[d], last[d]) for d in pack])
        context = v.Rows()
        for d in pack:
            words = [data.words[i] for i in range(first[d], last[d])]
            context.add(words[0], words)
        n = len(rows)
        cut = next(size for size in LENGTHS if length[rows].max() <= size)

        def filled(values: np.ndarray, value: float, width: int | None = None) -> np.ndarray:
            shape = (ROWS,) if values.ndim == 1 else (ROWS, width or values.shape[1])
            out = np.full(shape, value, values.dtype)
            out[: len(values)] = (
                values
                if values.ndim == 1
                else np.pad(values, ((0, 0), (0, shape[1] - values.shape[1])))
            )
            return out

        yield (
            rows,
            {
                "ids": filled(ids[rows][:, :cut], 0),
                "title": filled(np.where(context.title < n, context.title, ROWS), ROWS),
                "before": filled(np.where(context.before < n, context.before, ROWS), ROWS),
                "others": filled(context.others(), 0, ROWS),
                "position": filled(context.position(), 0),
                "presence": filled(data.presence[rows], 0),
                "counts": filled(data.counts[rows].astype(np.float32), 0),
                **{name: filled(data.heads[name][rows], -1) for name in HEADS},
            },
        )


def train(
    data: Sentences, words: Words, documents: np.ndarray, seed: int
) -> list[dict[str, np.ndarray]]:
    """The weights of NETS networks, trained side by side on the same batches."""
    rng = np.random.default_rng(seed)
    sample = batches(data, words.ids, documents, np.random.default_rng(seed))
    steps = EPOCHS * (3 + sum(1 for _ in sample))
    optimiser = optax.adamw(optax.cosine_decay_schedule(RATE, steps), weight_decay=1e-2)
    nets = [initial(key) for key in jax.random.split(jax.random.PRNGKey(seed), NETS)]
    state = optimiser.init(nets)
    table = jnp.array(words.table)

    @jax.jit
    def step(nets: Any, state: Any, batch: Any, key: Any) -> tuple[Any, Any]:
        gradient = jax.grad(loss)(nets, table, batch, key)
        update, state = optimiser.update(gradient, state, nets)
        return optax.apply_updates(nets, update), state

    key = jax.random.PRNGKey(1000 + seed)
    for _ in range(EPOCHS):
        for _, batch in batches(data, words.ids, documents, rng):
            key, now = jax.random.split(key)
            nets, state = step(nets, state, batch, now)
    return [{name: np.asarray(value) for name, value in net.items()} for net in nets]


# Joining and measuring ---------------------------------------------------------------------------


def assembled(
    vectors: dict[str, np.ndarray],
    nets: list[dict[str, np.ndarray]],
    linear: tuple[np.ndarray, np.ndarray],
) -> v.Verifier:
    """A verifier of these parts, its joining layer still neutral."""
    stored = {name: value for name, value in vectors.items() if name != "words"}
    for name in nets[0]:
        one = np.stack([net[name] for net in nets])
        if name.startswith(("conv", "context")):  # filters of all networks side by side
            one = np.concatenate(list(one), axis=-1)
        elif name.endswith("_bias"):
            one = one[:, None, :]
        stored[name] = one.astype(np.float32)
    weights, bias = linear
    scale = np.abs(weights).max(axis=0) / 32767
    stored["linear"] = np.round(weights / scale).astype(np.int16)
    stored["linear_scale"] = scale.astype(np.float32)
    stored["linear_bias"] = bias.astype(np.float32)
    stored["join"] = np.zeros((6 + len(v.CLASSES), 3), np.float32)
    stored["join_bias"] = np.zeros(3, np.float32)
    stored |= {f"{name}_exponent": np.float32(1) for name in HEADS}
    return v.Verifier(version="", stored=stored, widths=WIDTHS, rows=row_of(vectors))


def rows_of(data: Sentences, documents: np.ndarray) -> Iterator[tuple[np.ndarray, v.Rows]]:
    for d in np.array_split(documents, max(1, len(documents) // 60)):
        rows = v.Rows()
        taken = []
        for one in d:
            at = np.flatnonzero(data.document == one)
            words = [data.words[i] for i in at]
            rows.add(words[0], words)
            taken.append(at)
        yield np.concatenate(taken), rows


def logits(
    model: v.Verifier, data: Sentences, documents: np.ndarray, into: dict[str, np.ndarray]
) -> None:
    """Fill the rows of `documents` with the model's evidence, before it is joined."""
    for at, rows in rows_of(data, documents):
        for name, value in model.evidence(rows).items():
            into.setdefault(name, np.zeros((len(data.words), value.shape[1]), np.float32))[at] = (
                value
            )


def join(model: v.Verifier, evidence: dict[str, np.ndarray], data: Sentences) -> None:
    """Fit the joining layer and the exponents on out-of-fold evidence."""
    x = model.joinable(evidence)[data.counts]
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


def best_exponent(logarithms: np.ndarray, label: np.ndarray) -> float:
    """The exponent with the least surprise at the labels."""

    def surprise(exponent: float) -> float:
        scaled = logarithms * exponent
        scaled -= np.log(np.exp(scaled).sum(axis=1, keepdims=True))
        return float(-scaled[np.arange(len(label)), label].mean())

    return min(np.arange(0.4, 2.5, 0.05).tolist(), key=surprise)


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


def figures(scores: np.ndarray, data: Sentences, at: np.ndarray) -> dict[str, Any]:
    """F1 by stratum at given thresholds, accuracies of the heads on labelled rows, calibration."""
    columns = {name: i for i, name in enumerate(v.Verifier.outputs)}
    strata = np.array(data.strata)
    result: dict[str, Any] = {"sentences": int(data.counts.sum())}
    for part in ("all", *sorted(set(data.strata))):
        rows = data.counts & ((strata == part) | (part == "all"))
        result[part] = {
            name: round(f1(data.presence[rows, j] > 0, scores[rows, j] >= at[j]), 3)
            for j, name in enumerate(v.PRESENCE)
        }
    for name, prefix, labels in v.HEADS:
        known = data.heads[name] >= 0
        said = scores[known][:, [columns[f"{prefix}:{label}"] for label in labels]]
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
    return result


def write(model: v.Verifier, words: np.ndarray, path: Path) -> str:
    """Write the model file; its version is the hash of its numbers."""
    halves = {
        n: a.astype(np.float16) if a.dtype == np.float32 and a.size > 64 else a
        for n, a in model.stored.items()
    }
    digest = hashlib.blake2b(digest_size=6)
    for name in sorted(halves):
        digest.update(name.encode() + np.ascontiguousarray(halves[name]).tobytes())
    about = {"format": v.FORMAT, "version": digest.hexdigest(), "widths": list(WIDTHS)}
    np.savez_compressed(
        path, about=np.frombuffer(json.dumps(about).encode(), np.uint8), words=words, **halves
    )
    return about["version"]


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
    args.work.mkdir(parents=True, exist_ok=True)
    jax.config.update("jax_compilation_cache_dir", str(args.work.resolve() / "jax"))
    started = time.monotonic()

    def note(what: str) -> None:
        print(f"{time.monotonic() - started:6.0f} s  {what}", flush=True)

    vectors = small_vectors(train_vectors(args.shared / "corpus" / "sentences.txt.xz", args.work))
    note("vectors")
    data = read(args.shared / "eval" / "train.jsonl")
    fold = folds_of(data)
    matrix = linear_features(data)
    everything = np.arange(len(data.titles))
    words = words_in(data, vectors)
    note(f"{len(data.words)} sentences, {words.known.mean():.2f} of {len(words.known)} words known")

    def fitted(documents: np.ndarray, seed: int) -> v.Verifier:
        nets = train(data, words, documents, seed)
        linear = fit_linear(matrix, data, np.flatnonzero(np.isin(data.document, documents)))
        return assembled(vectors, nets, linear)

    evidence: dict[str, np.ndarray] = {}
    for k in range(FOLDS):
        logits(fitted(everything[fold != k], 100 * (k + 1)), data, everything[fold == k], evidence)
        note(f"fold {k}")
    model = fitted(everything, 0)
    join(model, evidence, data)
    scores = model.joined(evidence)
    at = thresholds(scores, data)
    model.stored["thresholds"] = at.astype(np.float32)
    np.savez(
        args.work / "oof.npz",
        sids=np.array(data.sids),
        scores=scores,
        outputs=np.array(v.Verifier.outputs),
        **evidence,
    )
    args.out.mkdir(parents=True, exist_ok=True)
    version = write(model, vectors["words"], args.out / "verifier.npz")
    note(f"wrote version {version}, thresholds {at.round(2)}")

    written = v.Verifier.load(args.out / "verifier.npz")
    dev = read(args.shared / "eval" / "dev.jsonl")
    seen: dict[str, np.ndarray] = {}
    logits(written, dev, np.arange(len(dev.titles)), seen)
    measured = {
        "train.jsonl, out of fold": figures(scores, data, at),
        "dev.jsonl, thresholds from train": figures(written.joined(seen), dev, at),
    }
    print(json.dumps(measured, indent=1))
    card(args.out / "MODEL_CARD.md", measured)


if __name__ == "__main__":
    main()
