"""The reader of the verifier and how it learns; torch runs it here, onnxruntime in the tagger.

A transformer over the words of a document. It first learns to guess hidden words of the unlabelled
corpus, then what the labels say of its sentences.
"""

from __future__ import annotations

import lzma
import math
import tempfile
import time

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np  # noqa: TID253 - the ban is for DAG files
import torch

from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import nn
from torch.nn import functional

from model.labels import Sentences
from model.vectors import DIMENSION, Vectors
from rasid.arabic import shape_of, surfaces
from rasid.tagging import verifier as v
from rasid.tagging.matcher import Matcher
from rasid.tagging.triggers import TAGS
from rasid.tagging.vocabulary import LONGEST, model_word


WIDTH = 192
LAYERS = 3
ATTENTION = 3  # heads of the attention
FAR = 32  # words: all that is farther away is equally far
QUERIES = 2  # weighted means over a sentence
HIDDEN = 160  # numbers of each hidden layer: for presence, and for the heads
TOKEN = 96

# Guessing hidden words.
QUIET = 0.15  # of the sentences read: those in which no word could be an event
LINE = 128  # words of sentences one after another, gaps among them …
LINES = 32  # … and so many lines in a batch
GUESSED = 0.2  # of the words
SHOWN = 0.1  # of those guessed are not even hidden
OTHERS = 4096  # words drawn to choose among, beside the right ones
MET = 5  # a word met less often is not guessed
BATCHES = 7000
GUESSING_RATE = 1.2e-3
WARM = 300  # batches

# Learning from labels.
RARE_MARK = 8  # a mark met less often is left out
PASSES = 6
WORDS = 1600  # in a batch …
ROWS = 64  # … and about so many sentences
RATE = 4e-4  # of the body; all else, which is new, learns twice as fast
DECAY = 0.05
DROPPED = 0.15
DROPPED_WORDS = 0.1  # and as many marks
# Documents read as the tagger reads them: without the sentences that it would not ask of. Whether a
# sentence is left out must not depend on its label: the reader would guess one from the other.
NARROWED = 0.5
DROPPED_HIDDEN = 0.2
ROLE_WEIGHT = 0.075  # of each token's role in the loss

CLIPPED = 2.0  # longest gradient

State = dict[str, torch.Tensor]


