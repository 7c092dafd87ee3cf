"""A small trained model that reads the sentences of a document, beside the rules.

What it is: word and subword vectors trained on Arabic news, and the marks that the lexicon leaves
on a sentence; convolutions of several widths over both, with the maximum over the sentence and two
weighted means; the same, smaller, over the title, the sentence before and all near ones; counts of
the document's armed bodies and triggers; and hashed word and character n-grams with linear weights.
A calibrated logistic layer joins the parts. From the convolutions the same networks also read the
spans of roles. Only numpy runs it. How it was trained and what it reaches:
include/models/MODEL_CARD.md.
"""

from __future__ import annotations

import itertools
import json

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from numpy.typing import NDArray

from rasid.arabic import Token
from rasid.errors import ConfigError
from rasid.settings import INCLUDE
from rasid.tagging.lexicon import ATTACKER_CLASSES, MODALITIES, MOVEMENT_KINDS
from rasid.tagging.marks import counted, hit_marks, other_marks
from rasid.tagging.sentence import Sentence
from rasid.tagging.vocabulary import (
    GAP,
    LONGEST,
    PRODUCTS,
    Convolutions,
    Floats,
    Numbers,
    Vocabulary,
    model_word,
)


MODEL: Final = INCLUDE / "models" / "verifier.npz"
FORMAT: Final = 3
CONTEXT_WEIGHT: Final = 0.5  # of the title's and the earlier sentence's n-grams beside its own
WIDTHS: Final = (1, 2, 3, 5)  # of the convolutions over the sentence, in words
CONTEXT_WIDTHS: Final = (1, 2)  # of those over the sentences around
NEAR: Final = 4  # sentences on either side that count as near

PRESENCE: Final = ("attack", "militia", "movement")
#: Softmax heads of the networks: name in the file and prefix of the outputs, labels.
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


class Layout(NamedTuple):
    """Sentences laid one after another, with GAP places without words around each."""

    numbers: Numbers  # of the words, 0 where there is none
    starts: Numbers
    lengths: Numbers

    @property
    def bounds(self) -> list[tuple[int, int]]:
        """The places of each sentence: its first, and the one after its last."""
        return list(zip(self.starts.tolist(), (self.starts + self.lengths).tolist(), strict=True))


def laid_out(sentences: Iterable[list[int]]) -> Layout:
    """The layout of sentences that are given as numbers of words."""
    numbers, starts, lengths = [0] * GAP, [], []
    for own in sentences:
        starts.append(len(numbers))
        lengths.append(len(own))
        numbers += own
        numbers += [0] * GAP
    return Layout(*(np.array(values, np.intp) for values in (numbers, starts, lengths)))


