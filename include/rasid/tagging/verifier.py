"""A small trained model that reads the sentences of a document, beside the rules.

What it is: word and subword vectors trained on Arabic news, and the marks that the lexicon leaves
on a sentence; convolutions of several widths over both, with the maximum over the sentence and two
weighted means; the same, smaller, over the title and the sentence before; counts of the document's
armed bodies and triggers; and hashed word and character n-grams with linear weights. A calibrated
logistic layer joins the parts. From the convolutions the same networks also read the spans of
roles. Only numpy runs it. How it was trained and what it reaches: include/models/MODEL_CARD.md.
"""

from __future__ import annotations

import json
import zlib

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from numpy.typing import NDArray

from rasid.arabic import Shape, Token
from rasid.errors import ConfigError
from rasid.settings import INCLUDE
from rasid.tagging.lexicon import ATTACKER_CLASSES, MODALITIES, MOVEMENT_KINDS
from rasid.tagging.marks import counted, hit_marks, other_marks
from rasid.tagging.sentence import Sentence


MODEL: Final = INCLUDE / "models" / "verifier.npz"
FORMAT: Final = 2
LONGEST: Final = 96  # tokens read of a sentence: 1 % of news sentences have more
MEMO: Final = 12_000  # words remembered, then forgotten all at once: at most 60 MB a network
BATCH: Final = 36  # sentences asked together: with title and sentence before fewer words than MEMO
CONTEXT_WEIGHT: Final = 0.5  # of the title's and the earlier sentence's n-grams beside its own
WIDTHS: Final = (1, 2, 3, 5)  # of the convolutions over the sentence, in words
CONTEXT_WIDTHS: Final = (1, 2)  # of those over title and earlier sentence
GAP: Final = 2  # rows of zeros around each sentence: half of the widest convolution

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

Floats = NDArray[np.float32]

_QUOTES = {**dict.fromkeys("“”«»„", '"'), **dict.fromkeys("‘’", "'"), "–": "-", "—": "-", "…": "."}


class RoleSpan(NamedTuple):
    """The tokens `i:j` of a sentence that name a role, and how sure the model is of the first."""

    i: int
    j: int
    probability: float


def model_word(shape: Shape) -> str:
    """A token as the model knows it: folded, every digit as 0."""
    folded = shape.folded
    if shape.kind == "number":
        return "0" * min(4, sum(map(str.isdigit, folded)))
    return folded.lower() if shape.kind == "latin" else _QUOTES.get(folded, folded)


def words_of(tokens: Sequence[Token]) -> list[str]:
    """The words the model reads of a sentence: at most LONGEST of them."""
    return [model_word(token.shape) for token in tokens[:LONGEST]]


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


def word_hash(word: str) -> int:
    """What pair_rows mixes."""
    return zlib.crc32(word.encode("utf-8", "surrogatepass"))


def pair_rows(hashes: NDArray[np.uint32], gap: int, size: int) -> NDArray[np.uint32]:
    """Rows of word pairs: neighbours (gap 0), or with one word between them (gap 1)."""
    first, second = hashes[: max(0, len(hashes) - 1 - gap)], hashes[1 + gap :]
    mixed = first * np.uint32(0x9E3779B1) + second * np.uint32(0x85EBCA77) + np.uint32(gap)
    return (mixed ^ (mixed >> np.uint32(15))) & np.uint32(size - 1)


def sigmoid(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -30, 30))), np.float32)


def softmax(x: Floats) -> Floats:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True), np.float32)


@dataclass(slots=True)
class Rows:
    """Sentences of one document as the model reads them.

    `numbers` are the memo's, by the sentence's index; `marks` are (token, number of the mark);
    `title` and `before` are the indices of the title and of the sentence before, -1 for none.
    """

    wanted: list[int]
    numbers: dict[int, NDArray[np.intp]] = field(default_factory=dict)
    marks: list[list[tuple[int, int]]] = field(default_factory=list)  # of each wanted sentence
    title: list[int] = field(default_factory=list)
    before: list[int] = field(default_factory=list)
    place: list[Floats] = field(default_factory=list)  # see placed()


