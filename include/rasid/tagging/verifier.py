"""A small trained model that reads the sentences of a document, beside the rules.

What it is: hashed word and character n-grams with linear weights, which rule most sentences out;
and a reader of those that are left: a small transformer over word and subword vectors trained on
Arabic news and over the marks that the lexicon leaves on a sentence, which sees the title and the
sentences of one document together. From its words come presence, heads and the spans of roles. A
calibrated logistic layer joins both parts. onnxruntime runs the transformer, numpy all else. How it
was trained and what it reaches: include/models/MODEL_CARD.md.
"""

from __future__ import annotations

import json

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import onnxruntime

from numpy.typing import NDArray

from rasid.arabic import Token
from rasid.errors import ConfigError
from rasid.settings import INCLUDE
from rasid.tagging.lexicon import ATTACKER_CLASSES, MODALITIES, MOVEMENT_KINDS
from rasid.tagging.marks import counted, hit_marks, other_marks
from rasid.tagging.sentence import Sentence
from rasid.tagging.vocabulary import LONGEST, WORDS, Floats, Vocabulary, model_word


MODEL: Final = INCLUDE / "models" / "verifier.npz"
FORMAT: Final = 4
CONTEXT_WEIGHT: Final = 0.5  # of the title's and the earlier sentence's n-grams beside its own
WINDOW: Final = 256  # words and gaps of a document that the reader sees together

PRESENCE: Final = ("attack", "militia", "movement")
#: Softmax heads of the reader: name in the file and prefix of the outputs, labels.
HEADS: Final = (
    ("class", ATTACKER_CLASSES),
    ("kind", MOVEMENT_KINDS),
    ("attack_modality", MODALITIES),
    ("movement_modality", MODALITIES),
)
ROLES: Final = ("attackers", "targets", "weapons", "movers", "from", "to", "places")
OUTPUTS: Final = (
    *PRESENCE,
    "factual_attack",
    "factual_movement",
    *(f"{name}:{label}" for name, labels in HEADS for label in labels),
)


class RoleSpan(NamedTuple):
    """The tokens `i:j` of a sentence that name a role, and how sure the model is of the first."""

    i: int
    j: int
    probability: float


def words_of(tokens: Sequence[Token]) -> list[str]:
    """The words the model reads of a sentence: at most LONGEST of them."""
    return [model_word(token.shape) for token in tokens[:LONGEST]]


def pair_rows(hashes: NDArray[np.uint32], gap: int, size: int) -> NDArray[np.uint32]:
    """Rows of word pairs: neighbours (gap 0), or with one word between them (gap 1)."""
    first, second = hashes[: max(0, len(hashes) - 1 - gap)], hashes[1 + gap :]
    mixed = first * np.uint32(0x9E3779B1) + second * np.uint32(0x85EBCA77) + np.uint32(gap)
    return (mixed ^ (mixed >> np.uint32(15))) & np.uint32(size - 1)


def sigmoid(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -30, 30))), np.float32)


def softmax(x: Floats) -> Floats:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    e /= e.sum(axis=-1, keepdims=True)
    return np.asarray(e, np.float32)


class Window(NamedTuple):
    """Sentences of one document that the reader sees together."""

    rows: list[int]  # in order: the title, at times the sentence before, those that are answered
    own: list[int]  # those that are answered


def windows(wanted: Iterable[int], words: Callable[[int], int]) -> Iterator[Window]:
    """The wanted sentences of a document in windows of at most WINDOW words and gaps.

    `words` tells how many words of a sentence are read. Each window starts with the title, and from
    the second on with the wanted sentence before.
    """
    rows: list[int] = [0]
    own: list[int] = []
    size = words(0) + 1
    for k in wanted:
        more = words(k) + 1 if k else 0
        if own and size + more > WINDOW:
            yield Window(rows, own)
            rows = list(dict.fromkeys((0, own[-1])))
            size = sum(words(row) + 1 for row in rows)
            if size + more > WINDOW:
                rows, size = [0], words(0) + 1
            own = []
        if k:
            rows.append(k)
        own.append(k)
        size += more
    if own:
        yield Window(rows, own)


def placed(rows: Sequence[int], counts: Floats) -> Floats:
    """What the place of sentences in their document says, from all sentences' counts (…, COUNTED).

    Two flags: it is the title; it is alone. Logarithms of the counts of the title, of its own, and
    of the mean over the rest.
    """
    own = counts[rows]
    later = np.array(rows)[:, None] > 0
    title = counts[0] * later
    rest = (counts.sum(axis=0) - own - title) / np.maximum(1, len(counts) - 1 - later)
    flags = np.concatenate([~later, np.full_like(later, len(counts) == 1)], axis=1)
    logarithms = np.log1p(np.concatenate([title, own, rest], axis=1))
    return np.concatenate([flags, logarithms], axis=1, dtype=np.float32)


