"""A decided candidate written out as the mention record (tagging.md §2)."""

from __future__ import annotations

import hashlib

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from rasid.arabic import Token, part_of
from rasid.tagging import actors
from rasid.tagging.attribution import attribute
from rasid.tagging.codes import codes
from rasid.tagging.counts import casualties, strength
from rasid.tagging.matcher import VERB_FORMS, Hit
from rasid.tagging.mention import Attribution, Count, EventTime, Mention, Role, Span
from rasid.tagging.modality import is_habitual
from rasid.tagging.reading import Candidate
from rasid.tagging.roles import Frame
from rasid.tagging.sentence import Sentence
from rasid.tagging.times import event_time


class Decision(NamedTuple):
    """What rules and model together say of one candidate."""

    actor_class: str
    kind: str
    modality: str
    confidence: float
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a sentence says once for all of its events."""

    killed: Count | None
    injured: Count | None
    size: Count | None
    time: EventTime | None
    attribution: Attribution
    hedged: bool
    habitual: bool


def facts_of(sentence: Sentence, text: str) -> Facts:
    """The facts of a sentence in which something was found."""
    return Facts(
        killed=casualties(sentence, text, "killed"),
        injured=casualties(sentence, text, "injured"),
        size=strength(sentence, text),
        time=event_time(sentence.tokens, text, sentence.day),
        attribution=attribute(sentence, text),
        hedged=any(h.entry.get("hedge") for h in sentence.of("modality")),
        habitual=is_habitual(sentence),
    )


def record(
    text: str, candidate: Candidate, decision: Decision, facts: Facts, lexicon_version: str
) -> Mention:
    """The mention of one decided candidate."""
    trigger, frame, sentence = candidate.trigger, candidate.frame, candidate.sentence
    tokens = sentence.tokens
    attack = trigger.kind == "attack"
    start, _ = part_of(tokens[trigger.i], _clitics(trigger))
    end = tokens[trigger.j - 1].end
    code = codes(
        trigger.kind, decision.kind, decision.modality,
        armed_target=any(p.armed for p in frame.patients),
        air=any(h.entry.get("air") for h in frame.weapons),
    )  # fmt: skip
    return Mention(
        tag=trigger.kind, start=start, end=end, trigger=text[start:end],
        lemma=trigger.entry.id, pos="verb" if trigger.form in VERB_FORMS else "noun",
        modality=decision.modality, modality_cue=_cue(candidate, decision.modality, text),
        actor_class=decision.actor_class, kind=decision.kind,
        sentence=text[sentence.start : sentence.end],
        sent_start=sentence.start, sent_end=sentence.end, sentence_index=sentence.index,
        confidence=decision.confidence, evidence=decision.evidence,
        outcome=_outcome(decision.modality, sentence.hits, tag=trigger.kind),
        certainty="hedged" if facts.hedged else "asserted",
        polarity="neg" if decision.modality == "denied" else "pos",
        aspect="habitual" if facts.habitual else "single",
        in_combat=decision.kind == "advance" and bool(sentence.of("attack")),
        actors=_actors(candidate, decision.actor_class, text),
        targets=tuple(actors.role(p, tokens, text) for p in frame.patients)
        or tuple(_span(h, tokens, text) for h in frame.things[:2] if h.i > trigger.i),
        from_=tuple(_span(h, tokens, text) for h in frame.from_),
        to=tuple(_span(h, tokens, text) for h in frame.to),
        via=tuple(_span(h, tokens, text) for h in frame.via),
        places=tuple(_span(h, tokens, text) for h in frame.places),
        weapons=tuple(_span(h, tokens, text) for h in frame.weapons),
        size=None if attack else facts.size,
        killed=facts.killed if attack else None,
        injured=facts.injured if attack else None,
        event_time=facts.time, attribution=facts.attribution,
        acled_sub_event=code.acled, plover_cat=code.plover, plover_mode=code.mode,
        cameo=code.cameo, mention_id=_mention_id(text, trigger.kind, start),
        lexicon_version=lexicon_version,
    )  # fmt: skip


def _cue(candidate: Candidate, modality: str, text: str) -> Span | None:
    ruling = candidate.ruling
    if ruling.cue is None or ruling.modality != modality:
        return None
    tokens = candidate.sentence.tokens
    a, b = tokens[ruling.cue[0]].start, tokens[ruling.cue[1] - 1].end
    return Span(text[a:b], a, b)


def _actors(candidate: Candidate, cls: str, text: str) -> tuple[Role, ...]:
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
    return tuple(actors.role(p, tokens, text) for p in agents) or _nisba(frame, tokens, text)


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
