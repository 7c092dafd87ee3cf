"""A document as the tagger reads it: its sentences, and all that could be an event in them."""

from __future__ import annotations

import re

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from rasid.arabic import ascii_digits, sentences, tokenize
from rasid.tagging.features import around, evidence
from rasid.tagging.lexicon import Lexicon
from rasid.tagging.matcher import Hit, Matcher
from rasid.tagging.modality import Ruling, rule_modality
from rasid.tagging.roles import Frame, read_roles
from rasid.tagging.sentence import Sentence
from rasid.tagging.triggers import TAGS, Triggers


# Tokens of one sentence read together. News has fewer; a text without stops stays linear.
LONGEST = 128


@dataclass(frozen=True, slots=True)
class Candidate:
    """A possible mention with its evidence; what the gate and the combination decide on."""

    sentence: Sentence
    trigger: Hit
    frame: Frame
    ruling: Ruling
    features: tuple[str, ...]
    score: float  # log-odds by the fitted weights


@dataclass(frozen=True, slots=True)
class Reading:
    """Sentences, candidates, and which classes of armed bodies the document names where."""

    sentences: list[Sentence]
    candidates: list[Candidate]
    title: tuple[str, ...]  # classes of the armed bodies in the title
    named: Counter[str]  # classes of all armed bodies of the document

    def elsewhere(self, sentence: Sentence) -> Counter[str]:
        """Classes of the armed bodies outside `sentence`."""
        return self.named - Counter(p.cls for p in sentence.bodies if p.armed)


class Reader:
    """Reads documents by the lexicon alone."""

    def __init__(self, lexicon: Lexicon, matcher: Matcher) -> None:
        self._weights = lexicon.weights
        self._matcher = matcher
        self.triggers = Triggers(lexicon.entries)

    def read(self, text: str, title_end: int, day: date | None) -> Reading:
        """The sentences of `text`, and everything that a trigger could state, not yet gated."""
        found = list(self._sentences(text, day, day.year if day else latest_year(text)))
        title = [s for s in found if s.start < title_end]
        triggers = {}
        for s in found:
            if any(s.of(tag) for tag in TAGS):
                before = [*title, found[s.index - 1]] if s.index else title
                triggers[s.index] = list(
                    self.triggers.of(s, near=any(other.has_body for other in before))
                )
        if not any(triggers.values()):
            return Reading(found, [], (), Counter())  # most of a day's news ends here
        kinds = frozenset(h.entry.kind for s in title for h in s.hits)
        everything = Counter(h.entry.kind for s in found for h in s.hits)
        candidates = [
            c
            for index, hits in triggers.items()
            if hits
            for c in self._candidates(found[index], hits, kinds, everything)
        ]
        classes = tuple(p.cls for s in title for p in s.bodies if p.armed)
        named = Counter(p.cls for s in found for p in s.bodies if p.armed)
        return Reading(found, candidates, classes, named)

    def _sentences(self, text: str, day: date | None, year: int | None) -> Iterator[Sentence]:
        index = 0
        for start, end in sentences(text):
            whole = tokenize(text, start, end)
            for k in range(0, len(whole), LONGEST):
                tokens = whole[k : k + LONGEST]
                yield Sentence(
                    index=index,
                    start=start if k == 0 else tokens[0].start,
                    end=end if k + LONGEST >= len(whole) else tokens[-1].end,
                    tokens=tokens,
                    hits=self._matcher.hits(tokens),
                    day=day,
                    year=year,
                )
                index += 1

    def _candidates(
        self,
        sentence: Sentence,
        triggers: Sequence[Hit],
        title: frozenset[str],
        everything: Counter[str],
    ) -> Iterator[Candidate]:
        context = tuple(around(title, everything, sentence.hits))
        for trigger in triggers:
            frame = read_roles(sentence, trigger)
            ruling = rule_modality(sentence, trigger)
            own = evidence(sentence, trigger, frame, ruling)
            features = tuple(dict.fromkeys((*own, *context)))
            score = self._score(trigger.entry.kind, features)
            yield Candidate(sentence, trigger, frame, ruling, features, score)

    def _score(self, tag: str, features: Sequence[str]) -> float:
        weights: Mapping[str, float] = self._weights.get(tag) or {}
        get = weights.get
        return get("bias", 0.0) + sum([get(f, 0.0) for f in features])


def latest_year(text: str) -> int | None:
    """The latest year that an undated text names: it was not written before."""
    years = [int(y) for y in _YEAR.findall(ascii_digits(text))]
    return max((y for y in years if y <= datetime.now(UTC).year), default=None)


_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
