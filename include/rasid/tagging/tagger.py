"""The tagger: lexicon hits, roles, modality and evidence become mentions."""

from __future__ import annotations

import hashlib
import math

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from rasid.arabic import Morphology, Token, part_of, sentences, tokenize
from rasid.settings import settings
from rasid.tagging import actors as bodies_of
from rasid.tagging.actors import Party, parties
from rasid.tagging.attribution import attribute
from rasid.tagging.clauses import clause_ids
from rasid.tagging.codes import codes
from rasid.tagging.combine import (
    choose,
    class_features,
    kind_features,
    modality_features,
    presence,
    total,
)
from rasid.tagging.counts import casualties, strength
from rasid.tagging.features import around, evidence
from rasid.tagging.lexicon import SOURCE, Entry, Lexicon, open_lexicon
from rasid.tagging.matcher import NO_READING, VERB_FORMS, Hit, Matcher
from rasid.tagging.mention import Mention, Role, Span
from rasid.tagging.modality import Ruling, is_habitual, rule_modality
from rasid.tagging.roles import Frame, read_roles
from rasid.tagging.times import event_time
from rasid.tagging.verifier import MODEL, Verifier


VERSION = "1"  # raised when the same lexicon would tag differently
# Tokens of one sentence read together. News has fewer; a text without stops stays linear.
LONGEST = 128
MOST_TRIGGERS = 24  # in one sentence; more is no news
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


@dataclass(frozen=True, slots=True)
class Reading:
    """A document as the tagger reads it: sentences, candidates, what is named where."""

    sentences: list[Sentence]
    candidates: list[Candidate]
    title: tuple[str, ...]  # classes of the armed bodies in the title
    named: Counter[str]  # classes of all armed bodies of the document

    def elsewhere(self, sentence: Sentence) -> Counter[str]:
        """Classes of the armed bodies outside `sentence`."""
        return self.named - Counter(p.cls for p in sentence.bodies if p.armed)


