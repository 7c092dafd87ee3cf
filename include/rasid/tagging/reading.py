"""A document as the tagger reads it: its sentences, and all that could be an event in them."""

from __future__ import annotations

import re

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any

from rasid.arabic import ascii_digits, sentences, surfaces, tokenize
from rasid.tagging.features import around, evidence
from rasid.tagging.lexicon import Lexicon
from rasid.tagging.matcher import Hit, Matcher
from rasid.tagging.mention import MILITIA_CLASSES
from rasid.tagging.modality import Ruling, rule_modality
from rasid.tagging.roles import Frame, read_roles
from rasid.tagging.sentence import Sentence
from rasid.tagging.triggers import TAGS, Found, Triggers


# Tokens of one sentence read together. News has fewer; a text without stops stays linear.
LONGEST = 128
MANY_TOPICS = 2  # sentences that make an everyday topic the document's


@dataclass(frozen=True, slots=True)
class Candidate:
    """A possible mention with its evidence; what the gate and the combination decide on."""

    sentence: Sentence
    trigger: Hit
    frame: Frame
    ruling: Ruling
    features: tuple[str, ...]
    score: float  # log-odds by the fitted weights
    supported: bool  # whether what the trigger's entry needs stands beside it


class Reading:
    """Sentences with their triggers, and which classes of armed bodies the document names where."""

    def __init__(
        self,
        sentences: list[Sentence],
        triggers: Mapping[int, Found],
        title_end: int,
        weights: Mapping[str, Any],
    ) -> None:
        self.sentences = sentences
        self.triggers = triggers  # by the index of their sentence
        self._title = [s for s in sentences if s.start < title_end]
        self._weights = weights
        self._read: dict[tuple[int, str], list[Candidate]] = {}

    @cached_property
    def title(self) -> tuple[str, ...]:
        """Classes of the armed bodies in the title."""
        return tuple(p.cls for s in self._title for p in s.bodies if p.armed)

    def elsewhere(self, sentence: Sentence) -> Counter[str]:
        """Classes of the armed bodies outside `sentence`."""
        return self._named - Counter(p.cls for p in sentence.bodies if p.armed)

    @property
    def candidates(self) -> list[Candidate]:
        """Everything that a trigger could state, not yet gated."""
        return [c for index in self.triggers for tag in TAGS for c in self.of(index, tag)]

    @cached_property
    def _attackers(self) -> dict[int, list[str]]:
        """By sentence, the classes of the attackers that its likely attacks name."""
        found: dict[int, list[str]] = {}
        for (index, tag), candidates in sorted(self._read.items()):
            for c in candidates if tag == "attack" else ():
                if c.score >= 0 and c.frame.agents and c.frame.agents[0].cls:
                    found.setdefault(index, []).append(c.frame.agents[0].cls)
        return found

    @cached_property
    def _attacks(self) -> tuple[list[int], Counter[str]]:
        return list(self._attackers), Counter(c for own in self._attackers.values() for c in own)

    def attackers(self, index: int) -> dict[str, str]:
        """Whom other sentences than `index` name as attacker: first, mostly, and just before."""
        order, total = self._attacks
        others = total - Counter(self._attackers.get(index, ()))
        if not others:
            return {}
        first = order[0] if order[0] != index else order[1]
        found = {"first": self._attackers[first][0], "most": others.most_common(1)[0][0]}
        at = bisect_left(order, index)
        if at:
            found["before"] = self._attackers[order[at - 1]][-1]
        return found

    def of(self, index: int, tag: str) -> list[Candidate]:
        """The candidates of one tag in the sentence `index`."""
        if (index, tag) not in self._read:
            hits = self.triggers[index].likely if index in self.triggers else ()
            self._read[index, tag] = self._candidates(index, tag, hits, supported=True)
        return self._read[index, tag]

    def doubtful(self, index: int, tag: str) -> list[Candidate]:
        """The candidates of one tag in the sentence `index` that lack what their entry needs."""
        return self._candidates(index, tag, self.triggers[index].doubtful, supported=False)

    def _candidates(
        self, index: int, tag: str, hits: Sequence[Hit], *, supported: bool
    ) -> list[Candidate]:
        sentence = self.sentences[index]
        triggers = [t for t in hits if t.kind == tag]
        if not triggers:
            return []
        context = tuple(around(self._title_kinds, self._kinds, sentence.hits))
        found = []
        for trigger in triggers:
            frame = read_roles(sentence, trigger)
            ruling = rule_modality(sentence, trigger)
            own = evidence(sentence, trigger, frame, ruling)
            features = tuple(dict.fromkeys((*own, *context)))
            score = self._score(tag, features)
            found.append(Candidate(sentence, trigger, frame, ruling, features, score, supported))
        return found

    @cached_property
    def _named(self) -> Counter[str]:
        return Counter(p.cls for s in self.sentences for p in s.bodies if p.armed)

    @cached_property
    def _kinds(self) -> Counter[str]:
        return Counter(h.kind for s in self.sentences for h in s.hits)

    @cached_property
    def _title_kinds(self) -> frozenset[str]:
        return frozenset(h.kind for s in self._title for h in s.hits)

    def _score(self, tag: str, features: Sequence[str]) -> float:
        weights: Mapping[str, float] = self._weights.get(tag) or {}
        get = weights.get
        return get("bias", 0.0) + sum([get(f, 0.0) for f in features])