@dataclass(slots=True)
class Verifier:
    """The trained model. One per tagger; not for concurrent threads (it keeps a memo of words)."""

    version: str
    stored: dict[str, NDArray[Any]]
    rows: dict[str, int]  # of each frequent word: its vector's row
    mark_numbers: dict[str, int]
    _words: Vocabulary = field(init=False)
    _reader: onnxruntime.InferenceSession = field(init=False)
    _hit_marks: dict[tuple[str, str, str, bool, str], tuple[int, ...]] = field(init=False)

    def __post_init__(self) -> None:
        self._words = Vocabulary(self.rows, self.stored)
        options = onnxruntime.SessionOptions()
        # A process tags on one core; the others have processes of their own.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._reader = onnxruntime.InferenceSession(
            self.stored["reader"].tobytes(), options, providers=["CPUExecutionProvider"]
        )
        self._hit_marks = {}

    @classmethod
    def load(cls, path: Path = MODEL) -> Verifier:
        """Read the model file (0.1 s). ConfigError when it is missing or of another format."""
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
        return cls(
            version=about["version"],
            rows={word: i for i, word in enumerate(words)},
            mark_numbers={name: i for i, name in enumerate(about["marks"])},
            stored={
                name: value.astype(np.float32) if value.dtype == np.float16 else value
                for name, value in stored.items()
            },
        )

    def read(
        self, sentences: Sequence[Sentence], wanted: Sequence[int], *, plausible: bool = False
    ) -> Verdict:
        """What the model says of the sentences `wanted` of a document; its first is the title.

        With `plausible` the linear part is asked first, which costs little: where its logits of all
        of PRESENCE are lower than the file's `least`, the reader does not read on, and the verdict
        says nothing.
        What is wanted is read together: with other sentences beside it, one may read otherwise.
        """
        # Read part by part: the words of one may be forgotten before the next.
        least = self.stored["least"] if plausible else np.full(len(PRESENCE), -np.inf)
        return Verdict(self, self._read(sentences, wanted, least))

    def _read(
        self, sentences: Sequence[Sentence], wanted: Sequence[int], least: Floats
    ) -> Iterator[Part]:
        counts: Floats | None = None
        for part in _parts(sentences, wanted):
            numbers = self._numbers(sentences, part)
            linear = dict(zip(part, self._linear(numbers, part), strict=True))
            kept = [k for k in part if (linear[k] >= least).any()]
            if not kept:
                continue
            if counts is None:
                counts = np.array([counted(s) for s in sentences], np.float32)
            for window in windows(kept, lambda k: len(numbers[k])):  # noqa: B023 - used at once
                seen, bounds = self._seen(sentences, window, numbers)
                yield self._answered(window, seen, bounds, placed(window.own, counts), linear)

    def _numbers(
        self, sentences: Sequence[Sentence], wanted: Sequence[int]
    ) -> dict[int, list[int]]:
        """The numbers of the words of the wanted sentences, their title and those before."""
        read = _with_before(wanted)
        if not self._words.has_room(_words(sentences, read)):
            self._words.forget()
        numbers = self._words.numbers(sentences[k].surfaces for k in read)
        return dict(zip(read, numbers, strict=True))

    def _seen(
        self, sentences: Sequence[Sentence], window: Window, numbers: Mapping[int, list[int]]
    ) -> tuple[Floats, dict[int, tuple[int, int]]]:
        """What the reader makes of each word and gap of a window, and where sentences stand."""
        words: list[int] = []
        bounds = {}
        marked: list[tuple[int, int]] = []
        for k in window.rows:
            start = len(words)
            bounds[k] = (start, start + len(numbers[k]))
            marked += [(start + token, mark) for token, mark in sorted(self.marks_of(sentences[k]))]
            words += numbers[k]
            words.append(0)
        marks = np.zeros((len(words), self.stored["marks"].shape[1]), np.float32)
        if marked:
            at, mark = np.array(marked).T
            first = np.flatnonzero(np.diff(at, prepend=-1))
            marks[at[first]] = np.add.reduceat(self.stored["marks"][mark], first, axis=0)
        at = np.array(words)
        given = {"words": self._words.vectors(at), "gaps": at == 0, "marks": marks}
        (seen,) = self._reader.run(None, {name: value[None] for name, value in given.items()})
        return seen[0], bounds

    def _answered(
        self,
        window: Window,
        seen: Floats,
        bounds: Mapping[int, tuple[int, int]],
        place: Floats,
        linear: Mapping[int, Floats],
    ) -> Part:
        """What the model says of a window's own sentences."""
        stored = self.stored
        own = [seen[slice(*bounds[k])] for k in window.own]
        # Sentence by sentence: they are few and short, reduceat takes longer.
        means = []
        for words in own:
            score = np.exp(np.clip(words @ stored["query"], -30, 30))  # far within float32
            means.append((score / score.sum(axis=0)).T @ words)
        highest = [words.max(axis=0) for words in own]
        read = np.concatenate([np.array(means).reshape(len(own), -1), highest, place], axis=1)
        hidden = np.maximum(read @ stored["hidden"] + stored["hidden_bias"], 0)
        half = len(stored["presence"])  # of the hidden numbers serve presence alone
        evidence = {
            "presence": hidden[:, :half] @ stored["presence"] + stored["presence_bias"],
            "linear": np.array([linear[k] for k in window.own]),
        }
        for name, _ in HEADS:
            evidence[name] = softmax(hidden[:, half:] @ stored[name] + stored[f"{name}_bias"])
        return Part(window.own, evidence, own, hidden)

    def marks_of(self, sentence: Sentence) -> list[tuple[int, int]]:
        """The marks that the model knows: (token, number), each once."""
        found: list[tuple[int, int]] = []
        for hit in sentence.hits:
            reading = hit.reading
            key = (hit.entry.id, hit.entry.kind, hit.form, reading.future, reading.prep)
            numbers = self._hit_marks.get(key)
            if numbers is None:
                known = [self.mark_numbers.get(name, -1) for name in hit_marks(hit)]
                numbers = self._hit_marks[key] = tuple(n for n in known if n >= 0)
            found += [(hit.i, number) for number in numbers]
        for token, name in other_marks(sentence):
            number = self.mark_numbers.get(name)
            if number is not None:
                found.append((token, number))
        return [pair for pair in dict.fromkeys(found) if pair[0] < LONGEST]

    def joined(self, evidence: Mapping[str, Floats]) -> Floats:
        """Calibrated probabilities (rows, OUTPUTS) from the evidence.

        `attack`, `militia`, `movement`: the sentence states one. The rest is conditional on
        presence: `factual_attack` = the attack is factual, given that there is one; `class:*`,
        `kind:*`, `*_modality:*` are distributions that add up to 1.
        """
        stored = self.stored
        presence = sigmoid(joinable(evidence) @ stored["join"] + stored["join_bias"])
        heads = {}
        for name, _ in HEADS:
            # One exponent a head spreads or sharpens its distribution (temperature scaling).
            powered = evidence[name] ** stored[f"{name}_exponent"]
            heads[name] = powered / powered.sum(axis=1, keepdims=True)
        factual = [heads["attack_modality"][:, :1], heads["movement_modality"][:, :1]]
        return np.concatenate(
            [presence, *factual, *(heads[name] for name, _ in HEADS)], axis=1, dtype=np.float32
        )

    def _linear(self, numbers: Mapping[int, list[int]], wanted: Sequence[int]) -> Floats:
        """Logits of the linear part: (wanted, presence)."""
        linear = self.stored["linear"]
        lengths = np.array([len(own) for own in numbers.values()])
        # Two places without words after each sentence: no pair reaches over them.
        words = np.array([word for own in numbers.values() for word in (*own, 0, 0)], np.intp)
        starts = np.cumsum(lengths + 2) - lengths - 2
        sums = np.add.reduceat(self._words.shares.take(words, axis=0), starts, axis=0)
        own, count = sums[:, 0:3], sums[:, 9]
        hashes = self._words.hashes.take(words)
        for gap in (0, 1):
            inside = (words[: -1 - gap] > 0) & (words[1 + gap :] > 0)
            pairs = linear.take(pair_rows(hashes, gap, len(linear)), axis=0) * inside[:, None]
            own += np.add.reduceat(pairs, starts, axis=0, dtype=np.float32)
            count += np.add.reduceat(inside, starts, dtype=np.float32)
        own /= np.sqrt(np.maximum(1, count))[:, None]
        # Two context grams a word; in a last row, there is no sentence.
        sums[:, 3:9] *= (CONTEXT_WEIGHT / np.sqrt(2 * lengths))[:, None]
        sums = np.concatenate([sums, np.zeros_like(sums[:1])])
        at = {k: n for n, k in enumerate(numbers)}
        title = [at[0] if k > 0 else -1 for k in wanted]
        before = [at[k - 1] if k > 1 else -1 for k in wanted]
        result = sums[[at[k] for k in wanted], 0:3] + sums[title, 3:6] + sums[before, 6:9]
        return np.asarray(result * self.stored["linear_scale"] + self.stored["linear_bias"])