class Tagger:
    """Tags documents; load it once per process with `load_tagger`."""

    def __init__(self, lexicon: Lexicon, matcher: Matcher, verifier: Verifier | None) -> None:
        self.lexicon = lexicon
        self.matcher = matcher
        self.verifier = verifier
        self.mode = "rules" if verifier is None else "joint"
        self.version = f"{lexicon.manifest.hash}.{VERSION}.{self.mode}"
        self._near: dict[str, tuple[frozenset[tuple[str, ...]], ...]] = {}

    def tag(
        self, text: str, *, title_end: int | None = None, published_at: datetime | None = None
    ) -> list[Mention]:
        """All mentions of `text` (title, line break, body) in order; [] for what is no Arabic.

        `title_end` is where the title ends (default: the end of the first line).
        """
        reading = self.read(text, title_end=title_end, published_at=published_at)
        model = self._ask(text, reading)
        by_sentence: dict[tuple[int, str], list[Candidate]] = {}
        for candidate in reading.candidates:
            key = (candidate.sentence.index, candidate.trigger.kind)
            by_sentence.setdefault(key, []).append(candidate)
        found = []
        for sentence in reading.sentences:
            says = model.get(sentence.index)
            for tag in _TAGS:
                options = by_sentence.get((sentence.index, tag), [])
                best = max((c.score for c in options), default=None)
                features = presence(tag, best, says)
                score = total(self.lexicon.weights["presence"][self.mode][tag], features)
                if score < self.lexicon.weights["thresholds"][self.mode][tag]:
                    continue
                if not options and self._ruled_out(sentence, tag):
                    continue
                chosen = self._chosen(sentence, tag, options)
                for candidate in chosen:
                    found.append(self._mention(text, reading, candidate, score, says, published_at))  # noqa: PERF401
        return sorted(found, key=lambda m: (m.start, m.end, m.tag))

    def _ask(self, text: str, reading: Reading) -> dict[int, Mapping[str, float]]:
        """What the model says of each sentence; nothing without a model or without Arabic."""
        if self.verifier is None or not reading.sentences:
            return {}
        pieces = [text[s.start : s.end] for s in reading.sentences]
        rows = self.verifier.score(pieces, pieces[0])
        names = self.verifier.outputs
        return {
            s.index: dict(zip(names, map(float, row), strict=True))
            for s, row in zip(reading.sentences, rows, strict=True)
        }

    def _chosen(self, sentence: Sentence, tag: str, options: list[Candidate]) -> list[Candidate]:
        """The candidates of a sentence that state an event, given that one does."""
        if options:
            top = max(c.score for c in options)
            floor = min(top, self.lexicon.weights["thresholds"]["more"][tag])
            return _without_repeats([c for c in options if c.score >= floor])
        fallback = self._fallback(sentence, tag)
        return [fallback] if fallback is not None else []

    def _ruled_out(self, sentence: Sentence, tag: str) -> bool:
        """Whether the sentence's only words for an event are known to be none here."""
        return any(
            h.kind == "negative" or (h.kind == tag and not self._allowed(h, sentence))
            for h in sentence.hits
            if h.kind == "negative" or h.entry.get("class") in ("strong", "phrase")
        )

    def _fallback(self, sentence: Sentence, tag: str) -> Candidate | None:
        """Where only the model sees an event, its trigger is the likeliest word of the sentence."""
        order = ("attack", "troop_movement", "weapon", "target", "force", "actor")
        hits = [h for h in sentence.hits if h.kind in order]
        if hits:
            trigger = min(hits, key=lambda h: (h.kind != tag, order.index(h.kind), h.i))
        else:
            words = [k for k, t in enumerate(sentence.tokens) if t.shape.kind == "word"]
            if not words:
                return None
            k = max(words, key=lambda k: len(sentence.tokens[k].folded))
            trigger = Hit(Entry("", tag, "", {}), "word", k, k + 1, NO_READING)
        entry = Entry(trigger.entry.id, tag, trigger.entry.where, _DEFAULT_KIND[tag])
        trigger = trigger._replace(entry=entry)
        frame = read_roles(
            sentence.tokens, sentence.hits, sentence.clauses, sentence.bodies, trigger
        )
        ruling = rule_modality(sentence.tokens, sentence.hits, sentence.clauses, trigger, None)
        return Candidate(sentence, trigger, frame, ruling, ("model only",), 0.0)

    def read(
        self, text: str, *, title_end: int | None = None, published_at: datetime | None = None
    ) -> Reading:
        """The sentences of `text`, and everything that a trigger could state, not yet gated."""
        day = published_at.date() if published_at else None
        if title_end is None:
            title_end = text.find("\n") if "\n" in text else 0
        found: list[Sentence] = []
        for start, end in sentences(text):
            whole = tokenize(text, start, end)
            for k in range(0, len(whole), LONGEST):
                tokens = whole[k : k + LONGEST]
                first = start if k == 0 else tokens[0].start
                last = end if k + LONGEST >= len(whole) else tokens[-1].end
                hits = self.matcher.hits(tokens)
                clauses = clause_ids(tokens)
                bodies = parties(hits, day)
                found.append(Sentence(len(found), first, last, tokens, hits, clauses, bodies))
        year = published_at.year if published_at else None
        title = frozenset(h.kind for s in found if s.start < title_end for h in s.hits)
        everything = Counter(h.kind for s in found for h in s.hits)
        candidates = [c for s in found for c in self._candidates(s, title, everything, year)]
        classes = tuple(p.cls for s in found if s.start < title_end for p in s.bodies if p.armed)
        named = Counter(p.cls for s in found for p in s.bodies if p.armed)
        return Reading(found, candidates, classes, named)

    def _candidates(
        self, sentence: Sentence, title: frozenset[str], everything: Counter[str], year: int | None
    ) -> Iterator[Candidate]:
        triggers = list(self._triggers(sentence))[:MOST_TRIGGERS]
        if not triggers:
            return
        tokens, hits, clauses = sentence.tokens, sentence.hits, sentence.clauses
        context = tuple(around(title, everything, hits))
        for trigger in triggers:
            frame = read_roles(tokens, hits, clauses, sentence.bodies, trigger)
            ruling = rule_modality(tokens, hits, clauses, trigger, year)
            after = tokens[trigger.j].folded if trigger.j < len(tokens) else ""
            before = tokens[trigger.i - 1].folded if trigger.i else "^"
            own = evidence(trigger, frame, ruling, clauses, hits, sentence.bodies, after, before)
            features = tuple(dict.fromkeys((*own, *context)))
            score = self._score(trigger.kind, features)
            yield Candidate(sentence, trigger, frame, ruling, features, score)

    def _score(self, tag: str, features: Sequence[str]) -> float:
        weights: Mapping[str, float] = self.lexicon.weights.get(tag) or {}
        return weights.get("bias", 0.0) + sum(weights.get(f, 0.0) for f in features)

    def _triggers(self, sentence: Sentence) -> Iterator[Hit]:
        seen: dict[tuple[str, int], Hit] = {}
        for hit in sentence.hits:
            if hit.kind not in _TAGS or not self._allowed(hit, sentence):
                continue
            # The same word as verb and as noun is one candidate: the noun, if the noun fits.
            key = (hit.entry.id, hit.i)
            if key not in seen or (
                hit.form not in VERB_FORMS and not _after_subject(sentence, hit)
            ):
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

    def decide(
        self, reading: Reading, candidate: Candidate, says: Mapping[str, float] | None
    ) -> tuple[str, str, str]:
        """Class of attacker or mover, kind and modality of one mention."""
        trigger, frame, sentence = candidate.trigger, candidate.frame, candidate.sentence
        heads = self.lexicon.weights["heads"][self.mode]
        tag = trigger.kind
        if tag == "attack":
            who = class_features(
                trigger, frame, sentence.bodies, reading.elsewhere(sentence), reading.title, says
            )
            cls, _ = choose(heads["class"], who)
            kind = attack_kind(trigger, frame)
        else:
            cls = next((p.cls for p in frame.agents if p.cls), "") or "unknown"
            kind, _ = choose(heads["kind"], kind_features(trigger, frame, says))
        head = heads["attack_modality" if tag == "attack" else "movement_modality"]
        modality, _ = choose(head, modality_features(tag, trigger, candidate.ruling, says))
        return cls, kind, modality

    def _mention(  # noqa: PLR0917
        self,
        text: str,
        reading: Reading,
        candidate: Candidate,
        score: float,
        says: Mapping[str, float] | None,
        published_at: datetime | None,
    ) -> Mention:
        sentence, trigger, frame = candidate.sentence, candidate.trigger, candidate.frame
        tokens = sentence.tokens
        start, _ = part_of(tokens[trigger.i], _clitics(trigger))
        end = tokens[trigger.j - 1].end
        cls, kind, modality = self.decide(reading, candidate, says)
        ruling = candidate.ruling
        cue = None
        if ruling.cue is not None and ruling.modality == modality:
            a, b = tokens[ruling.cue[0]].start, tokens[ruling.cue[1] - 1].end
            cue = Span(text[a:b], a, b)
        hits, clauses = sentence.hits, sentence.clauses
        killed = injured = None
        if trigger.kind == "attack":
            killed = casualties(tokens, hits, clauses, text, "killed")
            injured = casualties(tokens, hits, clauses, text, "injured")
        armed_target = any(p.armed for p in frame.patients)
        air = any(h.entry.get("air") for h in frame.weapons)
        code = codes(trigger.kind, kind, modality, armed_target=armed_target, air=air)
        hedged = any(h.kind == "modality" and h.entry.get("hedge") for h in hits)
        return Mention(
            tag=trigger.kind, start=start, end=end, trigger=text[start:end],
            lemma=trigger.entry.id,
            pos="verb" if trigger.form in VERB_FORMS else "noun",
            modality=modality, modality_cue=cue, actor_class=cls, kind=kind,
            sentence=text[sentence.start : sentence.end],
            sent_start=sentence.start, sent_end=sentence.end, sentence_index=sentence.index,
            confidence=round(1 / (1 + math.exp(-score)), 4),
            evidence=tuple(self._evidence(candidate, modality, says)),
            outcome=_outcome(modality, hits, tag=trigger.kind),
            certainty="hedged" if hedged else "asserted",
            polarity="neg" if modality == "denied" else "pos",
            aspect="habitual" if is_habitual(tokens) else "single",
            in_combat=kind == "advance" and any(h.kind == "attack" for h in hits),
            actors=self._actors(candidate, cls, text),
            targets=tuple(bodies_of.role(p, tokens, text) for p in frame.patients)
            or tuple(_span(h, tokens, text) for h in frame.things[:2] if h.i > trigger.i),
            from_=tuple(_span(h, tokens, text) for h in frame.from_),
            to=tuple(_span(h, tokens, text) for h in frame.to),
            via=tuple(_span(h, tokens, text) for h in frame.via),
            places=tuple(_span(h, tokens, text) for h in frame.places),
            weapons=tuple(_span(h, tokens, text) for h in frame.weapons),
            size=None if trigger.kind == "attack" else strength(tokens, sentence.bodies, text),
            killed=killed, injured=injured,
            event_time=event_time(tokens, text, published_at.date() if published_at else None),
            attribution=attribute(tokens, hits, sentence.bodies, text),
            acled_sub_event=code.acled, plover_cat=code.plover, plover_mode=code.mode,
            cameo=code.cameo, mention_id=_mention_id(text, trigger.kind, start),
            lexicon_version=self.lexicon.manifest.hash,
        )  # fmt: skip

    def _actors(self, candidate: Candidate, cls: str, text: str) -> tuple[Role, ...]:
        """The agents that fit the class decided on; else the nearest body of that class."""
        frame, sentence, trigger = candidate.frame, candidate.sentence, candidate.trigger
        tokens = sentence.tokens
        agents = [p for p in frame.agents if p.cls in (cls, "") or trigger.kind != "attack"]
        if trigger.entry.get("mutual"):
            agents = frame.agents
        if not agents and frame.nisba is None:
            alike = [
                p for p in sentence.bodies
                if p.cls == cls and p not in frame.patients and p.armed and not p.equipment
            ]  # fmt: skip
            agents = sorted(alike, key=lambda p: abs(p.i - trigger.i))[:1]
        return tuple(bodies_of.role(p, tokens, text) for p in agents) or _nisba(frame, tokens, text)

    def _evidence(
        self, candidate: Candidate, modality: str, says: Mapping[str, float] | None
    ) -> Iterator[str]:
        """The rules that fired, heaviest first, and where model and rules disagree."""
        weights: Mapping[str, float] = self.lexicon.weights[candidate.trigger.kind]
        ranked = sorted(candidate.features, key=lambda f: -abs(weights.get(f, 0.0)))
        yield from (f"{f} {weights.get(f, 0.0):+.2f}" for f in ranked[:8])
        yield f"modality by {candidate.ruling.rule}"
        if candidate.ruling.modality != modality:
            yield f"modality: rules say {candidate.ruling.modality}, combined {modality}"
        if says is not None:
            p = says["attack" if candidate.trigger.kind == "attack" else "movement"]
            yield f"model {p:.2f}"
            sure = candidate.features == ("model only",)
            if (p >= 0.5) != (candidate.score >= 0 and not sure):
                yield "model and rules disagree"


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
    entry = hit.entry
    precision = "country" if hit.kind == "country" else str(entry.get("precision") or "")
    return Role(
        text[start:end], start, end, entry.id, precision, entry.get("lat"), entry.get("lon"),
        str(entry.get("country") or ""),
    )  # fmt: skip