class Reader:
    """Reads documents by the lexicon alone."""

    def __init__(self, lexicon: Lexicon, matcher: Matcher) -> None:
        self._weights = lexicon.weights
        self._matcher = matcher
        self._triggers = Triggers(lexicon.entries)

    def read(self, text: str, title_end: int, day: date | None) -> Reading:
        """The sentences of `text` with all that could state an event."""
        found = list(self._sentences(text, day, day.year if day else latest_year(text)))
        title = [s for s in found if s.start < title_end]
        triggers = {}
        headed: bool | None = None  # whether the title names an armed body or a country
        for s in () if _off_topic(found, title) else found:
            if any(s.of(tag) for tag in TAGS):
                if headed is None:
                    headed = any(other.has_body for other in title)
                near = headed or (s.index > 0 and found[s.index - 1].has_body)
                hits = self._triggers.of(s, near=near)
                if any(hits):
                    triggers[s.index] = hits
        return Reading(found, triggers, title_end, self._weights)

    def _sentences(self, text: str, day: date | None, year: int | None) -> Iterator[Sentence]:
        for index, (start, end, written) in enumerate(_pieces(text)):
            yield Sentence(
                index=index,
                start=start,
                end=end,
                text=text,
                surfaces=written,
                hits=self._matcher.hits(written),
                day=day,
                year=year,
            )


def _pieces(text: str) -> Iterator[tuple[int, int, list[str]]]:
    """Spans and surfaces of the sentences, those of more than LONGEST tokens cut in pieces."""
    for start, end in sentences(text):
        written = surfaces(text, start, end)
        if 0 < len(written) <= LONGEST:
            yield start, end, written
            continue
        tokens = tokenize(text, start, end)
        for k in range(0, len(tokens), LONGEST):
            own = tokens[k : k + LONGEST]
            first = start if k == 0 else own[0].start
            last = end if k + LONGEST >= len(tokens) else own[-1].end
            yield first, last, written[k : k + LONGEST]


def _off_topic(sentences: Sequence[Sentence], title: Sequence[Sentence]) -> bool:
    """Whether a document is about sport, fires, computers …: its attacks are figures of speech.

    Two sentences of such a topic, or the title; and nobody killed, no group named, nobody armed
    but soldiers or police at large. Where the title is of an exercise, gunmen are a part of it.
    """
    about = sum(s.topic for s in sentences)
    if not about or (about < MANY_TOPICS and not any(s.topic for s in title)):
        return False
    drill = any(h.entry.get("drill") for s in title for h in s.of("negative"))
    for s in sentences:
        # A goal «kills the match»; the dead are counted in nouns and in the past.
        dead = (h for h in s.of("target") if h.entry.get("casualty") == "killed")
        if any(h.form != "pres" for h in dead):
            return False
        groups = (h for h in s.of("actor") if not h.entry.get("ambiguous"))
        if any(not (drill and h.entry.get("generic")) for h in groups):
            return False
        fighters = (h for h in s.of("force") if h.entry.get("class") in MILITIA_CLASSES)
        if not drill and any(not h.entry.get("everyday") for h in fighters):
            return False
    return True


def latest_year(text: str) -> int | None:
    """The latest year that an undated text names: it was not written before."""
    numbers = [ascii_digits(n) for n in _DIGITS.findall(text) if len(n) == 4]
    years = [int(n) for n in numbers if n.startswith(("19", "20"))]
    return max((y for y in years if y <= datetime.now(UTC).year), default=None)


_DIGITS = re.compile(r"\d+")
