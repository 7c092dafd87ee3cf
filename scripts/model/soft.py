"""What a student learns from: softer labels, and what teachers say of unlabelled sentences."""

from __future__ import annotations

import lzma

from dataclasses import replace
from pathlib import Path

import numpy as np  # noqa: TID253

from model.labels import (
    HEAD_LABELS,
    ROLE_EVENTS,
    Labelled,
    Sentences,
    sentence_hash,
    sentences_of,
)
from rasid.arabic import surfaces
from rasid.tagging import verifier as v
from rasid.tagging.matcher import Matcher
from rasid.tagging.reading import latest_year
from rasid.tagging.sentence import Sentence
from rasid.tagging.triggers import TAGS


# A label's share; the rest is what teachers say that did not learn the sentence. One reader
# labelled train.jsonl, and not always alike: class is right in .77 of its attacks out of fold, in
# .87 of those of dev.jsonl, which two readers agreed on.
OWN = 0.5
OURS = 0.7  # the same of sentences of the corpus that we labelled ourselves
SURE = 0.5  # of an event, for its roles to be learnt
QUIET = 0.1  # share of sentences taken in which no word could be an event


def softened(data: Labelled, scores: np.ndarray) -> Labelled:
    """The sentences with labels moved towards out-of-fold `scores` (rows, v.OUTPUTS); roles stay.

    The teacher of one fold has learnt from all others, so a little of a fold's labels reaches its
    own student by way of these: figures out of fold are slightly too good.
    """
    column = {name: scores[:, n] for n, name in enumerate(v.OUTPUTS)}
    presence = np.stack([column[name] for name in v.PRESENCE], axis=1)
    heads = {}
    for name, labels in v.HEADS:
        own = data.heads[name]
        says = np.stack([column[f"{name}:{label}"] for label in labels], axis=1)
        says *= own.sum(axis=1, keepdims=True) / np.maximum(says.sum(axis=1, keepdims=True), 1e-6)
        heads[name] = (OWN * own + (1 - OWN) * says).astype(np.float32)
    mixed = OWN * data.presence + (1 - OWN) * presence
    return replace(data, presence=mixed.astype(np.float32), heads=heads)


def mixed(own: Labelled, told: Sentences) -> Labelled:
    """Labelled sentences with labels moved towards what a teacher says whose reader lacked them."""
    heads = {}
    for name, _ in v.HEADS:
        label, says = own.heads[name], told.heads[name]
        says = says / np.maximum(says.sum(axis=1, keepdims=True), 1e-6)
        known = label.any(axis=1, keepdims=True)
        heads[name] = np.where(known, OURS * label + (1 - OURS) * says, 0).astype(np.float32)
    presence = OURS * own.presence + (1 - OURS) * told.presence
    return replace(own, presence=presence.astype(np.float32), heads=heads)


def candidates(
    corpus: Path, matcher: Matcher, size: int, labelled: frozenset[str]
) -> list[Sentence]:
    """The first sentences of the shuffled corpus that could state an event, and some others.

    Those are left out that are `labelled`, by their hash.
    """
    rng = np.random.default_rng(0)
    found: list[Sentence] = []
    with lzma.open(corpus, "rt", encoding="utf-8") as lines:
        for line in lines:
            if sentence_hash(line.strip()) in labelled:
                continue
            written = surfaces(line)
            hits = matcher.hits(written)
            if any(h.entry.kind in TAGS for h in hits) or rng.random() < QUIET:
                found.append(
                    Sentence(
                        index=0, start=0, end=len(line), text=line, surfaces=written, hits=hits,
                        day=None, year=latest_year(line),
                    )
                )  # fmt: skip
                if len(found) == size:
                    break
    return found


def told(teacher: v.Verifier, read: list[Sentence], weight: float) -> Sentences:
    """Sentences that stand alone, labelled by a teacher: probabilities, and roles it is sure of."""
    data = sentences_of(read, range(len(read)))
    data.weight[:] = weight
    for row, sentence in enumerate(read):
        verdict = teacher.read([sentence], [0])
        says = verdict.says(0)
        data.presence[row] = [says[name] for name in v.PRESENCE]
        for name, labels in v.HEADS:
            _, event = HEAD_LABELS[name]
            shares = np.array([says[f"{name}:{label}"] for label in labels])
            data.heads[name][row] = says[event] * shares
        sure = {event for event in ("attack", "movement") if says[event] > SURE}
        if sure:
            own = verdict.role_shares(0).argmax(axis=2)
            for r, role in enumerate(v.ROLES):
                if sure.intersection(ROLE_EVENTS[role]):
                    data.roles[row, : len(own), r] = own[:, r]
    return data
