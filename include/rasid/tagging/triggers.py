"""Which hits may state an event: the restrictions that lexicon entries set on their neighbours."""

from __future__ import annotations

import itertools

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from rasid.arabic import tokenize
from rasid.tagging.actors import UNITS
from rasid.tagging.lexicon import Entry
from rasid.tagging.matcher import VERB_FORMS, Hit
from rasid.tagging.sentence import Sentence


TAGS = ("attack", "troop_movement")
MOST_TRIGGERS = 12  # in one sentence; more is no news
_REACH = 12  # tokens between a light verb and its object


class _Limits(NamedTuple):
    """What one entry asks of the words around it, folded."""

    not_next: Mapping[str, Sequence[tuple[str, ...]]]  # phrases by their first word
    not_prev: Sequence[tuple[str, ...]]
    objects: frozenset[str]


class Found(NamedTuple):
    """The hits of a sentence that may state an event, in order, the first ones of each only."""

    likely: list[Hit]
    doubtful: list[Hit]  # without what their entry needs beside it; only the model may believe them


class Triggers:
    """Finds the triggers of a sentence."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self._limits = {e.id: _limits(e) for e in entries.values() if e.kind in TAGS}

    def of(self, sentence: Sentence, *, near: bool) -> Found:
        """The hits that may state an event of their kind here.

        `near`: the title or the sentence before names an armed body, which this one may mean.
        """
        found = Found([], [])
        if sentence.off_topic:
            return found
        for hit in sorted((h for tag in TAGS for h in sentence.of(tag)), key=lambda h: h.i):
            if not self._means_otherwise(hit, sentence):
                supported = self._supported(hit, sentence, near=near)
                (found.likely if supported else found.doubtful).append(hit)
        return Found(*(list(_first(hits, sentence)) for hits in found))

    def _means_otherwise(self, hit: Hit, sentence: Sentence) -> bool:
        """Whether the words beside a hit give it another meaning than an event."""
        words = sentence.words
        limits = self._limits[hit.entry.id]
        if limits.not_next and _follows(words, hit.j, limits.not_next):
            return True
        if any(words[max(0, hit.i - len(w)) : hit.i] == list(w) for w in limits.not_prev):
            return True
        if hit.form == "sg" and hit.entry.get("plural_only"):
            return True
        return _in_name(hit, sentence)

    def _supported(self, hit: Hit, sentence: Sentence, *, near: bool) -> bool:
        """Whether what the entry of a hit needs stands in its sentence, or near it."""
        entry = hit.entry
        limits = self._limits[entry.id]
        needs = entry.get("needs")
        if (
            needs in ("context", None)
            or sentence.has_body
            or _has_nisba(hit, sentence)
            or _takes_place(hit, sentence)
        ):
            return entry.get("class") != "light" or _has_object(hit, limits.objects, sentence)
        return near and needs != "force_object"


def _first(hits: Sequence[Hit], sentence: Sentence) -> Iterator[Hit]:
    """The first MOST_TRIGGERS of hits in order, each word as one trigger."""
    seen: dict[tuple[str, int], Hit] = {}
    last = -1  # the token of the last trigger seen
    for hit in hits:
        if hit.i > last and len(seen) >= MOST_TRIGGERS:
            break
        last = hit.i
        # The same word as verb and as noun is one trigger: the noun, if the noun fits.
        key = (hit.entry.id, hit.i)
        if key not in seen or (hit.form not in VERB_FORMS and not _after_subject(sentence, hit)):
            seen[key] = hit
    yield from itertools.islice(seen.values(), MOST_TRIGGERS)


def _in_name(hit: Hit, sentence: Sentence) -> bool:
    """Whether a noun is a part of who acts: «جيش الفتح», «للحشد», «آليات الاحتلال»."""
    if hit.form in VERB_FORMS:
        return False
    if hit.reading.article and any(
        u.j == hit.i and u.entry.id in UNITS and not u.reading.article for u in sentence.of("force")
    ):
        return True  # «لواء الثأر»
    named = any(a.i <= hit.i < a.j for a in sentence.of("actor"))
    return (named or hit.reading.article) and any(
        p.i + (not named) <= hit.i < p.j for p in sentence.bodies if p.armed
    )


def _follows(words: list[str], j: int, phrases: Mapping[str, Sequence[tuple[str, ...]]]) -> bool:
    """Whether one of the phrases comes next; one of several words may stand after two more.

    «الانسحاب الأميركي من الاتفاق» is a withdrawal «من الاتفاق».
    """
    return any(
        tuple(words[k : k + len(phrase)]) == phrase
        for k in range(j, min(j + 3, len(words)))
        for phrase in phrases.get(words[k], ())
        if k == j or len(phrase) > 1
    )


def _has_object(hit: Hit, objects: frozenset[str], sentence: Sentence) -> bool:
    """Whether a light verb's object stands near and is no trigger by itself."""
    for k in range(hit.j, min(hit.j + _REACH, len(sentence.words))):
        if sentence.clauses[k] - sentence.clauses[hit.i] > 1:
            return False
        if sentence.words[k] in objects:
            others = [h for h in sentence.of("attack") if h.i == k and h is not hit]
            return not others or others[-1].entry.get("class") == "weak"
    return False


def _has_nisba(hit: Hit, sentence: Sentence) -> bool:
    """Whether a country's adjective stands beside a noun: «حشود إثيوبية»."""
    return hit.form not in VERB_FORMS and any(
        0 <= c.i - hit.j <= 1 and c.form == "nisba" for c in sentence.of("country")
    )


def _takes_place(hit: Hit, sentence: Sentence) -> bool:
    """Whether a word of taking ground has a town after it: «تحرير أبين», «السيطرة على عفرين».

    Only armed bodies take towns, named or not (26 of train's 96 movements without a candidate).
    """
    return hit.entry.get("kind") == "advance" and any(
        0 <= place.i - hit.j <= _OBJECT_REACH for place in sentence.of("place")
    )


_OBJECT_REACH = 3


def _after_subject(sentence: Sentence, hit: Hit) -> bool:
    return bool(hit.i) and any(p.j == hit.i for p in sentence.bodies)


def _limits(entry: Entry) -> _Limits:
    not_next: dict[str, list[tuple[str, ...]]] = {}
    for phrase in _folded(entry.get("not_next") or ()):
        not_next.setdefault(phrase[0], []).append(phrase)
    return _Limits(
        not_next,
        _folded(entry.get("not_prev") or ()),
        frozenset(w[0] for w in _folded(entry.get("object") or ())),
    )


def _folded(phrases: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(t.folded for t in tokenize(p)) for p in phrases)