def placed(index: int, counts: Floats, total: Floats) -> Floats:
    """What a sentence's place in the document says, from all sentences' counts (rows, COUNTED).

    Two flags: it is the title; it is alone. Logarithms of the counts of the title, of its own, and
    of the mean over the rest.
    """
    title = counts[0] if index else np.zeros_like(counts[0])
    rest = (total - counts[index] - title) / max(1, len(counts) - (2 if index else 1))
    flags = np.array([index == 0, len(counts) == 1], np.float32)
    return np.concatenate([flags, np.log1p(np.concatenate([title, counts[index], rest]))])


@dataclass(slots=True)
class Verifier:
    """The trained model. One per tagger; not for concurrent threads (it keeps a memo of words)."""

    version: str
    stored: dict[str, NDArray[Any]]
    rows: dict[str, int]  # of each frequent word: its vector's row
    mark_numbers: dict[str, int]
    networks: list[dict[str, Floats]]
    _memo: _Memo = field(init=False)
    _hit_marks: dict[tuple[str, str, str, bool, str], tuple[int, ...]] = field(init=False)

    def __post_init__(self) -> None:
        self._memo = _Memo(self)
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

    def read(self, sentences: Sequence[Sentence], wanted: Sequence[int]) -> Verdict:
        """What the model says of the sentences `wanted` of a document; its first is the title."""
        counts = np.array([counted(s) for s in sentences], np.float32)
        total = counts.sum(axis=0) if len(counts) else counts
        # A very long document is read in pieces.
        parts = [wanted[at : at + BATCH] for at in range(0, len(wanted), BATCH)]
        # Read one by one: the memo may forget the words of a piece before the next.
        return Verdict(self, (self._rows(sentences, part, counts, total) for part in parts))

    def _rows(
        self, sentences: Sequence[Sentence], wanted: Sequence[int], counts: Floats, total: Floats
    ) -> Rows:
        rows = Rows(list(wanted))
        self._memo.make_room(3 * LONGEST * len(wanted))
        for k in wanted:
            rows.title.append(0 if k > 0 else -1)
            rows.before.append(k - 1 if k > 1 else -1)
            rows.place.append(placed(k, counts, total))
            rows.marks.append(self.marks_of(sentences[k]))
            for row in (k, rows.title[-1], rows.before[-1]):
                if row >= 0 and row not in rows.numbers:
                    rows.numbers[row] = self._memo.numbers(sentences[row].tokens)
        return rows

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

    def evidence(self, rows: Rows) -> tuple[dict[str, Floats], list[Seen]]:
        """What the parts say of each wanted row before it is joined: logits, and heads' shares.

        Beside it what each network saw, from which `roles` reads on.
        """
        self._memo.settle()
        pairs = zip(self.networks, self._memo.products, strict=True)
        seen = [_look(net, rows, products) for net, products in pairs]
        evidence = {
            "presence": _mean([s.logits["presence"] for s in seen]),
            "linear": self._linear(rows),
        }
        for name, _ in HEADS:
            evidence[name] = _mean([softmax(s.logits[name]) for s in seen])
        return evidence, seen

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

    def _linear(self, rows: Rows) -> Floats:
        """Logits of the linear part: (wanted, presence)."""
        linear = self.stored["linear"]
        shares, hashes = self._memo.shares, self._memo.hashes
        result = np.zeros((len(rows.wanted), len(PRESENCE)), np.float32)
        for n, (k, *around) in enumerate(zip(rows.wanted, rows.title, rows.before, strict=True)):
            numbers = rows.numbers[k]
            own = shares[numbers].sum(axis=0)
            words = hashes[numbers]
            pairs = np.concatenate([pair_rows(words, gap, len(linear)) for gap in (0, 1)])
            total = own[0:3] + linear[pairs].sum(axis=0, dtype=np.float32)
            result[n] = total / np.sqrt(max(1.0, own[3] + len(pairs)))
            for other, at in zip(around, (4, 7), strict=True):
                if other >= 0:
                    seen = shares[rows.numbers[other], at : at + 3]
                    # Two context grams a word.
                    result[n] += CONTEXT_WEIGHT / np.sqrt(2 * len(seen)) * seen.sum(axis=0)
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


def joinable(evidence: Mapping[str, Floats]) -> Floats:
    """What the joining layer reads: all logits, and the logarithms of the class shares."""
    return np.concatenate(
        [evidence["presence"], evidence["linear"], np.log(evidence["class"] + 1e-4)], axis=1
    )


class Seen(NamedTuple):
    """What one network made of a document's wanted rows."""

    starts: NDArray[np.intp]  # of each row in `features`
    lengths: NDArray[np.intp]
    features: Floats  # (words with gaps, filters of all widths)
    marks: Floats  # (words with gaps, mark dimensions)
    hidden: Floats  # (rows, both hidden layers)
    logits: dict[str, Floats]


