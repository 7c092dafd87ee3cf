"""Sentences to learn from, as the reader reads them: words, marks, and what is true of each."""

from __future__ import annotations

import hashlib
import json
import lzma
import re

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np  # noqa: TID253 - the ban is for DAG files

from rasid.arabic import surfaces, tokenize
from rasid.tagging import verifier as v
from rasid.tagging.marks import counted, hit_marks, other_marks
from rasid.tagging.matcher import Matcher
from rasid.tagging.mention import MILITIA_CLASSES
from rasid.tagging.reading import latest_year
from rasid.tagging.sentence import Sentence
from rasid.tagging.times import publication
from rasid.tagging.triggers import TAGS
from rasid.tagging.vocabulary import LONGEST


# Head of the model → what its label is called in the file, and what it is a label of.
HEAD_LABELS = {
    "class": ("attack_class", "attack"),
    "kind": ("movement_kind", "movement"),
    "attack_modality": ("attack_modality", "attack"),
    "movement_modality": ("movement_modality", "movement"),
}
# Role → the event it belongs to; places belong to both.
ROLE_EVENTS = {
    "attackers": ("attack",), "targets": ("attack",), "weapons": ("attack",),
    "movers": ("movement",), "from": ("movement",), "to": ("movement",),
    "places": ("attack", "movement"),
}  # fmt: skip


OPEN = 0.7  # weight of a corpus sentence whose events a second reader could deny


@dataclass
class Sentences:
    """Sentences of many documents, one after another."""

    document: np.ndarray  # index of each row's document, ascending
    words: list[list[str]]
    marks: list[list[tuple[int, str]]]  # (token, name)
    counted: np.ndarray  # (rows, COUNTED)
    presence: np.ndarray  # (rows, 3) probabilities: 0 and 1 where a reader said it
    heads: dict[str, np.ndarray]  # (rows, labels) shares; they add up to how far they are known
    roles: np.ndarray  # (rows, LONGEST, ROLES): 0 outside, 1 first, 2 further token, -1 not known
    weight: np.ndarray  # of each row in the loss; 0 where the readers disagreed
    asked: np.ndarray  # (rows,) has a word that could be an event: the tagger asks of no others


@dataclass
class Labelled(Sentences):
    """Sentences with a reader's labels, and where they are from."""

    read: list[Sentence]
    sids: list[str]
    strata: np.ndarray  # of each row
    titles: list[str]  # of each document

    @property
    def counts(self) -> np.ndarray:
        """Which rows are measured."""
        return self.weight > 0


def sentences_of(read: list[Sentence], document: Sequence[int]) -> Sentences:
    """Sentences of which nothing is known yet."""
    rows = len(read)
    return Sentences(
        document=np.array(document),
        words=[v.words_of(sentence.tokens) for sentence in read],
        marks=[list(dict.fromkeys(_marks(sentence))) for sentence in read],
        counted=np.array([counted(sentence) for sentence in read], np.float32),
        presence=np.zeros((rows, len(v.PRESENCE)), np.float32),
        heads={name: np.zeros((rows, len(labels)), np.float32) for name, labels in v.HEADS},
        roles=np.full((rows, LONGEST, len(v.ROLES)), -1, np.int8),
        weight=np.ones(rows, np.float32),
        asked=np.array([any(hit.entry.kind in TAGS for hit in s.hits) for s in read]),
    )


def read_labels(path: Path, matcher: Matcher, hard: float = 1.0) -> Labelled:
    """The sentences of a labels file in document order, with what the lexicon finds in them.

    `hard` is the weight of sentences that a second reader could judge otherwise.
    """
    with path.open(encoding="utf-8") as lines:
        return _labelled([json.loads(line) for line in lines], matcher, hard)


def read_corpus_labels(path: Path, corpus: Path, matcher: Matcher) -> Labelled:
    """Sentences of the unlabelled corpus that we labelled, each a document of its own.

    The file holds no text but the hash of each sentence, and spans as [start, end] in it.
    """
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        labels = {own["sentence"]: own for own in map(json.loads, lines)}
    documents = []
    with lzma.open(corpus, "rt", encoding="utf-8") as lines:
        for line in lines:
            text = line.strip()
            own = labels.get(sentence_hash(text))
            if own is not None:
                spans = {role: [text[i:j] for i, j in own.get(role, ())] for role in ROLE_EVENTS}
                whole = {"sid": own["sentence"], "start": 0, "end": len(text), "excluded": False}
                documents.append(
                    {
                        "text": text, "published_at": None, "stratum": "corpus",
                        "sentences": [own | spans | whole],
                    }
                )  # fmt: skip
    if len(documents) < len(labels):
        print(f"  {path}: {len(labels) - len(documents)} sentences are not in {corpus}", flush=True)
    return _labelled(documents, matcher, OPEN)