class Rows(NamedTuple):
    """Some sentences of one document as the networks read them."""

    own: Layout
    marks: Numbers  # (marks, 2): place in `own` and number of each mark, in order
    context: Layout  # of the title and near sentences
    title: list[int]  # each row's title in `context`, -1 for none
    before: list[int]  # each row's sentence before
    near: list[list[int]]  # each row's near sentences, 2 * NEAR of them
    place: Floats  # see placed()


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
    networks: list[dict[str, Floats]]
    _words: Vocabulary = field(init=False)
    #: Of each network, over a sentence's own words and over its context's.
    _convolutions: list[tuple[Convolutions, Convolutions]] = field(init=False)
    _hit_marks: dict[tuple[str, str, str, bool, str], tuple[int, ...]] = field(init=False)

    def __post_init__(self) -> None:
        self._words = Vocabulary(self.rows, self.stored)
        self._convolutions = [
            (
                Convolutions(self._words, net["conv"], net["conv_bias"], WIDTHS),
                Convolutions(self._words, net["context"], net["context_bias"], CONTEXT_WIDTHS),
            )
            for net in self.networks
        ]
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
            networks=[
                {
                    name.removeprefix(f"{n}."): stored.pop(name).astype(np.float32)
                    for name in list(stored)
                    if name.startswith(f"{n}.")
                }
                for n in range(about["networks"])
            ],
            stored={
                name: value.astype(np.float32) if value.dtype == np.float16 else value
                for name, value in stored.items()
            },
        )

    def read(
        self,
        sentences: Sequence[Sentence],
        wanted: Sequence[int],
        least: Sequence[float] | None = None,
    ) -> Verdict:
        """What the model says of the sentences `wanted` of a document; its first is the title.

        With `least` the linear part is asked first, which costs little: where its logits of all of
        PRESENCE are lower than that, the networks do not read on, and the verdict says nothing.
        """
        # Read one by one: the words of a part may be forgotten before the next.
        return Verdict(self, self._read(sentences, wanted, least))

    def _read(
        self, sentences: Sequence[Sentence], wanted: Sequence[int], least: Sequence[float] | None
    ) -> Iterator[Part]:
        counts: Floats | None = None
        for part in _parts(sentences, wanted):
            numbers = self._numbers(sentences, part)
            linear = self._linear(numbers, part)
            kept = part
            if least is not None:
                plausible = np.flatnonzero((linear >= least).any(axis=1))
                kept, linear = [part[n] for n in plausible.tolist()], linear[plausible]
            if not kept:
                continue
            if counts is None:
                counts = np.array([counted(s) for s in sentences], np.float32)
            rows = self._rows(sentences, kept, numbers, counts)
            pairs = zip(self.networks, self._convolutions, strict=True)
            seen = [_look(net, rows, own, around) for net, (own, around) in pairs]
            evidence = {"presence": _mean([s.logits["presence"] for s in seen]), "linear": linear}
            for name, _ in HEADS:
                evidence[name] = _mean([softmax(s.logits[name]) for s in seen])
            yield Part(kept, evidence, seen)

    def _numbers(
        self, sentences: Sequence[Sentence], wanted: Sequence[int]
    ) -> dict[int, list[int]]:
        """The numbers of the words of the wanted sentences, their title and those near."""
        read = _with_near(wanted, len(sentences))
        if not self._words.has_room(_words(sentences, read)):
            self._words.forget()
            for convolutions in itertools.chain(*self._convolutions):
                convolutions.forget()
        numbers = self._words.numbers(sentences[k].surfaces for k in read)
        return dict(zip(read, numbers, strict=True))

    def _rows(
        self,
        sentences: Sequence[Sentence],
        wanted: Sequence[int],
        numbers: Mapping[int, list[int]],
        counts: Floats,
    ) -> Rows:
        own = laid_out(numbers[k] for k in wanted)
        marks = [
            (start + token, number)
            for start, k in zip(own.starts.tolist(), wanted, strict=True)
            for token, number in sorted(self.marks_of(sentences[k]))
        ]
        context = _with_near(wanted, len(sentences)) if len(sentences) > 1 else []
        at = {k: n for n, k in enumerate(context)}
        return Rows(
            own=own,
            marks=np.array(marks, np.intp).reshape(-1, 2),
            context=laid_out(numbers[k] for k in context),
            title=[at[0] if k > 0 else -1 for k in wanted],
            before=[at[k - 1] if k > 1 else -1 for k in wanted],
            near=[[at.get(other, -1) for other in _near(k)] for k in wanted],
            place=placed(wanted, counts),
        )

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
        read = sorted({0, *wanted, *(k - 1 for k in wanted if k > 1)})
        layout = laid_out(numbers[k] for k in read)
        words, starts = layout.numbers, layout.starts
        # From start to start: there are no words and thus no shares in the gaps.
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
        sums[:, 3:9] *= (CONTEXT_WEIGHT / np.sqrt(2 * layout.lengths))[:, None]
        sums = np.concatenate([sums, np.zeros_like(sums[:1])])
        at = {k: n for n, k in enumerate(read)}
        title = [at[0] if k > 0 else -1 for k in wanted]
        before = [at[k - 1] if k > 1 else -1 for k in wanted]
        result = sums[[at[k] for k in wanted], 0:3] + sums[title, 3:6] + sums[before, 6:9]
        return np.asarray(result * self.stored["linear_scale"] + self.stored["linear_bias"])


def _words(sentences: Sequence[Sentence], rows: Iterable[int]) -> int:
    """How many words the model reads of some of the sentences."""
    return sum(min(LONGEST, len(sentences[row].surfaces)) for row in rows)


def _near(k: int) -> tuple[int, ...]:
    """The sentences near the sentence `k`, be they in the document or not."""
    return (*range(k - NEAR, k), *range(k + 1, k + NEAR + 1))


def _with_near(wanted: Iterable[int], count: int) -> list[int]:
    """The title, the wanted sentences of so many, and those near them."""
    read = {0}
    for k in wanted:
        read.update(range(max(0, k - NEAR), min(count, k + NEAR + 1)))
    return sorted(read)


