"""The tagger: lexicon hits, roles, modality and evidence become mentions."""

from __future__ import annotations

import math

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rasid.arabic import Morphology, Token, part_of, sentences, tokenize
from rasid.settings import settings
from rasid.tagging import actors as bodies_of
from rasid.tagging.actors import Party, parties
from rasid.tagging.clauses import clause_ids
from rasid.tagging.features import around, evidence
from rasid.tagging.lexicon import SOURCE, Entry, Lexicon, open_lexicon
from rasid.tagging.matcher import VERB_FORMS, Hit, Matcher
from rasid.tagging.mention import Mention, Role, Span
from rasid.tagging.modality import Ruling, is_habitual, rule_modality
from rasid.tagging.roles import Frame, read_roles


VERSION = "1"  # raised when the same lexicon would tag differently
_TAGS = ("attack", "troop_movement")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence with all that was found in it."""

    index: int
    start: int
    end: int
    tokens: list[Token]
    hits: list[Hit]
    clauses: list[int]
    bodies: list[Party]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A possible mention with its evidence; what the gate and the combination decide on."""

    sentence: Sentence
    trigger: Hit
    frame: Frame
    ruling: Ruling
    features: tuple[str, ...]
    score: float  # log-odds by the fitted weights


class Tagger:
    """Tags documents; load it once per process with `load_tagger`."""

    def __init__(self, lexicon: Lexicon, matcher: Matcher) -> None:
        self.lexicon = lexicon
        self.matcher = matcher
        self.version = f"{lexicon.manifest.hash}.{VERSION}"
        self._near: dict[str, tuple[frozenset[tuple[str, ...]], ...]] = {}

    def tag(
        self, text: str, *, title_end: int | None = None, published_at: datetime | None = None
    ) -> list[Mention]:
        """All mentions of `text` (title, line break, body) in order; [] for what is no Arabic.

        `title_end` is where the title ends (default: the end of the first line).
        """
        found = []
        for candidate in self.candidates(text, title_end=title_end, published_at=published_at):
            tag = candidate.trigger.kind
            if candidate.score >= self._threshold(tag):
                found.append(self._mention(text, candidate, published_at))
        return found

    def read(self, text: str, published_at: datetime | None = None) -> list[Sentence]:
        """The sentences of `text` with tokens, hits, clauses and armed bodies."""
        day = published_at.date() if published_at else None
        out = []
        for index, (start, end) in enumerate(sentences(text)):
            tokens = tokenize(text, start, end)
            hits = self.matcher.hits(tokens)
            clauses = clause_ids(tokens)
            out.append(Sentence(index, start, end, tokens, hits, clauses, parties(hits, day)))
        return out

    def candidates(
        self, text: str, *, title_end: int | None = None, published_at: datetime | None = None
    ) -> list[Candidate]:
        """Everything that a trigger of the lexicon could state, scored and not yet gated."""
        read = self.read(text, published_at)
        if title_end is None:
            title_end = text.find("\n") if "\n" in text else 0
        title = [h for s in read if s.start < title_end for h in s.hits]
        everything = [h for s in read for h in s.hits]
        out = []
        for sentence in read:
            triggers = list(self._triggers(sentence))
            if not triggers:
                continue
            context = tuple(around(title, everything, sentence.hits))
            for trigger in triggers:
                frame = read_roles(
                    sentence.tokens, sentence.hits, sentence.clauses, sentence.bodies, trigger
                )
                year = published_at.year if published_at else None
                ruling = rule_modality(
                    sentence.tokens, sentence.hits, sentence.clauses, trigger, year
                )
                after = sentence.tokens[trigger.j].folded if trigger.j < len(sentence.tokens) else ""
                before = sentence.tokens[trigger.i - 1].folded if trigger.i else "^"
                own = evidence(
                    trigger, frame, ruling, sentence.clauses, sentence.hits, sentence.bodies,
                    after, before,
                )  # fmt: skip
                features = tuple(dict.fromkeys((*own, *context)))
                score = self._score(trigger.kind, features)
                out.append(Candidate(sentence, trigger, frame, ruling, features, score))
        return out

    def _score(self, tag: str, features: Sequence[str]) -> float:
        weights: Mapping[str, float] = self.lexicon.weights.get(tag) or {}
        return weights.get("bias", 0.0) + sum(weights.get(f, 0.0) for f in features)

    def _threshold(self, tag: str) -> float:
        return float((self.lexicon.weights.get("thresholds") or {}).get(tag, 0.0))

    def _triggers(self, sentence: Sentence) -> Iterator[Hit]:
        seen: dict[tuple[str, int], Hit] = {}
        for hit in sentence.hits:
            if hit.kind not in _TAGS or not self._allowed(hit, sentence):
                continue
            # The same word as verb and as noun is one candidate: the noun, if the noun fits.
            key = (hit.entry.id, hit.i)
            if key not in seen or (hit.form not in VERB_FORMS and not _after_subject(sentence, hit)):
                seen[key] = hit
        yield from seen.values()

    def _allowed(self, hit: Hit, sentence: Sentence) -> bool:
        entry = hit.entry
        tokens = sentence.tokens
        following, preceding = self._neighbours(entry)
        for words in following:
            if tuple(t.folded for t in tokens[hit.j : hit.j + len(words)]) == words:
                return False
        for words in preceding:
            if tuple(t.folded for t in tokens[max(0, hit.i - len(words)) : hit.i]) == words:
                return False
        if hit.form == "sg" and entry.get("plural_only"):
            return False
        needs = entry.get("needs")
        if needs in ("force", "force_object", "armed") and not any(
            p.armed or p.cls == "state" for p in sentence.bodies
        ):
            return False
        if entry.get("class") == "light":
            return self._has_object(hit, sentence)
        return True

    def _has_object(self, hit: Hit, sentence: Sentence) -> bool:
        """Whether a light verb's object stands near and is no trigger by itself."""
        objects = self._objects(hit.entry)
        window = range(hit.j, min(hit.j + 8, len(sentence.tokens)))
        at = {h.i: h for h in sentence.hits if h.kind == "attack" and h is not hit}
        for k in window:
            if sentence.clauses[k] - sentence.clauses[hit.i] > 1:
                return False
            if sentence.tokens[k].folded in objects:
                other = at.get(k)
                return other is None or other.entry.get("class") == "weak"
        return False

    def _objects(self, entry: Entry) -> frozenset[str]:
        key = "object:" + entry.id
        if key not in self._near:
            words = frozenset((_folded(w)[0],) for w in entry.get("object") or ())
            self._near[key] = (words,)
        return frozenset(w[0] for w in self._near[key][0])

    def _neighbours(
        self, entry: Entry
    ) -> tuple[frozenset[tuple[str, ...]], frozenset[tuple[str, ...]]]:
        pair = self._near.get(entry.id)
        if pair is None:
            pair = self._near[entry.id] = (
                frozenset(_folded(w) for w in entry.get("not_next") or ()),
                frozenset(_folded(w) for w in entry.get("not_prev") or ()),
            )
        return pair[0], pair[1]

    def _mention(
        self, text: str, candidate: Candidate, published_at: datetime | None
    ) -> Mention:
        sentence, trigger, frame = candidate.sentence, candidate.trigger, candidate.frame
        tokens = sentence.tokens
        start, _ = part_of(tokens[trigger.i], _clitics(trigger))
        end = tokens[trigger.j - 1].end
        ruling = candidate.ruling
        cue = None
        if ruling.cue is not None:
            a, b = tokens[ruling.cue[0]].start, tokens[ruling.cue[1] - 1].end
            cue = Span(text[a:b], a, b)
        agents = tuple(bodies_of.role(p, tokens, text) for p in frame.agents)
        return Mention(
            tag=trigger.kind, start=start, end=end, trigger=text[start:end],
            lemma=trigger.entry.id,
            pos="verb" if trigger.form in VERB_FORMS else "noun",
            modality=ruling.modality, modality_cue=cue,
            actor_class=_class(candidate), kind=_kind(trigger),
            sentence=text[sentence.start : sentence.end],
            sent_start=sentence.start, sent_end=sentence.end, sentence_index=sentence.index,
            confidence=round(1 / (1 + math.exp(-candidate.score)), 4),
            evidence=candidate.features,
            aspect="habitual" if is_habitual(tokens) else "single",
            actors=agents,
            targets=tuple(bodies_of.role(p, tokens, text) for p in frame.patients),
            from_=tuple(_span(h, tokens, text) for h in frame.from_),
            to=tuple(_span(h, tokens, text) for h in frame.to),
            via=tuple(_span(h, tokens, text) for h in frame.via),
            places=tuple(_span(h, tokens, text) for h in frame.places),
            weapons=tuple(_span(h, tokens, text) for h in frame.weapons),
            lexicon_version=self.lexicon.manifest.hash,
        )  # fmt: skip