def sentence_hash(text: str) -> str:
    """By which a label knows its sentence, so that no text need be copied."""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _labelled(documents: Sequence[Mapping[str, Any]], matcher: Matcher, hard: float) -> Labelled:
    rows: list[tuple[Mapping[str, Any], str]] = []
    document, strata, read = [], [], []
    for i, d in enumerate(documents):
        day = publication(d["published_at"])
        for s in sorted(d["sentences"], key=lambda s: s["start"]):
            written = surfaces(d["text"], s["start"], s["end"])
            read.append(
                Sentence(
                    index=len(read), start=s["start"], end=s["end"], text=d["text"],
                    surfaces=written, hits=matcher.hits(written), day=day.date() if day else None,
                    year=day.year if day else latest_year(d["text"]),
                )
            )  # fmt: skip
            rows.append((s, d["text"]))
            document.append(i)
            strata.append(d["stratum"])
    data = Labelled(
        **vars(sentences_of(read, document)),
        read=read,
        sids=[s["sid"] for s, _ in rows],
        strata=np.array(strata),
        titles=[d["text"].split("\n", 1)[0] for d in documents],
    )
    for row, (s, text) in enumerate(rows):
        _label(data, row, s, text, hard)
    return data


def _label(data: Labelled, row: int, s: Mapping[str, Any], text: str, hard: float) -> None:
    if s["excluded"]:
        data.weight[row] = 0
        return
    data.weight[row] = hard if s.get("hard") else 1
    militia = s["attack"] and s["attack_class"] in MILITIA_CLASSES
    data.presence[row] = s["attack"], militia, s["movement"]
    for name, labels in v.HEADS:
        field, event = HEAD_LABELS[name]
        if s[event] and s.get(field):
            data.heads[name][row, labels.index(s[field])] = 1
    sentence = data.read[row]
    size = min(len(sentence.tokens), LONGEST)
    for r, role in enumerate(v.ROLES):
        if any(s[event] for event in ROLE_EVENTS[role]) and s.get(role) is not None:
            data.roles[row, :size, r] = _tokens_of(s[role], text, sentence)[:size]


def _marks(sentence: Sentence) -> Iterator[tuple[int, str]]:
    """All marks of a sentence's tokens, known to the model or not."""
    for hit in sentence.hits:
        yield from ((hit.i, name) for name in hit_marks(hit) if hit.i < LONGEST)
    yield from (pair for pair in other_marks(sentence) if pair[0] < LONGEST)


def _tokens_of(spans: Sequence[str], text: str, sentence: Sentence) -> np.ndarray:
    """The quoted spans of one role as labels of the sentence's tokens."""
    out = np.zeros(len(sentence.tokens), np.int8)
    for words in sorted(spans, key=len, reverse=True):
        place = _best_place(words, text, sentence, out)
        if place is not None:
            i, j = place
            out[i:j] = 2
            out[i] = 1
    return out


def _best_place(
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


def joined(one: Sentences, other: Sentences) -> Sentences:
    """The rows of both, the documents of `other` after those of `one`."""
    return Sentences(
        document=np.concatenate([one.document, other.document + one.document[-1] + 1]),
        words=one.words + other.words,
        marks=one.marks + other.marks,
        counted=np.concatenate([one.counted, other.counted]),
        presence=np.concatenate([one.presence, other.presence]),
        heads={name: np.concatenate([one.heads[name], other.heads[name]]) for name in one.heads},
        roles=np.concatenate([one.roles, other.roles]),
        weight=np.concatenate([one.weight, other.weight]),
        asked=np.concatenate([one.asked, other.asked]),
    )


def neighbours(document: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the title and of the sentence before it, -1 where there is none."""
    rows = np.arange(len(document))
    first = np.searchsorted(document, document)
    return np.where(rows > first, first, -1), np.where(rows > first + 1, rows - 1, -1)


def folds_of(data: Labelled, folds: int) -> np.ndarray:
    """The fold of each document; documents of one title stay together."""
    keys = [" ".join(v.words_of(tokenize(title))) for title in data.titles]
    known = sorted(set(keys))
    order = np.random.default_rng(0).permutation(len(known)) % folds
    fold = dict(zip(known, order.tolist(), strict=True))
    return np.array([fold[key] for key in keys])