def _parts(sentences: Sequence[Sentence], wanted: Sequence[int]) -> Iterator[Sequence[int]]:
    """The wanted sentences of a long document in pieces of at most PRODUCTS words."""
    start = words = 0
    read: set[int] = set()
    for n, k in enumerate(wanted):
        around = set(_with_near([k], len(sentences)))
        if n > start and words + _words(sentences, around - read) > PRODUCTS:
            yield wanted[start:n]
            start, words = n, 0
            read.clear()
        words += _words(sentences, around - read)
        read |= around
    if start < len(wanted):
        yield wanted[start:]


def joinable(evidence: Mapping[str, Floats]) -> Floats:
    """What the joining layer reads: all logits, and the logarithms of the class shares."""
    return np.concatenate(
        [evidence["presence"], evidence["linear"], np.log(evidence["class"] + 1e-4)], axis=1
    )


class Part(NamedTuple):
    """What the parts of the model say of some sentences before it is joined."""

    wanted: Sequence[int]
    evidence: dict[str, Floats]  # logits, and shares of the heads: a row each sentence
    seen: list[Seen]  # by each network, from which `roles` reads on


class Seen(NamedTuple):
    """What one network made of a document's wanted rows."""

    bounds: list[tuple[int, int]]  # of each row in `features` and `marks`
    features: Floats  # (places, filters of all widths)
    marks: Floats  # (places, mark dimensions)
    hidden: Floats  # (rows, both hidden layers)
    logits: dict[str, Floats]


def _look(net: Mapping[str, Floats], rows: Rows, own: Convolutions, around: Convolutions) -> Seen:
    """The convolutions and hidden layers of one network."""
    bounds = rows.own.bounds
    marks = np.zeros((len(rows.own.numbers), net["marks"].shape[1]), np.float32)
    if len(rows.marks):
        at, number = rows.marks.T
        first = np.flatnonzero(np.diff(at, prepend=-1))
        marks[at[first]] = np.add.reduceat(net["marks"].take(number, axis=0), first, axis=0)
    features = own.of(rows.own.numbers, marks)
    score = np.exp(np.clip(features @ net["query"], -30, 30))  # far within float32
    # Sentence by sentence: they are few and short, reduceat takes longer.
    highest = np.stack([features[i:j].max(axis=0) for i, j in bounds])
    whole = np.stack([score[i:j].sum(axis=0) for i, j in bounds])
    weighted = np.stack([score[i:j].T @ features[i:j] for i, j in bounds])
    means = np.moveaxis(weighted / whole[:, :, None], 1, 0)  # of each query
    context = _context(net, rows.context, around)
    near = context[rows.near].max(axis=1)
    together = [highest, context[rows.title], context[rows.before], near, rows.place, *means]
    hidden = np.maximum(_dense(together, net["hidden"]) + net["hidden_bias"], 0)
    size = net["presence"].shape[0]  # the first of two hidden layers serves presence alone
    logits = {"presence": hidden[:, :size] @ net["presence"] + net["presence_bias"]}
    for name, _ in HEADS:
        logits[name] = hidden[:, size:] @ net[name] + net[f"{name}_bias"]
    return Seen(bounds, features, marks, hidden, logits)


def _dense(parts: Sequence[Floats], weights: Floats) -> Floats:
    """The product of parts that stand side by side with the weights.

    Part by part: for so few rows one large product would first copy all of its weights.
    """
    edges = np.cumsum([0, *(part.shape[1] for part in parts)]).tolist()
    pairs = zip(parts, itertools.pairwise(edges), strict=True)
    return np.asarray(sum(part @ weights[i:j] for part, (i, j) in pairs), np.float32)


def _context(net: Mapping[str, Floats], layout: Layout, around: Convolutions) -> Floats:
    """The highest filters over each sentence of the context, zeros in a last row: there is none."""
    highest = np.zeros((len(layout.starts) + 1, len(net["context_bias"])), np.float32)
    if len(layout.starts):
        features = around.of(layout.numbers)
        for n, (i, j) in enumerate(layout.bounds):
            features[i:j].max(axis=0, out=highest[n])
    return highest


