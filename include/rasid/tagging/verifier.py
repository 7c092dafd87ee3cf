"""A small trained model that reads a sentence in its document, beside the rules.

What it is: word and subword vectors trained on Arabic news; convolutions of several widths over
them with the maximum over the sentence; the same, smaller, over the title, the sentence before and
the rest of the document; and hashed word and character n-grams with linear weights. A calibrated
logistic layer joins the parts. Only numpy runs it. How it was trained and what it reaches:
include/models/MODEL_CARD.md.
"""

from __future__ import annotations

import json
import zlib

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from numpy.typing import NDArray

from rasid.arabic import Token, tokenize
from rasid.errors import ConfigError
from rasid.settings import INCLUDE


MODEL: Final = INCLUDE / "models" / "verifier.npz"
FORMAT: Final = 1
LONGEST: Final = 64  # tokens read of a sentence: 2 % of news sentences have more
LONGEST_CHARACTERS: Final = 4_000  # read of a sentence before it is folded: keeps time linear
NEIGHBOURS: Final = 3  # sentences on each side that the context's mean takes in
BATCH: Final = 256  # sentences whose activations are in memory together (about 60 MB)
MEMO: Final = 40_000  # words remembered, then forgotten all at once: at most 25 MB
CONTEXT_WEIGHT: Final = 0.5  # of the title's and the earlier sentence's n-grams beside its own

CLASSES: Final = (
    "militia",
    "pro_state_militia",
    "unattributed_armed",
    "state",
    "individual_criminal",
    "unknown",
)
KINDS: Final = (
    "deploy",
    "reinforce",
    "transit_convoy",
    "border_cross_incursion",
    "advance",
    "withdraw",
    "redeploy_reposition",
    "rotate",
    "mass_buildup",
    "mobilise_alert",
    "base_establish",
    "base_evacuate",
    "handover",
    "fighters_relocated",
)
MODALITIES: Final = (
    "factual",
    "foiled",
    "threatened_planned",
    "demanded",
    "denied",
    "historical_background",
)
PRESENCE: Final = ("attack", "militia", "movement")
#: Softmax heads of the network: name in the file, prefix of the output columns, labels.
HEADS: Final = (
    ("class", "class", CLASSES),
    ("kind", "kind", KINDS),
    ("attack_modality", "attack_modality", MODALITIES),
    ("movement_modality", "movement_modality", MODALITIES),
)
_HEAD_NAMES: Final = tuple(name for name, _, _ in HEADS)

Floats = NDArray[np.float32]

_QUOTES = {**dict.fromkeys("“”«»„", '"'), **dict.fromkeys("‘’", "'"), "–": "-", "—": "-", "…": "."}


def words_of(sentence: str) -> list[str]:
    """The folded words the model reads: every digit as 0, at most LONGEST of them."""
    return [model_word(token) for token in tokenize(sentence[:LONGEST_CHARACTERS])[:LONGEST]]


def model_word(token: Token) -> str:
    """A token as the model knows it."""
    folded = token.shape.folded
    if token.shape.kind == "number":
        return "0" * min(4, sum(map(str.isdigit, folded)))
    return folded.lower() if token.shape.kind == "latin" else _QUOTES.get(folded, folded)


def hashed(text: str, size: int) -> int:
    """The row of a string in a hashed table of `size` (a power of two) rows."""
    return zlib.crc32(text.encode("utf-8", "surrogatepass")) & (size - 1)


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


def pair_rows(words: Sequence[str], gap: int, size: int) -> list[int]:
    """Rows of word pairs: neighbours (gap 0), or with one word between them (gap 1)."""
    pairs = zip(words, words[1 + gap :], strict=False)
    return [hashed(first + " " * (1 + gap) + second, size) for first, second in pairs]


def sigmoid(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -30, 30))), np.float32)


def softmax(x: Floats) -> Floats:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True), np.float32)


def outputs() -> tuple[str, ...]:
    """Names of the columns of `Verifier.score`."""
    return (
        *PRESENCE,
        "factual_attack",
        "factual_movement",
        *(f"{prefix}:{label}" for _, prefix, labels in HEADS for label in labels),
    )