def _look(net: Mapping[str, Floats], rows: Rows, products: Floats) -> Seen:
    """The convolutions and hidden layers of one network; `products` are the memo's."""
    own = products[:, : net["conv"].shape[1]]
    starts, lengths, over = _laid_out([rows.numbers[k] for k in rows.wanted], own)
    marks = np.zeros((len(over), net["marks"].shape[1]), np.float32)
    pairs = [
        (start + token, number)
        for start, row in zip(starts.tolist(), rows.marks, strict=True)
        for token, number in row
    ]
    if pairs:
        at, number = np.array(sorted(pairs)).T
        first = np.flatnonzero(np.diff(at, prepend=-1))
        at = at[first]
        marks[at] = np.add.reduceat(net["marks"][number], first, axis=0)
        over[at] += marks[at] @ net["conv"][-marks.shape[1] :]
    features = convolved(over, net["conv_bias"], WIDTHS)
    edges = np.stack([starts, starts + lengths], axis=1).ravel()
    parts = [np.maximum.reduceat(features, edges, axis=0)[::2]]
    parts += _around(net, rows, products)
    parts.append(np.stack(rows.place))
    score = np.exp(np.clip(features @ net["query"], -30, 30))  # far within float32
    whole = np.add.reduceat(score, edges, axis=0)[::2]
    for q in range(score.shape[1]):
        weighted = np.add.reduceat(features * score[:, q : q + 1], edges, axis=0)[::2]
        parts.append(weighted / whole[:, q : q + 1])
    together = np.concatenate(parts, axis=1)
    hidden = np.maximum(together @ net["hidden"] + net["hidden_bias"], 0)
    size = net["presence"].shape[0]  # the first of two hidden layers serves presence alone
    logits = {"presence": hidden[:, :size] @ net["presence"] + net["presence_bias"]}
    for name, _ in HEADS:
        logits[name] = hidden[:, size:] @ net[name] + net[f"{name}_bias"]
    return Seen(starts, lengths, features, marks, hidden, logits)


