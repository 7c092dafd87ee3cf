"""A decided candidate written out as the mention record (tagging.md §2)."""

from __future__ import annotations

import hashlib

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from rasid.arabic import Token, part_of
from rasid.tagging import actors
from rasid.tagging.actors import Party
from rasid.tagging.attribution import attribute
from rasid.tagging.codes import codes
from rasid.tagging.counts import casualties, strength
from rasid.tagging.matcher import VERB_FORMS, Hit
from rasid.tagging.mention import Attribution, Count, EventTime, Mention, Role, Span
from rasid.tagging.modality import is_habitual
from rasid.tagging.places import Place
from rasid.tagging.reading import Candidate
from rasid.tagging.roles import SURE_AGENTS, Frame, victims
from rasid.tagging.sentence import Sentence
from rasid.tagging.spans import Piece, Spans, joined, namer
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
        time=event_time(sentence.dates, sentence.tokens, text),
        attribution=attribute(sentence, text),
        hedged=any(h.entry.get("hedge") for h in sentence.of("modality")),
        habitual=is_habitual(sentence),
    )


def record(
    text: str,
    candidate: Candidate,
    decision: Decision,
    facts: Facts,
    *,
    heard: Mapping[str, Spans],
    document: bytes,
    lexicon_version: str,
) -> Mention:
    """The mention of one decided candidate.

    `heard` are the model's spans of its roles, `document` a digest of the whole text.
    """
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
    roles = _roles(candidate, decision, text, heard)
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
        actors=roles["actors"] or _nisba(frame, tokens, text),
        targets=roles["targets"], weapons=roles["weapons"],
        from_=roles["from"], to=roles["to"], places=roles["places"],
        via=tuple(_place(p, tokens, text) for p in frame.via),
        equipment=() if attack else _equipment(sentence, text),
        size=None if attack else facts.size,
        killed=facts.killed if attack else None,
        injured=facts.injured if attack else None,
        event_time=facts.time, attribution=facts.attribution,
        acled_sub_event=code.acled, plover_cat=code.plover, plover_mode=code.mode,
        cameo=code.cameo, mention_id=_mention_id(document, trigger.kind, start),
        lexicon_version=lexicon_version,
    )  # fmt: skip


def _cue(candidate: Candidate, modality: str, text: str) -> Span | None:
    ruling = candidate.ruling
    if ruling.cue is None or ruling.modality != modality:
        return None
    tokens = candidate.sentence.tokens
    a, b = tokens[ruling.cue[0]].start, tokens[ruling.cue[1] - 1].end
    return Span(text[a:b], a, b)


def _roles(
    candidate: Candidate, decision: Decision, text: str, heard: Mapping[str, Spans]
) -> dict[str, tuple[Role, ...]]:
    """Every role by the rules and, where there is one, the model."""
    frame, sentence = candidate.frame, candidate.sentence
    attack = candidate.trigger.kind == "attack"
    tokens = sentence.tokens
    actor = "attackers" if attack else "movers"
    things = [h for h in frame.things if h.i > candidate.trigger.i]
    pieces = {
        "actors": [
            Piece(p.i, p.j, actors.role(p, tokens, text), sure=frame.agent_rule in SURE_AGENTS)
            for p in _agents(candidate, decision.actor_class)
        ],
        "targets": [Piece(p.i, p.j, actors.role(p, tokens, text)) for p in frame.patients]
        or [Piece(h.i, h.j, _span(h, tokens, text)) for h in things[:2]],
        "weapons": [Piece(h.i, h.j, _span(h, tokens, text)) for h in frame.weapons],
        "from": [Piece(p.i, p.j, _place(p, tokens, text)) for p in frame.from_],
        "to": [Piece(p.i, p.j, _place(p, tokens, text)) for p in frame.to],
        "places": [Piece(p.i, p.j, _place(p, tokens, text)) for p in frame.places],
    }
    elsewhere = [(p.i, p.j) for p in frame.elsewhere]
    never = {
        "places": elsewhere,
        "from": elsewhere + [(p.i, p.j) for p in frame.to],
        "to": elsewhere + [(p.i, p.j) for p in frame.from_],
    }
    return {
        name: joined(
            found, heard.get(actor if name == "actors" else name),
            namer(sentence, text, decision.actor_class if name == "actors" else ""),
            never=never.get(name, ()), longer=name in never,
        )
        for name, found in pieces.items()
    }  # fmt: skip


def _agents(candidate: Candidate, cls: str) -> list[Party]:
    """The agents that fit the class decided on; else the nearest body of that class."""
    frame, sentence, trigger = candidate.frame, candidate.sentence, candidate.trigger
    if trigger.kind != "attack" or trigger.entry.get("mutual"):
        return frame.agents
    agents = [p for p in frame.agents if p.cls in (cls, "")]
    if agents or frame.nisba is not None:
        return agents
    hit_ones = [*frame.patients, *victims(sentence)]
    alike = [
        p for p in sentence.bodies
        if p.cls == cls and p not in hit_ones and p.armed and not p.equipment
    ]  # fmt: skip
    return sorted(alike, key=lambda p: abs(p.i - trigger.i))[:1]


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


def _place(place: Place, tokens: Sequence[Token], text: str) -> Role:
    start, _ = part_of(tokens[place.i], place.skip)
    end = tokens[place.j - 1].end
    entry = place.entry
    if entry is None:
        return Role(text[start:end], start, end)
    precision = "country" if entry.kind == "country" else str(entry.get("precision") or "")
    return Role(
        text[start:end], start, end, entry.id, precision, entry.get("lat"), entry.get("lon"),
        str(entry.get("country") or ""), entry.get("geonameid"),
    )  # fmt: skip


def _equipment(sentence: Sentence, text: str) -> tuple[Role, ...]:
    moved = (p for p in sentence.bodies if p.equipment)
    return tuple(actors.role(p, sentence.tokens, text) for p in moved)


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


def _mention_id(document: bytes, tag: str, start: int) -> str:
    """The same text gives the same id; the pipeline adds the article's."""
    return hashlib.blake2b(f"{tag}:{start}".encode(), key=document, digest_size=8).hexdigest()