def _nisba(frame: Frame, tokens: Sequence[Token], text: str) -> tuple[Role, ...]:
    """The agent that an adjective names: غارة أميركية."""
    if frame.nisba is None:
        return ()
    role = _span(frame.nisba, tokens, text)
    cls = "state" if frame.nisba.kind == "country" else str(frame.nisba.entry.get("class") or "")
    return (replace(role, type=cls, lat=None, lon=None),)


def _outcome(modality: str, hits: Sequence[Hit], *, tag: str) -> str | None:
    """What came of it, where the text says so."""
    if modality == "foiled":
        return "aborted"
    if modality != "factual" or tag != "attack":
        return None
    if any(h.entry.get("repels") for h in hits):
        return "repelled"
    if any(h.entry.id == "attack.isqat" or h.entry.id.startswith("mod.foiled") for h in hits):
        return "intercepted"
    return "occurred"


def _mention_id(text: str, tag: str, start: int) -> str:
    """The same text gives the same id; the pipeline adds the article's."""
    return hashlib.blake2b(
        f"{tag}:{start}:{text}".encode(errors="replace"), digest_size=8
    ).hexdigest()


def attack_kind(trigger: Hit, frame: Frame) -> str:
    """The subtype of an attack: the weapon's where the trigger leaves it open, else the trigger's."""  # noqa: E501
    own = str(trigger.entry.get("subtype") or "armed_assault")
    if own == "armed_assault" or trigger.entry.get("result"):
        for hit in frame.weapons:
            if hit.entry.get("subtype"):
                return str(hit.entry.get("subtype"))
    return own