@dataclass(slots=True)
class Verifier:
    """The trained model. One per process; not for concurrent threads (it keeps a memo of words)."""

    version: str
    stored: dict[str, NDArray[Any]]
    widths: tuple[int, ...]
    rows: dict[str, int]
    memo: _Memo = field(init=False)

    def __post_init__(self) -> None:
        self.memo = _Memo(self)

    outputs = outputs()

    @classmethod
    def load(cls, path: Path = MODEL) -> Verifier:
        """Read the model file (0.2 s). ConfigError when it is missing or of another format."""
        try:
            with np.load(path, allow_pickle=False) as file:
                stored = {name: file[name] for name in file.files}
            about = json.loads(bytes(stored.pop("about")).decode())
        except (OSError, ValueError, KeyError) as error:
            raise ConfigError(
                f"{path} is not a verifier model ({error}); run `make model`"
            ) from error
        if about["format"] != FORMAT:
            raise ConfigError(
                f"{path} has format {about['format']}, this code reads {FORMAT}; run `make model`"
            )
        words = bytes(stored.pop("words")).decode().split("\n")
        for name, value in stored.items():
            if value.dtype == np.float16:
                stored[name] = value.astype(np.float32)
        return cls(
            version=about["version"],
            stored=stored,
            widths=tuple(about["widths"]),
            rows={word: i for i, word in enumerate(words)},
        )

    def score(self, sentences: Sequence[str], title: str = "") -> Floats:
        """Calibrated probabilities of the sentences of one document, given in order.

        Shape (sentences, outputs). `attack`, `militia`, `movement`: the sentence states one.
        The rest is conditional on presence: `factual_attack` = the attack is factual, given that
        there is one; `class:*`, `kind:*`, `*_modality:*` are distributions that add up to 1.
        `title` may also be the first sentence; an empty one means that there is none.
        """
        return self.score_documents([(title, sentences)])[0]

    def score_documents(self, documents: Sequence[tuple[str, Sequence[str]]]) -> list[Floats]:
        """As `score`, for several (title, sentences) at once, which is faster than one by one."""
        # A very long document is read in pieces, each under the title.
        pieces = [
            (i, title, sentences[at : at + BATCH])
            for i, (title, sentences) in enumerate(documents)
            for at in range(0, max(1, len(sentences)), BATCH)
        ]
        scored: list[list[Floats]] = [[] for _ in documents]
        batch: list[tuple[int, str, Sequence[str]]] = []
        size = 0
        for piece in [*pieces, None]:
            if batch and (piece is None or size + len(piece[2]) > BATCH):
                for (i, _, _), result in zip(batch, self._score(batch), strict=True):
                    scored[i].append(result)
                batch, size = [], 0
            if piece is not None:
                batch.append(piece)
                size += len(piece[2])
        return [np.concatenate(results) for results in scored]

    def _score(self, documents: Sequence[tuple[int, str, Sequence[str]]]) -> list[Floats]:
        """One batch: every sentence is encoded once and serves its neighbours as context."""
        rows = Rows()
        for _, title, sentences in documents:
            rows.add(words_of(title), [words_of(sentence) for sentence in sentences])
        if not rows.words:
            return [np.zeros((0, len(self.outputs)), np.float32) for _ in documents]
        result = self.joined(self.evidence(rows))
        return [result[own] for own in rows.documents]

    def evidence(self, rows: Rows) -> dict[str, Floats]:
        """What the parts say of every row, before it is joined: logits, and the heads' shares."""
        net = self._network(rows)
        return {
            "presence": net["presence"].mean(axis=0),
            "linear": self._linear(rows),
            **{name: softmax(net[name]).mean(axis=0) for name in _HEAD_NAMES},
        }

    def joinable(self, evidence: dict[str, Floats]) -> Floats:
        """What the joining layer reads: all logits, and the logarithms of the class shares."""
        return np.concatenate(
            [evidence["presence"], evidence["linear"], np.log(evidence["class"] + 1e-4)], axis=1
        )

    def joined(self, evidence: dict[str, Floats]) -> Floats:
        """The calibrated columns of `score` from the evidence."""
        joinable = self.joinable(evidence)
        presence = sigmoid(joinable @ self.stored["join"] + self.stored["join_bias"])
        heads = {}
        for name in _HEAD_NAMES:
            # One exponent a head spreads or sharpens its distribution (temperature scaling).
            powered = evidence[name] ** self.stored[f"{name}_exponent"]
            heads[name] = powered / powered.sum(axis=1, keepdims=True)
        factual = [heads["attack_modality"][:, :1], heads["movement_modality"][:, :1]]
        return np.concatenate(
            [presence, *factual, *(heads[name] for name in _HEAD_NAMES)], axis=1, dtype=np.float32
        )

    def _network(self, rows: Rows) -> dict[str, Floats]:
        """Logits of every network for every row: head → (networks, rows, outputs)."""
        s = self.stored
        numbers, lengths = self.memo.numbers(rows.words)
        gap = max(self.widths)  # rows of zeros between sentences
        starts = gap + np.concatenate([[0], np.cumsum(lengths[:-1] + gap)]).astype(np.intp)
        flat = np.zeros(
            (int(starts[-1] + lengths[-1]) + gap, self.memo.vectors.shape[1]), np.float32
        )
        within = np.arange(len(numbers)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        flat[np.repeat(starts, lengths) + within] = self.memo.vectors[numbers]
        edges = np.stack([starts, starts + lengths], axis=1).ravel()
        nets = s["hidden"].shape[0]

        def pooled(weights: Floats, bias: Floats, width: int) -> Floats:
            """The maximum over each sentence of a convolution: (networks, rows, filters)."""
            left = (width - 1) // 2
            size = len(flat) - width + 1
            windows = np.concatenate([flat[i : i + size] for i in range(width)], axis=1)
            over_time = windows @ weights + bias
            # Window i covers tokens i … i+width-1 and belongs to token i+left.
            highest = np.maximum.reduceat(over_time, edges - left, axis=0)[::2]
            return np.maximum(highest, 0).reshape(len(starts), nets, -1).swapaxes(0, 1)

        own = [pooled(s[f"conv{w}"], s[f"conv{w}_bias"], w) for w in self.widths]
        around = np.concatenate(
            [pooled(s[f"context{w}"], s[f"context{w}_bias"], w) for w in (1, 2)], axis=2
        )
        nothing = np.zeros((nets, 1, around.shape[2]), np.float32)
        around = np.concatenate([around, nothing], axis=1)
        position = np.broadcast_to(rows.position(), (nets, len(starts), 2))
        seen = [
            *own,
            around[:, rows.title],
            around[:, rows.before],
            rows.others() @ around[:, :-1],
            position,
        ]
        hidden = np.maximum(np.concatenate(seen, axis=2) @ s["hidden"] + s["hidden_bias"], 0)
        return {head: hidden @ s[head] + s[f"{head}_bias"] for head in ("presence", *_HEAD_NAMES)}

    def _linear(self, rows: Rows) -> Floats:
        """Logits of the linear part: (rows, presence)."""
        linear = self.stored["linear"]
        numbers, lengths = self.memo.numbers(rows.words)
        starts = np.cumsum(lengths) - lengths
        sentence = np.repeat(np.arange(len(lengths)), lengths)
        real = numbers > 0
        shares = self.memo.shares[numbers]
        own, count = shares[:, 0:3].copy(), shares[:, 3].copy()
        flat = [word for words in rows.words for word in words or ("",)]
        for gap in (0, 1):
            n = max(0, len(numbers) - gap - 1)
            both = (sentence[:n] == sentence[len(numbers) - n :]) & real[:n]
            own[:n] += linear[pair_rows(flat, gap, len(linear))] * both[:, None]
            count[:n] += both
        sums = np.add.reduceat(own, starts, axis=0)
        total = np.add.reduceat(count, starts)
        result = sums / np.sqrt(np.maximum(1, total))[:, None]
        # Two context grams a word.
        words = np.sqrt(np.maximum(1, 2 * np.add.reduceat(real, starts, dtype=np.float32)))[:, None]
        for columns, other in ((slice(4, 7), rows.title), (slice(7, 10), rows.before)):
            around = np.add.reduceat(shares[:, columns], starts, axis=0) / words
            around = np.concatenate([around, np.zeros((1, 3), np.float32)])
            result += CONTEXT_WEIGHT * around[other]
        return np.asarray(
            result * self.stored["linear_scale"] + self.stored["linear_bias"], np.float32
        )

    def vector(self, word: str) -> Floats:
        """The vector of a word, known or made of its subwords: about unit variance."""
        row = self.rows.get(word)
        if row is not None:
            return np.asarray(self.stored["vectors"][row] * self.stored["vector_scale"], np.float32)
        buckets = self.stored["buckets"]
        at = [hashed(gram, len(buckets)) for gram in subwords(word)]
        vector = buckets[at].sum(axis=0, dtype=np.float32)
        scale = np.sqrt(len(vector)) / max(1e-6, float(np.linalg.norm(vector)))
        return np.asarray(vector * scale, np.float32)


class _Memo:
    """Words met lately: number → vector, and shares of the linear part's sums.

    Number 0 is no word. Full, it is emptied before the next batch.
    """

    def __init__(self, model: Verifier) -> None:
        self._model = model
        self._number: dict[str, int] = {}
        # Unused rows cost no memory: the system hands out pages when they are written.
        self.vectors = np.zeros((MEMO, model.stored["vectors"].shape[1]), np.float32)
        self.shares = np.zeros((MEMO, 10), np.float32)  # own 3, their count, title 3, before 3

    def numbers(self, sentences: Sequence[Sequence[str]]) -> tuple[NDArray[Any], NDArray[Any]]:
        """The words' numbers, one sentence after another, and the sentences' lengths."""
        lengths = np.array([max(1, len(words)) for words in sentences])
        if len(self._number) + lengths.sum() >= MEMO:
            self._number.clear()
        known = self._number
        numbers = []
        for words in sentences:
            for word in words:
                number = known.get(word)
                numbers.append(self._learn(word) if number is None else number)
            if not words:
                numbers.append(0)
        return np.array(numbers), lengths

    def _learn(self, word: str) -> int:
        number = self._number[word] = len(self._number) + 1
        linear = self._model.stored["linear"]

        def summed(grams: Sequence[str]) -> Any:
            return linear[[hashed(g, len(linear)) for g in grams]].sum(axis=0, dtype=np.int64)

        grams = word_grams(word)
        self.vectors[number] = self._model.vector(word)
        self.shares[number, 0:3] = summed(grams)
        self.shares[number, 3] = len(grams)
        self.shares[number, 4:7] = summed(context_grams(word, "T"))
        self.shares[number, 7:10] = summed(context_grams(word, "P"))
        return number


class Rows:
    """The sentences of a batch of documents, one after another, and how they neighbour."""

    def __init__(self) -> None:
        self.words: list[list[str]] = []
        self.documents: list[slice] = []
        self.spans: list[tuple[int, int]] = []  # of each row's document, the title's row included
        self._title: list[int] = []
        self._before: list[int] = []

    def add(self, heading: list[str], sentences: list[list[str]]) -> None:
        """One document as words; the heading may also be the first sentence, or empty for none."""
        first = len(self.words)
        words = sentences
        if heading and (not words or words[0] != heading):
            words = [heading, *words]
        last = first + len(words)
        own = slice(last - len(sentences), last)
        self.documents.append(own)
        self.words += words
        self._title += [-1 if not heading or i == first else first for i in range(first, last)]
        after = first + (1 if heading else 0)
        self._before += [i - 1 if i > after else -1 for i in range(first, last)]
        self.spans += [(first, last)] * len(words)

    @property
    def title(self) -> NDArray[np.intp]:
        """The row of the title; one past the last row when there is none or this is it."""
        return self._or_none(self._title)

    @property
    def before(self) -> NDArray[np.intp]:
        """The row of the sentence before, the title not counted; one past the last when none."""
        return self._or_none(self._before)

    def _or_none(self, rows: list[int]) -> NDArray[np.intp]:
        at = np.array(rows, np.intp)
        return np.where(at < 0, len(at), at)

    def others(self) -> Floats:
        """Each row's mean over the NEIGHBOURS rows before and after it and its title."""
        mean = np.zeros((len(self.words), len(self.words)), np.float32)
        for i, (first, last) in enumerate(self.spans):
            mean[i, max(first, i - NEIGHBOURS) : min(last, i + NEIGHBOURS + 1)] = 1
            if self._title[i] >= 0:
                mean[i, self._title[i]] = 1
            mean[i, i] = 0
        return np.asarray(mean / np.maximum(1, mean.sum(axis=1, keepdims=True)), np.float32)

    def position(self) -> Floats:
        """Two flags: the row is its document's first; it is the only one."""
        return np.array(
            [(i == first, last - first == 1) for i, (first, last) in enumerate(self.spans)],
            np.float32,
        )