def _words(sentences: Sequence[Sentence], rows: Iterable[int]) -> int:
    """How many words the model reads of some of the sentences."""
    return sum(min(LONGEST, len(sentences[row].surfaces)) for row in rows)


def _with_before(wanted: Iterable[int]) -> list[int]:
    """The title, the wanted sentences, and the one before each."""
    return sorted({0}.union(*((k - 1, k) if k else (k,) for k in wanted)))


def _parts(sentences: Sequence[Sentence], wanted: Sequence[int]) -> Iterator[Sequence[int]]:
    """The wanted sentences of a long document in pieces of at most WORDS words."""
    start = words = 0
    for n, k in enumerate(wanted):
        more = _words(sentences, _with_before([k]))
        if n > start and words + more > WORDS:
            yield wanted[start:n]
            start, words = n, 0
        words += more
    if start < len(wanted):
        yield wanted[start:]


def joinable(evidence: Mapping[str, Floats]) -> Floats:
    """What the joining layer reads: all logits, and the logarithms of the class shares."""
    return np.concatenate(
        [evidence["presence"], evidence["linear"], np.log(evidence["class"] + 1e-4)], axis=1
    )


class Part(NamedTuple):
    """What the model says of some sentences before it is joined."""

    own: list[int]
    evidence: dict[str, Floats]  # logits, and shares of the heads: a row each sentence
    words: list[Floats]  # of each sentence what the reader made of its words …
    hidden: Floats  # … and the hidden layers: from both go the roles