# Weapons, casualties and claims that tell of an event which another word of the clause names.
_SECONDARY = frozenset(
    f"attack.{name}"
    for name in [
        "ied",
        "vbied",
        "mufakhkhakha",
        "suicide",
        "laghm",
        "sarukh",
        "rashqa",
        "musayyara",
        "rasas",
        "tabanna",
        "masuliyya",
        "istihdaf",
        "mustahdaf",
        "muwajaha",
        "amaliyya",
        "makhtuf",
        "tamarrud",
        "khasair",
        "radd",
    ]
)


def _without_repeats(candidates: list[Candidate]) -> list[Candidate]:
    """One mention an event: where triggers share a word, the longer; weapons, casualties and claims
    give way to the word that names the event in the same or the next clause.
    """  # noqa: D205
    kept: list[Candidate] = []
    for c in sorted(candidates, key=lambda c: (-(c.trigger.j - c.trigger.i), -c.score)):
        if all(c.trigger.j <= k.trigger.i or c.trigger.i >= k.trigger.j for k in kept):
            kept.append(c)
    primary = [c for c in kept if not _secondary(c)]
    for c in sorted(kept, key=lambda c: -c.score):
        if _secondary(c) and not any(_near(c, p) for p in primary):
            primary.append(c)
    return primary


def _secondary(c: Candidate) -> bool:
    return c.trigger.entry.id in _SECONDARY or bool(c.trigger.entry.get("result"))


def _near(a: Candidate, b: Candidate) -> bool:
    clauses = a.sentence.clauses
    return abs(clauses[a.trigger.i] - clauses[b.trigger.i]) <= 1


_DEFAULT_KIND: Mapping[str, Mapping[str, str]] = {
    "attack": {"subtype": "armed_assault"},
    "troop_movement": {"kind": "advance"},
}


def load_tagger(lexicon: Path | None = None, *, model: bool = True) -> Tagger:
    """A tagger over the lexicon folder (default: include/lexicon), compiled once and cached.

    Without the model file, or with `model=False`, the rules work alone.
    """
    cache = settings().cache
    opened = open_lexicon(lexicon or SOURCE, cache)
    verifier = Verifier.load() if model and MODEL.exists() else None
    return Tagger(opened, Matcher(opened, Morphology(opened.database, cache / "camel")), verifier)