def _after_subject(sentence: Sentence, hit: Hit) -> bool:
    return bool(hit.i) and any(p.j == hit.i for p in sentence.bodies)


def _folded(words: str) -> tuple[str, ...]:
    return tuple(t.folded for t in tokenize(words))


def _clitics(hit: Hit) -> int:
    prefix = hit.reading.prefix
    return len(prefix) - 2 if hit.reading.article and prefix.endswith("ال") else len(prefix)


def _span(hit: Hit, tokens: Sequence[Token], text: str) -> Role:
    start, _ = part_of(tokens[hit.i], _clitics(hit))
    end = tokens[hit.j - 1].end
    return Role(text[start:end], start, end, hit.entry.id, str(hit.entry.get("precision") or ""))


def _kind(trigger: Hit) -> str:
    return str(trigger.entry.get("subtype") or trigger.entry.get("kind") or "")


def _class(candidate: Candidate) -> str:
    frame = candidate.frame
    if frame.agents and frame.agents[0].cls:
        return frame.agents[0].cls
    if frame.nisba is not None:
        return "state" if frame.nisba.kind == "country" else str(frame.nisba.entry.get("class"))
    if any(h.entry.get("air") for h in frame.weapons):
        return "unknown"
    return "unattributed_armed"


def load_tagger(lexicon: Path | None = None) -> Tagger:
    """A tagger over the lexicon folder (default: include/lexicon), compiled once and cached."""
    cache = settings().cache
    opened = open_lexicon(lexicon or SOURCE, cache)
    return Tagger(opened, Matcher(opened, Morphology(opened.database, cache / "camel")))