def convolved(over: Floats, bias: Floats, widths: Sequence[int]) -> Floats:
    """Convolutions of all widths, rectified: (rows of over, filters of all widths).

    `over` is the product of the inputs with all windows' weights; a window's sum is that of shifted
    columns. Rows in the gaps are of no meaning.
    """
    size = len(bias) // len(widths)
    out = np.zeros((len(over), len(bias)), np.float32) + bias
    inner = slice(GAP, len(over) - GAP)
    column = 0
    for n, width in enumerate(widths):
        own = out[inner, n * size : (n + 1) * size]
        for offset in range(width):
            shift = GAP + offset - (width - 1) // 2
            own += over[shift : shift + len(own), column : column + size]
            column += size
    np.maximum(out, 0, out=out)
    return out


def _spans(net: Mapping[str, Floats], seen: Seen, n: int) -> Floats:
    """Shares of outside, first and further token of each role: (tokens, ROLES, 3)."""
    at = slice(*seen.bounds[n])
    inner = (
        seen.features[at] @ net["span"]
        + seen.marks[at] @ net["span_marks"]
        + (seen.hidden[n] @ net["span_hidden"] + net["span_bias"])
    )
    padded = np.zeros((len(inner) + 2, inner.shape[1]), np.float32)
    np.maximum(inner, 0, out=padded[1:-1])
    windows = np.concatenate([padded[:-2], padded[1:-1], padded[2:]], axis=1)
    inner = np.maximum(windows @ net["window"] + net["window_bias"], 0)
    return softmax((inner @ net["roles"] + net["roles_bias"]).reshape(-1, len(ROLES), 3))


class Verdict:
    """What the model says of some sentences of one document."""

    def __init__(self, model: Verifier, parts: Iterable[Part]) -> None:
        self._model = model
        self._seen: dict[int, tuple[list[Seen], int]] = {}  # of a sentence: its part, its row there
        self._shares: dict[int, Floats] = {}
        found = []
        for part in parts:
            found.append(part.evidence)
            self._seen |= {k: (part.seen, n) for n, k in enumerate(part.wanted)}
        #: What the parts of the model say before it is joined, a row each sentence.
        self.evidence: dict[str, Floats] = (
            {name: np.concatenate([part[name] for part in found]) for name in found[0]}
            if found
            else {}
        )
        scores = model.joined(self.evidence).tolist() if found else []
        self._says = dict(zip(self._seen, scores, strict=True))

    @property
    def read(self) -> Collection[int]:
        """The sentences of which it says anything."""
        return self._says.keys()

    def says(self, index: int) -> dict[str, float]:
        """Probabilities of the sentence `index` by the names of OUTPUTS."""
        return dict(zip(OUTPUTS, self._says[index], strict=True))

    def roles(self, index: int) -> dict[str, list[RoleSpan]]:
        """Spans of each role in the sentence `index`, given that it states an event."""
        shares = self.role_shares(index)
        weighted = shares.copy()
        weighted[:, :, 1:] *= self._model.stored["role_weights"][:, None]
        labels = weighted.argmax(axis=2).T.tolist()
        return {
            name: list(_runs(labels[r], shares[:, r, 0])) if any(labels[r]) else []
            for r, name in enumerate(ROLES)
        }

    def role_shares(self, index: int) -> Floats:
        """Shares of outside, first and further token of each role: (tokens, ROLES, 3)."""
        shares = self._shares.get(index)
        if shares is None:
            seen, n = self._seen[index]
            pairs = zip(self._model.networks, seen, strict=True)
            shares = self._shares[index] = _mean([_spans(net, one, n) for net, one in pairs])
        return shares


def spans(shares: Floats, weight: float) -> Iterator[RoleSpan]:
    """The spans of one role from its shares (tokens, 3); `weight` favours those that are one."""
    weighted = shares * np.array([1, weight, weight], np.float32)
    return _runs(weighted.argmax(axis=1).tolist(), shares[:, 0])


def _runs(labels: Sequence[int], outside: Floats) -> Iterator[RoleSpan]:
    """The spans of tokens labelled as first (1) or further (2), and how sure the first is."""
    i = 0
    while i < len(labels):
        j = i + 1
        if labels[i]:
            while j < len(labels) and labels[j] == 2:
                j += 1
            yield RoleSpan(i, j, round(float(1 - outside[i]), 4))
        i = j


def _mean(values: Sequence[Floats]) -> Floats:
    return values[0] if len(values) == 1 else np.mean(values, axis=0)