def _around(
    net: Mapping[str, Floats],
    rows: Rows,
    products: Floats,
) -> Iterator[Floats]:
    """The title's and the earlier sentence's filters, of each wanted row."""
    context = list(dict.fromkeys(k for k in (*rows.title, *rows.before) if k >= 0))
    width = len(CONTEXT_WIDTHS) * (len(net["context_bias"]) // len(CONTEXT_WIDTHS))
    highest = np.zeros((len(context) + 1, width), np.float32)  # the last row: there is none
    if context:
        around = products[:, net["conv"].shape[1] :]
        starts, lengths, over = _laid_out([rows.numbers[k] for k in context], around)
        edges = np.stack([starts, starts + lengths], axis=1).ravel()
        over_words = convolved(over, net["context_bias"], CONTEXT_WIDTHS)
        highest[:-1] = np.maximum.reduceat(over_words, edges, axis=0)[::2]
    place = {k: n for n, k in enumerate(context)}
    for which in (rows.title, rows.before):
        yield highest[[place.get(k, len(context)) for k in which]]


def _laid_out(
    numbers: Sequence[NDArray[np.intp]], products: Floats
) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """Starts and lengths of sentences, and their products with GAP rows of zeros around each."""
    lengths = np.array([len(n) for n in numbers])
    starts = GAP + np.cumsum(lengths + GAP) - (lengths + GAP)
    over = np.zeros((int(starts[-1] + lengths[-1]) + GAP, products.shape[1]), np.float32)
    for start, own in zip(starts.tolist(), numbers, strict=True):
        over[start : start + len(own)] = products[own]
    return starts, lengths, over


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
    at = slice(int(seen.starts[n]), int(seen.starts[n] + seen.lengths[n]))
    inner = (
        seen.features[at] @ net["span"]
        + seen.marks[at] @ net["span_marks"]
        + (seen.hidden[n] @ net["span_hidden"] + net["span_bias"])
    )
    inner = np.pad(np.maximum(inner, 0), ((1, 1), (0, 0)))
    windows = np.concatenate([inner[:-2], inner[1:-1], inner[2:]], axis=1)
    inner = np.maximum(windows @ net["window"] + net["window_bias"], 0)
    return softmax((inner @ net["roles"] + net["roles_bias"]).reshape(-1, len(ROLES), 3))


class Verdict:
    """What the model says of some sentences of one document."""

    def __init__(self, model: Verifier, parts: Iterable[Rows]) -> None:
        self._model = model
        self._seen: dict[int, tuple[list[Seen], int]] = {}  # of a sentence: its part, its row there
        self._shares: dict[int, Floats] = {}
        found = []
        for rows in parts:
            evidence, seen = model.evidence(rows)
            found.append(evidence)
            self._seen |= {k: (seen, n) for n, k in enumerate(rows.wanted)}
        #: What the parts of the model say before it is joined, a row each sentence.
        self.evidence: dict[str, Floats] = (
            {name: np.concatenate([part[name] for part in found]) for name in found[0]}
            if found
            else {}
        )
        scores = model.joined(self.evidence).tolist() if found else []
        self._says = dict(zip(self._seen, scores, strict=True))

    def says(self, index: int) -> dict[str, float]:
        """Probabilities of the sentence `index` by the names of OUTPUTS."""
        return dict(zip(OUTPUTS, self._says[index], strict=True))

    def roles(self, index: int) -> dict[str, list[RoleSpan]]:
        """Spans of each role in the sentence `index`, given that it states an event."""
        shares = self.role_shares(index)
        weights = self._model.stored["role_weights"]
        return {name: list(spans(shares[:, r], float(weights[r]))) for r, name in enumerate(ROLES)}

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
    label = np.argmax(shares * np.array([1, weight, weight], np.float32), axis=1).tolist()
    i = 0
    while i < len(label):
        j = i + 1
        if label[i]:
            while j < len(label) and label[j] == 2:
                j += 1
            yield RoleSpan(i, j, round(float(1 - shares[i, 0]), 4))
        i = j


def _mean(values: Sequence[Floats]) -> Floats:
    return values[0] if len(values) == 1 else np.mean(values, axis=0)


class _Memo:
    """Shapes of tokens met lately: number → products with the convolutions, linear shares.

    Most words of an article are known from others, so that the largest products of the networks
    are looked up. Number 0 is no word. Full, it is emptied before the next piece of a document.
    """

    def __init__(self, model: Verifier) -> None:
        self._model = model
        self._number: dict[Shape, int] = {}
        # Unused rows cost no memory: the system hands out pages when they are written.
        self._weights = [
            np.concatenate([net["conv"][: len(net["context"])], net["context"]], axis=1)
            for net in model.networks
        ]
        self.products = [np.zeros((MEMO, w.shape[1]), np.float32) for w in self._weights]
        self._fresh: list[tuple[int, Floats]] = []  # numbers without products yet, and vectors
        self.shares = np.zeros((MEMO, 10), np.float32)  # own 3, their count, title 3, before 3
        self.hashes = np.zeros(MEMO, np.uint32)

    def make_room(self, words: int) -> None:
        """Forget all when `words` new ones would not fit."""
        if len(self._number) + words >= MEMO:
            self._number.clear()

    def numbers(self, tokens: Sequence[Token]) -> NDArray[np.intp]:
        """The numbers of a sentence's words; without words, one 0."""
        get = self._number.get
        numbers = [get(t.shape) or self._learn(t.shape) for t in tokens[:LONGEST]]
        return np.array(numbers or [0], np.intp)

    def settle(self) -> None:
        """Multiply the vectors of the words learnt since the last time, all at once."""
        if self._fresh:
            numbers, vectors = zip(*self._fresh, strict=True)
            for products, weights in zip(self.products, self._weights, strict=True):
                products[list(numbers)] = np.stack(vectors) @ weights
            self._fresh.clear()

    def _learn(self, shape: Shape) -> int:
        number = self._number[shape] = len(self._number) + 1
        word = model_word(shape)
        linear = self._model.stored["linear"]

        def summed(grams: Sequence[str]) -> Any:
            return linear[[hashed(g, len(linear)) for g in grams]].sum(axis=0, dtype=np.int64)

        grams = word_grams(word)
        self._fresh.append((number, self._model.vector(word)))
        self.hashes[number] = word_hash(word)
        self.shares[number, 0:3] = summed(grams)
        self.shares[number, 3] = len(grams)
        self.shares[number, 4:7] = summed(context_grams(word, "T"))
        self.shares[number, 7:10] = summed(context_grams(word, "P"))
        return number