class Layer(nn.Module):
    """Attention, then a dense layer; each reads normed inputs and adds to them."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        # What stands before and after a place is mixed into it: order is seen from the start.
        self.before = nn.Parameter(0.3 * torch.randn(WIDTH))
        self.after = nn.Parameter(0.3 * torch.randn(WIDTH))
        self.asked = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.attended = nn.Linear(WIDTH, WIDTH, bias=False)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
        self.dropout = nn.Dropout(DROPPED)
        for last in (self.attended, self.down):
            nn.init.normal_(last.weight, std=1 / math.sqrt(last.in_features * 2 * LAYERS))

    def forward(self, x: torch.Tensor, near: torch.Tensor) -> torch.Tensor:
        rows, places, _ = x.shape
        read = self.first(x)
        none = torch.zeros_like(read[:, :1])
        before, after = torch.cat([none, read[:, :-1]], 1), torch.cat([read[:, 1:], none], 1)
        read = read + self.before * before + self.after * after
        shape = (rows, places, 3, ATTENTION, WIDTH // ATTENTION)
        query, key, value = self.asked(read).view(shape).permute(2, 0, 3, 1, 4).unbind()
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=near)
        x = x + self.dropout(self.attended(seen.transpose(1, 2).reshape(x.shape)))
        return x + self.dropout(self.down(functional.relu(self.up(self.second(x)))))


class Body(nn.Module):
    """From the vectors of words to vectors of words in their place."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(DIMENSION, WIDTH)
        self.hidden = nn.Parameter(torch.randn(DIMENSION))  # in the place of a word that is hidden
        self.gap = nn.Parameter(torch.randn(WIDTH))  # after each sentence
        # What each head adds to its scores by distance; one starts to look near, one everywhere.
        away = torch.arange(-FAR, FAR + 1).abs()
        self.near = nn.Parameter(torch.tensor([[-0.4], [-0.08], [0.0]]) * away)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.last = nn.LayerNorm(WIDTH)

    def forward(
        self,
        words: torch.Tensor,
        gaps: torch.Tensor,
        marks: torch.Tensor,
        inside: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """(rows, places, WIDTH) of words (…, DIMENSION), gaps (rows, places) and marks (…, WIDTH).

        `inside` (rows, places): which places are seen, all if it is not given.
        """
        x = torch.where(gaps[..., None], self.gap, self.enter(words)) + marks
        place = torch.arange(words.shape[1])
        distance = (place[None] - place[:, None]).clamp(-FAR, FAR) + FAR
        near = self.near[:, distance][None]
        if inside is not None:
            near = near.masked_fill(~inside[:, None, None], -1e9)
        for layer in self.layers:
            x = layer(x, near)
        return self.last(x)


# --- Guessing hidden words ---


class Corpus(NamedTuple):
    """Sentences one after another as numbers of words, each followed by 0."""

    numbers: np.ndarray
    vectors: np.ndarray  # (words, DIMENSION), of number 0: zeros


def corpus_of(path: Path, matcher: Matcher, vectors: Vectors) -> Corpus:
    """The sentences of the unlabelled corpus that could state an event, and some others."""
    rng = np.random.default_rng(0)
    number = {"": 0}
    numbers: list[int] = []
    with lzma.open(path, "rt", encoding="utf-8") as sentences:
        for sentence in sentences:
            written = surfaces(sentence)
            if rng.random() < QUIET or any(h.entry.kind in TAGS for h in matcher.hits(written)):
                words = [model_word(shape_of(surface)) for surface in written[:LONGEST]]
                numbers += [number.setdefault(word, len(number)) for word in words]
                numbers.append(0)
    return Corpus(np.array(numbers), table(vectors, number))


def table(vectors: Vectors, number: dict[str, int]) -> np.ndarray:
    """The vectors of numbered words, of number 0 zeros."""
    words = list(number)[1:]
    found = [vectors.of(words[n : n + 20_000]) for n in range(0, len(words), 20_000)]
    return np.concatenate([np.zeros((1, DIMENSION), np.float32), *found])


class Guesser(nn.Module):
    """The body, and what it says of a place: which of some words stands there."""

    def __init__(self, words: int) -> None:
        super().__init__()
        self.body = Body()
        self.out = nn.Linear(WIDTH, DIMENSION)
        self.bias = nn.Embedding(words, 1)
        nn.init.zeros_(self.bias.weight)

    def forward(
        self, words: torch.Tensor, gaps: torch.Tensor, at: torch.Tensor, among: torch.Tensor
    ) -> torch.Tensor:
        """(places, words) scores of the vectors `among` at the places `at`, without the bias."""
        seen = self.body(words, gaps, torch.zeros(())).flatten(0, 1)[at]
        return functional.gelu(self.out(seen)) @ among.T * (2 / math.sqrt(DIMENSION))


def pretrained(corpus: Corpus, seed: int = 0) -> State:
    """The body after BATCHES of guessing."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    vectors = torch.from_numpy(corpus.vectors)
    met = np.bincount(corpus.numbers, minlength=len(vectors))
    known = np.flatnonzero(met >= MET)
    known = known[known > 0]
    rank = np.full(len(vectors), -1)
    rank[known] = np.arange(len(known))
    drawn = met[known] ** 0.75
    drawn /= drawn.sum()
    # A word that is drawn more often is more often wrong: its score is made up for that.
    drawn_log = torch.from_numpy(np.log(-np.expm1(OTHERS * np.log1p(-drawn)) + 1e-9)).float()
    guesser = Guesser(len(known))
    learning = Learning(guesser, [(guesser.parameters(), GUESSING_RATE)], BATCHES, WARM, 0.01)
    for words in lines(corpus.numbers, rng):
        guessed = (rng.random(words.shape) < GUESSED) & (rank[words] >= 0)
        hidden = torch.from_numpy(guessed & (rng.random(words.shape) >= SHOWN))
        right = rank[words[guessed]]
        among = np.unique(np.concatenate([right, rng.choice(len(known), OTHERS, p=drawn)]))
        chosen = torch.from_numpy(among)
        shown = torch.where(
            hidden[..., None], guesser.body.hidden, vectors[torch.from_numpy(words)]
        )
        at = torch.from_numpy(np.flatnonzero(guessed))
        scores = guesser(shown, torch.from_numpy(words == 0), at, vectors[known[among]])
        scores = scores + guesser.bias(chosen)[:, 0] - drawn_log[chosen]
        right = torch.from_numpy(np.searchsorted(among, right))
        if learning.step(functional.cross_entropy(scores, right)):
            break
    return guesser.body.state_dict()


def lines(numbers: np.ndarray, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """(LINES, LINE) words of whole sentences, in a new order each time, without end."""
    ends = np.flatnonzero(numbers == 0) + 1
    starts = np.concatenate([[0], ends[:-1]])
    while True:
        rest: list[np.ndarray] = []
        size = 0
        for n in rng.permutation(len(starts)):
            rest.append(numbers[starts[n] : ends[n]])
            size += len(rest[-1])
            if size >= LINES * LINE:
                words = np.concatenate(rest)
                yield words[: LINES * LINE].reshape(LINES, LINE)
                rest = [words[LINES * LINE :]]
                size = len(rest[0])


class Learning:
    """AdamW over a number of steps: a warm start, then a cosine down to nearly nothing."""

    def __init__(
        self,
        model: nn.Module,
        rates: Sequence[tuple[Iterator[nn.Parameter], float]],
        steps: int,
        warm: int,
        decay: float,
    ) -> None:
        self._model, self._steps, self._warm = model, steps, warm
        groups = [{"params": list(own), "lr": rate, "rate": rate} for own, rate in rates]
        self._optimizer = torch.optim.AdamW(groups, weight_decay=decay)
        self._started, self._done, self._mean = time.monotonic(), 0, 0.0

    def step(self, loss: torch.Tensor) -> bool:
        """One step down the gradient of `loss`; whether it was the last."""
        along = 0.5 * (1 + math.cos(math.pi * self._done / self._steps))
        for group in self._optimizer.param_groups:
            group["lr"] = group["rate"] * min(1, (self._done + 1) / self._warm) * max(0.02, along)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self._model.parameters(), CLIPPED)
        self._optimizer.step()
        self._done += 1
        self._mean += (loss.item() - self._mean) / min(self._done, 200)
        if self._done % 500 == 0 or self._done == self._steps:
            took = time.monotonic() - self._started
            print(f"  {self._done} of {self._steps}: {self._mean:.3f}, {took:.0f} s", flush=True)
        return self._done == self._steps


# --- Learning from labels ---


@dataclass(frozen=True, slots=True)
class Inputs:
    """Sentences as numbers; word number 0 is no word."""

    vectors: torch.Tensor  # (words, DIMENSION) as a Verifier sees them, of number 0: zeros
    words: list[np.ndarray]  # of each sentence
    marks: list[np.ndarray]  # of each sentence: (marks, 2) of token and mark number
    mark_count: int
    place: np.ndarray  # (sentences, what v.placed says)
    asked: np.ndarray  # (sentences,) whether the tagger would ask of it


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows of documents side by side."""

    rows: np.ndarray  # of the data: those that are answered
    words: np.ndarray  # (windows, places) numbers, 0 in gaps and after the end
    inside: np.ndarray  # (windows, places)
    marked: np.ndarray  # the place of each mark, windows one after another …
    marks: np.ndarray  # … and its number
    tokens: np.ndarray  # (rows, longest) places of each row's tokens, 0 after the last
    present: np.ndarray  # (rows, longest)


class Answers(NamedTuple):
    """What the reader says of rows, before it is made probabilities."""

    presence: torch.Tensor
    heads: dict[str, torch.Tensor]
    roles: torch.Tensor  # (rows, tokens, ROLES, 3)


class Reader(nn.Module):
    """The body, and on it all that a Verifier says."""

    def __init__(self, marks: int, place: int) -> None:
        super().__init__()
        self.body = Body()
        self.marks = nn.Embedding(marks, WIDTH)
        nn.init.normal_(self.marks.weight, std=0.02)
        self.query = nn.Linear(WIDTH, QUERIES, bias=False)
        self.hidden = nn.Linear((QUERIES + 1) * WIDTH + place, 2 * HIDDEN)
        self.presence = nn.Linear(HIDDEN, len(v.PRESENCE))
        nn.init.constant_(self.presence.bias, -1.5)
        self.heads = nn.ModuleDict({n: nn.Linear(HIDDEN, len(labels)) for n, labels in v.HEADS})
        self.token = nn.Linear(WIDTH, TOKEN)
        self.sentence = nn.Linear(2 * HIDDEN, TOKEN, bias=False)
        self.roles = nn.Linear(TOKEN, 3 * len(v.ROLES))

    def forward(self, given: Inputs, b: Batch) -> Answers:
        """Mirrors Verifier._look and Verdict.role_shares."""
        words = given.vectors[torch.from_numpy(b.words)]
        marks = torch.zeros(b.words.size, WIDTH)
        marks = marks.index_add(
            0, torch.from_numpy(b.marked), self.marks(torch.from_numpy(b.marks))
        )
        marks = marks.view(*b.words.shape, WIDTH)
        if self.training:
            kept = torch.rand(2, *b.words.shape, 1) >= DROPPED_WORDS
            words, marks = torch.where(kept[0], words, self.body.hidden), marks * kept[1]
        gaps = torch.from_numpy(b.words == 0)
        seen = self.body(words, gaps, marks, torch.from_numpy(b.inside))
        seen = seen.flatten(0, 1)[torch.from_numpy(b.tokens)]
        absent = ~torch.from_numpy(b.present)[..., None]
        share = self.query(seen).masked_fill(absent, -1e9).softmax(1)
        means = torch.einsum("rtq,rtw->rqw", share, seen).flatten(1)
        highest = seen.masked_fill(absent, -1e9).amax(1)
        read = torch.cat([means, highest, torch.from_numpy(given.place[b.rows])], 1)
        hidden = self._dropped(torch.relu(self.hidden(self._dropped(read))))
        token = torch.relu(self.token(seen) + self.sentence(hidden)[:, None])
        return Answers(
            self.presence(hidden[:, :HIDDEN]),
            {name: head(hidden[:, HIDDEN:]) for name, head in self.heads.items()},
            self.roles(token).unflatten(2, (len(v.ROLES), 3)),
        )

    def _dropped(self, x: torch.Tensor) -> torch.Tensor:
        return functional.dropout(x, DROPPED_HIDDEN, self.training)


def mark_names(data: Sentences) -> list[str]:
    """The marks worth learning, in order."""
    met = Counter(name for marks in data.marks for _, name in marks)
    return sorted(name for name, n in met.items() if n >= RARE_MARK)


def inputs(data: Sentences, vectors: Vectors, names: list[str]) -> Inputs:
    """What the reader sees of sentences; `names` are the marks it knows."""
    number = {"": 0}
    words = [
        np.array([number.setdefault(word, len(number)) for word in own], np.intp)
        for own in data.words
    ]
    mark = {name: i for i, name in enumerate(names)}
    marks = [
        np.array([(t, mark[name]) for t, name in own if name in mark], np.intp).reshape(-1, 2)
        for own in data.marks
    ]
    starts = np.searchsorted(data.document, np.unique(data.document)).tolist()
    place = [
        v.placed(range(stop - start), data.counted[start:stop])
        for start, stop in zip(starts, (*starts[1:], len(words)), strict=True)
    ]
    vectors_of = torch.from_numpy(table(vectors, number))
    return Inputs(vectors_of, words, marks, len(names), np.concatenate(place), data.asked)


def taught(
    data: Sentences,
    given: Inputs,
    documents: np.ndarray,
    body: State,
    *,
    seed: int,
    once: np.ndarray,
) -> Reader:
    """A reader that has learnt some documents, from a pretrained body on.

    `documents` are read in every pass, those of `once` in one of them.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    reader = Reader(given.mark_count, given.place.shape[1])
    reader.body.load_state_dict(body)
    passes = [
        list(batches(data, given, np.concatenate([documents, some]), rng))
        for some in np.array_split(rng.permutation(once), PASSES)
    ]
    steps = sum(map(len, passes))
    new = (own for name, own in reader.named_parameters() if not name.startswith("body."))
    rates = [(reader.body.parameters(), RATE), (new, 2 * RATE)]
    learning = Learning(reader, rates, steps, steps // 12, DECAY)
    reader.train()
    for batch in (batch for own in passes for batch in own):
        learning.step(lost(reader(given, batch), data, batch.rows))
    return reader.eval()


def lost(said: Answers, data: Sentences, rows: np.ndarray) -> torch.Tensor:
    """The loss of a batch: presence, heads where they are known, and roles."""
    weight = torch.from_numpy(data.weight[rows])[:, None]
    true = torch.from_numpy(data.presence[rows])
    total = (
        functional.binary_cross_entropy_with_logits(said.presence, true, reduction="none") * weight
    ).sum()
    for name, logits in said.heads.items():
        true = torch.from_numpy(data.heads[name][rows])
        total = total - (true * logits.log_softmax(-1) * weight).sum()
    roles = torch.from_numpy(data.roles[rows, : said.roles.shape[1]].astype(np.int64))
    by_token = functional.cross_entropy(
        said.roles.flatten(0, 2), roles.flatten(), ignore_index=-1, reduction="sum"
    )
    return (total + ROLE_WEIGHT * by_token) / ROWS


def batches(
    data: Sentences, given: Inputs, documents: np.ndarray, rng: np.random.Generator
) -> Iterator[Batch]:
    """All windows of the documents in a new order, those of like length together."""
    first = np.searchsorted(data.document, documents)
    last = np.searchsorted(data.document, documents, side="right")
    found: list[tuple[int, v.Window]] = []
    for start, stop in zip(first.tolist(), last.tolist(), strict=True):
        kept = given.asked[start:stop] | (rng.random() >= NARROWED)
        wanted = np.flatnonzero(kept).tolist()
        size = [len(given.words[row]) for row in range(start, stop)]
        for window in v.windows(wanted, size.__getitem__):
            places = sum(size[k] + 1 for k in window.rows)
            rows = v.Window([start + k for k in window.rows], [start + k for k in window.own])
            found.append((places, rows))
    about = np.array([places for places, _ in found]) + rng.random(len(found)) * 30
    packs: list[list[v.Window]] = [[]]
    longest = 0
    for n in about.argsort(kind="stable"):
        places, window = found[n]
        longest = max(longest, places)
        if packs[-1] and longest * (len(packs[-1]) + 1) > WORDS:
            packs.append([])
            longest = places
        packs[-1].append(window)
    for n in rng.permutation(len(packs)):
        yield batch_of(given, packs[n])


def batch_of(given: Inputs, windows: Sequence[v.Window]) -> Batch:
    """Windows as numbers."""
    places = max(sum(len(given.words[row]) + 1 for row in w.rows) for w in windows)
    words = np.zeros((len(windows), places), np.intp)
    inside = np.zeros(words.shape, bool)
    rows, spans, marked, marks = [], [], [], []
    for n, window in enumerate(windows):
        at = 0
        for row in window.rows:
            own = given.words[row]
            words[n, at : at + len(own)] = own
            start = n * places + at
            marked.append(given.marks[row][:, 0] + start)
            marks.append(given.marks[row][:, 1])
            if row in window.own:
                rows.append(row)
                spans.append((start, len(own)))
            at += len(own) + 1
        inside[n, :at] = True
    tokens = np.zeros((len(rows), max(size for _, size in spans)), np.intp)
    present = np.zeros(tokens.shape, bool)
    for n, (start, size) in enumerate(spans):
        tokens[n, :size] = np.arange(start, start + size)
        present[n, :size] = True
    return Batch(
        np.array(rows),
        words,
        inside,
        np.concatenate(marked),
        np.concatenate(marks),
        tokens,
        present,
    )


# --- What the tagger runs ---


def exported(reader: Reader) -> dict[str, np.ndarray]:
    """The parts of a Verifier's file that the reader makes: its body as ONNX with int8 weights.

    On train the int8 body and the one that learnt differ by 2 % of what they say of a word.
    """
    words, gaps = torch.zeros(1, 8, DIMENSION), torch.zeros(1, 8, dtype=torch.bool)
    names = ("words", "gaps", "marks")
    with tempfile.TemporaryDirectory() as folder:
        whole, small = Path(folder, "whole.onnx"), Path(folder, "small.onnx")
        torch.onnx.export(
            reader.body, (words, gaps, torch.zeros(1, 8, WIDTH)), whole,
            input_names=names, output_names=("seen",), opset_version=17, dynamo=False,
            dynamic_axes={name: {1: "places"} for name in (*names, "seen")},
        )  # fmt: skip
        quantize_dynamic(whole, small, weight_type=QuantType.QInt8)
        body = small.read_bytes()
    state = {name: value.detach().numpy() for name, value in reader.state_dict().items()}
    dense = {"hidden": "hidden", "presence": "presence", "token": "token", "roles": "roles"}
    dense |= {name: f"heads.{name}" for name, _ in v.HEADS}
    parts = {name: state[f"{own}.weight"].T for name, own in dense.items()}
    parts |= {f"{name}_bias": state[f"{own}.bias"] for name, own in dense.items()}
    return parts | {
        "reader": np.frombuffer(body, np.uint8),
        "marks": state["marks.weight"],
        "query": state["query.weight"].T,
        "sentence": state["sentence.weight"].T,
    }