class Verdict:
    """What the model says of some sentences of one document."""

    def __init__(self, model: Verifier, parts: Iterable[Part]) -> None:
        self._model = model
        found = list(parts)
        self._parts = {k: (part, n) for part in found for n, k in enumerate(part.own)}
        self._shares: dict[int, Floats] = {}
        #: By role, how much its tokens are favoured for the model's own spans to be best.
        self.role_weights: Floats = model.stored["role_weights"]
        #: What the parts of the model say before it is joined, a row each sentence.
        self.evidence: dict[str, Floats] = (
            {
                name: np.concatenate([part.evidence[name] for part in found])
                for name in found[0].evidence
            }
            if found
            else {}
        )
        scores = model.joined(self.evidence).tolist() if found else []
        self._says = dict(zip(self._parts, scores, strict=True))

    @property
    def read(self) -> Collection[int]:
        """The sentences of which it says anything."""
        return self._says.keys()

    def says(self, index: int) -> dict[str, float]:
        """Probabilities of the sentence `index` by the names of OUTPUTS."""
        return dict(zip(OUTPUTS, self._says[index], strict=True))

    def role_shares(self, index: int) -> Floats:
        """Shares of outside, first and further token of each role: (tokens, ROLES, 3)."""
        shares = self._shares.get(index)
        if shares is None:
            part, n = self._parts[index]
            stored = self._model.stored
            token = part.words[n] @ stored["token"] + stored["token_bias"]
            token = np.maximum(token + part.hidden[n] @ stored["sentence"], 0)
            said = token @ stored["roles"] + stored["roles_bias"]
            shares = self._shares[index] = softmax(said.reshape(len(said), len(ROLES), 3))
        return shares


def role_spans(shares: Floats, weights: Floats) -> dict[str, list[RoleSpan]]:
    """The spans of each role from shares (tokens, ROLES, 3), given that an event is stated.

    The `weights` (ROLES,) favour tokens that are of the role.
    """
    return {
        name: list(spans(shares[:, r], weight))
        for r, (name, weight) in enumerate(zip(ROLES, weights.tolist(), strict=True))
    }


def spans(shares: Floats, weight: float) -> Iterator[RoleSpan]:
    """The spans of one role from its shares (tokens, 3), and how sure the first token of each is.

    They are tokens labelled as first (1) or further (2); `weight` favours those that are one.
    """
    labels = (shares * np.array([1, weight, weight], np.float32)).argmax(axis=1).tolist()
    i = 0
    while i < len(labels):
        j = i + 1
        if labels[i]:
            while j < len(labels) and labels[j] == 2:
                j += 1
            yield RoleSpan(i, j, round(float(1 - shares[i, 0]), 4))
        i = j
