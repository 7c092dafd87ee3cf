"""The networks of the verifier and how they learn: plain numpy, gradients by hand.

Inference is rasid.tagging.verifier's; what is here adds dropout, the loss and the way back.
"""

from __future__ import annotations

import time

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np  # noqa: TID253
import scipy.sparse as sp

from model.labels import Sentences, neighbours
from model.vectors import DIMENSION, Vectors
from rasid.tagging import verifier as v
from rasid.tagging.marks import COUNTED
from rasid.tagging.vocabulary import GAP, LONGEST


FILTERS = 96
CONTEXT_FILTERS = 64
MARKS = 32  # dimensions of a mark
RARE_MARK = 8  # a mark met less often is left out
QUERIES = 2
HIDDEN = 160  # for presence
HEADS_HIDDEN = 128
SPAN = 96
WINDOW_SPAN = 64

EPOCHS = 8
SHARES = 4  # of the further documents, one a pass
ROWS = 64  # sentences in a batch
RATE = 2e-3
DECAY = 1e-2
DROPPED = 0.3
DROPPED_WORDS = 0.1  # of words, of marks, and again of single numbers of a word
CLIPPED = 5.0  # longest gradient
BETA = (0.9, 0.999)
AVERAGED = 0.99  # of the weights kept a step: the model is a moving average of its last steps
HEAD_WEIGHT = 1.0  # of the conditional heads in the loss
ROLE_WEIGHT = 0.075  # of each token's role

Weights = dict[str, np.ndarray]


@dataclass
class Inputs:
    """Sentences as numbers; word number 0 is padding."""

    table: np.ndarray  # of each word: its vector, as a Verifier sees it
    words: list[np.ndarray]  # of each sentence: its words' numbers
    marks: list[np.ndarray]  # of each sentence: (marks, 2) of token and mark number
    mark_names: list[str]
    place: np.ndarray  # (sentences, what v.placed says)
    context: np.ndarray  # (sentences, 2 + 2 * v.NEAR) rows of title, before and near ones, or -1


def mark_names(data: Sentences) -> list[str]:
    """The marks worth learning, in order."""
    met = Counter(name for marks in data.marks for _, name in marks)
    return sorted(name for name, n in met.items() if n >= RARE_MARK)


def inputs(data: Sentences, vectors: Vectors, names: list[str]) -> Inputs:
    distinct = sorted({word for words in data.words for word in words})
    number = {word: i + 1 for i, word in enumerate(distinct)}
    mark = {name: i for i, name in enumerate(names)}
    rows = np.arange(len(data.words))
    ends = np.searchsorted(data.document, data.document, side="right")
    starts = np.searchsorted(data.document, data.document)
    place = np.zeros((len(rows), 2 + 3 * len(COUNTED)), np.float32)
    for first, last in dict.fromkeys(zip(starts.tolist(), ends.tolist(), strict=True)):
        place[first:last] = v.placed(range(last - first), data.counted[first:last])
    near = rows[:, None] + np.array([o for o in range(-v.NEAR, v.NEAR + 1) if o])
    inside = (near >= starts[:, None]) & (near < ends[:, None])
    return Inputs(
        table=np.concatenate([np.zeros((1, DIMENSION), np.float32), vectors.of(distinct)]),
        words=[np.array([number[word] for word in words], np.intp) for words in data.words],
        marks=[
            np.array([(t, mark[name]) for t, name in marks if name in mark], int).reshape(-1, 2)
            for marks in data.marks
        ],
        mark_names=names,
        place=place,
        context=np.column_stack([*neighbours(data.document), np.where(inside, near, -1)]),
    )


def initial(rng: np.random.Generator, dimension: int, marks: int, place: int) -> Weights:
    def normal(rows: int, columns: int, gain: float = 1.5, fan: int | None = None) -> np.ndarray:
        return rng.standard_normal((rows, columns)) * np.sqrt(gain / (fan or rows))

    def windows(widths: Sequence[int], rows: int, filters: int, gain: float) -> np.ndarray:
        parts = [normal(rows, w * filters, gain, w * rows) for w in widths]
        return np.concatenate(parts, axis=1)

    features = len(v.WIDTHS) * FILTERS
    around = len(v.CONTEXT_WIDTHS) * CONTEXT_FILTERS
    seen = (1 + QUERIES) * features + 3 * around + place
    net = {
        "conv": np.concatenate(
            [windows(v.WIDTHS, dimension, FILTERS, 1.5), windows(v.WIDTHS, MARKS, FILTERS, 0.5)]
        ),
        "conv_bias": np.zeros(features),
        "context": windows(v.CONTEXT_WIDTHS, dimension, CONTEXT_FILTERS, 1.5),
        "context_bias": np.zeros(around),
        "marks": rng.standard_normal((marks, MARKS)) * 0.3,
        "query": normal(features, QUERIES) * 0.5,
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
    """Whole documents, their sentences one after another with GAP empty places around each."""

    rows: np.ndarray  # of the data
    starts: np.ndarray
    lengths: np.ndarray
    sentence: np.ndarray  # of each place; of a gap: the sentence before
    inside: np.ndarray  # (places, 1): 1 in a sentence, 0 in a gap
    words: np.ndarray  # word numbers of the places
    marks: sp.csr_matrix  # (places, marks)
    context: np.ndarray  # (rows, 2 + 2 * v.NEAR) rows in the batch of title, before and near ones

    @property
    def edges(self) -> np.ndarray:
        return np.stack([self.starts, self.starts + self.lengths], axis=1).ravel()

    def sums(self, values: np.ndarray) -> np.ndarray:
        """The sum over each sentence's places."""
        return np.add.reduceat(values * self.inside, self.edges, axis=0)[::2]


def batch_of(data: Sentences, given: Inputs, rows: np.ndarray) -> Batch:
    lengths = np.maximum(1, [len(data.words[row]) for row in rows])
    starts = GAP + np.cumsum(lengths + GAP) - (lengths + GAP)
    size = int(starts[-1] + lengths[-1]) + GAP
    words = np.zeros(size, np.intp)
    inside = np.zeros((size, 1), np.float32)
    sentence = np.repeat(np.arange(len(rows)), lengths + GAP)
    at, number = [], []
    for start, length, row in zip(starts.tolist(), lengths.tolist(), rows, strict=True):
        words[start : start + len(given.words[row])] = given.words[row]
        inside[start : start + length] = 1
        at.append(given.marks[row][:, 0] + start)
        number.append(given.marks[row][:, 1])
    at, number = np.concatenate(at), np.concatenate(number)
    ones = np.ones(len(at), np.float32)
    here = np.full(len(data.words) + 1, -1)
    here[rows] = np.arange(len(rows))
    return Batch(
        rows, starts, lengths,
        np.concatenate([np.zeros(GAP, np.intp), sentence]), inside, words,
        sp.csr_matrix((ones, (at, number)), shape=(size, len(given.mark_names))),
        here[given.context[rows]],
    )  # fmt: skip


def packs(data: Sentences, documents: np.ndarray, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """The rows of all documents in a new order, about ROWS together."""
    first = np.searchsorted(data.document, documents)
    last = np.searchsorted(data.document, documents, side="right")
    pack: list[np.ndarray] = []
    size = 0
    for d in rng.permutation(len(documents)):
        pack.append(np.arange(first[d], last[d]))
        size += len(pack[-1])
        if size >= ROWS:
            yield np.concatenate(pack)
            pack, size = [], 0
    if pack:
        yield np.concatenate(pack)


def kept(rng: np.random.Generator, shape: tuple[int, ...], dropped: float) -> np.ndarray:
    """A mask for dropout."""
    return (rng.random(shape, np.float32) >= dropped) / np.float32(1 - dropped)


def gradients(
    net: Weights, data: Sentences, given: Inputs, b: Batch, rng: np.random.Generator
) -> tuple[float, Weights]:
    """The loss of a batch with dropout, and its gradient by every weight.

    The forward part mirrors verifier._look; the backward part follows it from the end.
    """
    edges, g = b.edges, {}
    places = len(b.words)
    dimension = given.table.shape[1]

    # Words and marks, some of them unseen.
    x = given.table[b.words] * kept(rng, (places, 1), DROPPED_WORDS)
    x *= kept(rng, x.shape, DROPPED_WORDS)
    seen_marks = kept(rng, (places, 1), DROPPED_WORDS)
    marks = (b.marks @ net["marks"]) * seen_marks
    both = np.concatenate([x, marks], axis=1)
    features = v.convolved(both @ net["conv"], net["conv_bias"], v.WIDTHS) * b.inside
    highest = np.maximum.reduceat(features, edges, axis=0)[::2]
    score = np.exp(np.clip(features @ net["query"], -30, 30)) * b.inside
    share = score / b.sums(score)[b.sentence]
    attended = [b.sums(features * share[:, q : q + 1]) for q in range(QUERIES)]
    context = v.convolved(x @ net["context"], net["context_bias"], v.CONTEXT_WIDTHS) * b.inside
    own = np.maximum.reduceat(context, edges, axis=0)[::2]
    known = np.concatenate([own, np.zeros((1, own.shape[1]), np.float32)])  # row -1: there is none
    near = known[b.context[:, 2:]].max(axis=1)
    around = [known[b.context[:, 0]], known[b.context[:, 1]], near]
    parts = [highest, *around, given.place[b.rows], *attended]
    seen = np.concatenate(parts, axis=1)
    drop = [kept(rng, seen.shape, DROPPED), kept(rng, seen.shape, DROPPED)]
    seen = [seen * drop[0], seen * drop[1]]
    cut = (slice(None, HIDDEN), slice(HIDDEN, None))
    hidden = np.concatenate([seen[n] @ net["hidden"][:, cut[n]] for n in (0, 1)], axis=1)
    hidden_drop = kept(rng, hidden.shape, DROPPED / 2)
    hidden = np.maximum(hidden + net["hidden_bias"], 0) * hidden_drop

    total, by_hidden = by_answers(net, data, b.rows, hidden, g)
    read = (features, marks, hidden)
    lost, by_features, by_marks, by_more = by_roles(net, data, b, read, g=g, rng=rng)
    total += lost
    by_hidden += by_more

    # Hidden layers and what they read.
    by = by_hidden * (hidden > 0) * hidden_drop
    g["hidden_bias"] = by.sum(axis=0)
    g["hidden"] = np.concatenate([seen[n].T @ by[:, cut[n]] for n in (0, 1)], axis=1)
    by_seen = sum((by[:, cut[n]] @ net["hidden"][:, cut[n]].T) * drop[n] for n in (0, 1))
    sizes = np.cumsum([part.shape[1] for part in parts])[:-1]
    by_highest, by_title, by_before, by_near, _, *by_attended = np.split(by_seen, sizes, axis=1)
    by_features += np.where(features == highest[b.sentence], by_highest[b.sentence], 0)
    g["query"] = np.zeros_like(net["query"])
    for q in range(QUERIES):
        by_row = by_attended[q][b.sentence]
        one = share[:, q : q + 1]
        by_features += one * by_row
        by_share = (features * by_row).sum(axis=1, keepdims=True)
        by_score = one * (by_share - b.sums(one * by_share)[b.sentence])
        g["query"][:, q] = features.T @ by_score[:, 0]
        by_features += by_score * net["query"][:, q]
    by_known = np.zeros_like(known)
    np.add.at(by_known, b.context[:, 0], by_title)
    np.add.at(by_known, b.context[:, 1], by_before)
    first = b.context[np.arange(len(b.rows))[:, None], 2 + known[b.context[:, 2:]].argmax(axis=1)]
    np.add.at(by_known, (first, np.arange(known.shape[1])), by_near)
    by_context = np.where(context == own[b.sentence], by_known[b.sentence], 0)

    by = by_features * (features > 0)
    g["conv"], g["conv_bias"], by_over = by_convolution(both, by, v.WIDTHS)
    by_marks += by_over @ net["conv"][dimension:].T
    g["marks"] = b.marks.T @ (by_marks * seen_marks)
    g["context"], g["context_bias"], _ = by_convolution(
        x, by_context * (context > 0), v.CONTEXT_WIDTHS
    )
    return total, g


def by_answers(
    net: Weights, data: Sentences, rows: np.ndarray, hidden: np.ndarray, g: Weights
) -> tuple[float, np.ndarray]:
    """Presence and heads: their loss and its gradient by the hidden layers; fills `g`.

    The gradient by a logit is what was said less what is true.
    """
    by_hidden = np.zeros_like(hidden)
    inner, heads = hidden[:, :HIDDEN], hidden[:, HIDDEN:]
    weight = data.weight[rows, None] / np.float32(ROWS)
    said = v.sigmoid(inner @ net["presence"] + net["presence_bias"])
    true = data.presence[rows]
    likely = true * np.log(said + 1e-7) + (1 - true) * np.log(1 - said + 1e-7)
    total = -float((likely * weight).sum())
    by = (said - true) * weight
    g["presence"], g["presence_bias"] = inner.T @ by, by.sum(axis=0)
    by_hidden[:, :HIDDEN] = by @ net["presence"].T
    for name, _ in v.HEADS:
        true = data.heads[name][rows] * (HEAD_WEIGHT * weight)
        said = v.softmax(heads @ net[name] + net[f"{name}_bias"])
        total -= float((true * np.log(said + 1e-7)).sum())
        by = said * true.sum(axis=1, keepdims=True) - true
        g[name], g[f"{name}_bias"] = heads.T @ by, by.sum(axis=0)
        by_hidden[:, HIDDEN:] += by @ net[name].T
    return total, by_hidden


def by_roles(
    net: Weights,
    data: Sentences,
    b: Batch,
    read: tuple[np.ndarray, np.ndarray, np.ndarray],
    *,
    g: Weights,
    rng: np.random.Generator,
) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """Roles: their loss and its gradient by features, marks and hidden layers; fills `g`.

    Mirrors verifier._spans over the sentences that have labels; one gap on each side separates
    them.
    """
    features, marks, hidden = read
    by_features, by_marks = np.zeros_like(features), np.zeros_like(marks)
    by_rows = np.zeros((len(b.rows), SPAN), np.float32)
    labelled = np.flatnonzero((data.roles[b.rows, 0] >= 0).any(axis=1))
    if not len(labelled):
        return 0.0, by_features, by_marks, np.zeros_like(hidden)
    at = np.concatenate(
        [np.arange(b.starts[r] - 1, b.starts[r] + b.lengths[r] + 1) for r in labelled]
    )
    token = np.concatenate([np.arange(-1, b.lengths[r] + 1) for r in labelled])
    of, inside = b.sentence[at], b.inside[at]
    spread = kept(rng, (len(at), features.shape[1]), 0.1)
    seen = features[at] * spread
    inner = seen @ net["span"] + marks[at] @ net["span_marks"]
    inner += (hidden @ net["span_hidden"])[of] + net["span_bias"]
    inner = np.maximum(inner, 0) * inside
    padded = np.pad(inner, ((1, 1), (0, 0)))
    windows = np.concatenate([padded[:-2], padded[1:-1], padded[2:]], axis=1)
    outer = np.maximum(windows @ net["window"] + net["window_bias"], 0)
    by = v.softmax((outer @ net["roles"] + net["roles_bias"]).reshape(len(at), -1, 3))
    label = data.roles[b.rows[of], np.clip(token, 0, LONGEST - 1)].copy()
    label[inside[:, 0] == 0] = -1
    i, r = np.nonzero(label >= 0)
    weight = (data.weight[b.rows[of]] * np.float32(ROLE_WEIGHT / ROWS))[:, None]
    total = -float((np.log(by[i, r, label[i, r]] + 1e-7) * weight[i, 0]).sum())
    by[i, r, label[i, r]] -= 1
    by *= (label >= 0)[..., None]
    by = by.reshape(len(at), -1) * weight
    g["roles"], g["roles_bias"] = outer.T @ by, by.sum(axis=0)
    by = (by @ net["roles"].T) * (outer > 0)
    g["window"], g["window_bias"] = windows.T @ by, by.sum(axis=0)
    by = by @ net["window"].T
    spans = np.zeros_like(padded)
    for n in range(3):
        spans[n : n + len(at)] += by[:, n * SPAN : (n + 1) * SPAN]
    by = spans[1:-1] * (inner > 0)
    g["span"], g["span_bias"] = seen.T @ by, by.sum(axis=0)
    g["span_marks"] = marks[at].T @ by
    by_features[at] = (by @ net["span"].T) * spread
    by_marks[at] = by @ net["span_marks"].T
    np.add.at(by_rows, of, by)
    g["span_hidden"] = hidden.T @ by_rows
    return total, by_features, by_marks, by_rows @ net["span_hidden"].T


def by_convolution(
    x: np.ndarray, by: np.ndarray, widths: Sequence[int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients by the weights, the bias and the product of v.convolved."""
    size = by.shape[1] // len(widths)
    by_over = np.zeros((len(x), size * sum(widths)), np.float32)
    column = 0
    for n, width in enumerate(widths):
        own = by[GAP : len(x) - GAP, n * size : (n + 1) * size]
        for offset in range(width):
            shift = GAP + offset - (width - 1) // 2
            by_over[shift : shift + len(own), column : column + size] = own
            column += size
    return x.T @ by_over, by.sum(axis=0), by_over


def train(
    data: Sentences, given: Inputs, documents: np.ndarray, further: np.ndarray, seed: int
) -> Weights:
    """The weights of one network: AdamW, one warm cosine cycle, averaged over the last steps.

    Every pass reads all of `documents` and the next of SHARES parts of the `further` ones.
    """
    rng = np.random.default_rng(seed)
    net = initial(rng, given.table.shape[1], len(given.mark_names), given.place.shape[1])
    average = {name: value.copy() for name, value in net.items()}
    first = {name: np.zeros_like(value) for name, value in net.items()}
    second = {name: np.zeros_like(value) for name, value in net.items()}
    done = 0
    for epoch in range(EPOCHS):
        started = time.monotonic()
        now = np.concatenate([documents, further[epoch % SHARES :: SHARES]])
        packed = list(packs(data, now, rng))
        steps = EPOCHS * len(packed)
        total = 0.0
        for rows in packed:
            done += 1
            lost, g = gradients(net, data, given, batch_of(data, given, rows), rng)
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
            f"  seed {seed}: pass {epoch + 1} of {EPOCHS}, loss {total / len(now):.4f} a "
            f"document, {time.monotonic() - started:.0f} s",
            flush=True,
        )
    return average
