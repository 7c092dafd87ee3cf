"""A decided candidate written out as the mention record (tagging.md §2)."""

from __future__ import annotations

import hashlib

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from rasid.arabic import part_of
from rasid.tagging import actors
from rasid.tagging.actors import Party
from rasid.tagging.attribution import attribute
from rasid.tagging.codes import codes
from rasid.tagging.counts import casualties, strength
from rasid.tagging.damage import damage
from rasid.tagging.matcher import VERB_FORMS, Hit
from rasid.tagging.mention import Count, EventTime, Mention, Role, Span
from rasid.tagging.modality import is_habitual
from rasid.tagging.places import Place
from rasid.tagging.reading import Candidate
from rasid.tagging.sentence import Sentence
from rasid.tagging.spans import Option, bounds
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
    damage: tuple[Span, ...]
    time: EventTime | None
    outcome: str  # of an attack that is factual
    hedged: bool
    habitual: bool


def facts_of(sentence: Sentence, text: str, triggers: Sequence[Hit]) -> Facts:
    """The facts of a sentence in which something was found; `triggers` are its possible events."""
    return Facts(
        killed=casualties(sentence, text, "killed"),
        injured=casualties(sentence, text, "injured"),
        size=strength(sentence, text),
        damage=damage(sentence, text),
        time=event_time(sentence.dates, sentence.tokens, text),
        outcome=_outcome(sentence, triggers),
        hedged=any(h.entry.get("hedge") for h in sentence.of("modality")),
        habitual=is_habitual(sentence),
    )


def record(
    text: str,
    candidate: Candidate,
    decision: Decision,
    facts: Facts,
    *,
    roles: Mapping[str, Sequence[Option]],
    document: bytes,
    lexicon_version: str,
) -> Mention:
    """The mention of one decided candidate.

    `roles` are the spans chosen for it, `document` a digest of the whole text.
    """
    trigger, frame, sentence = candidate.trigger, candidate.frame, candidate.sentence
    tokens = sentence.tokens
    attack = trigger.kind == "attack"
    start, _ = part_of(tokens[trigger.i], actors.clitics(trigger))
    end = tokens[trigger.j - 1].end
    code = codes(
        trigger.kind, decision.kind, decision.modality,
        armed_target=any(p.armed for p in frame.patients),
        air=any(h.entry.get("air") for h in frame.weapons),
    )  # fmt: skip
    spans = {
        name: tuple(_role(o, sentence, text, name, decision.actor_class) for o in chosen)
        for name, chosen in roles.items()
    }
    if not attack:
        spans["places"] = _with_ends(spans)
    outcome = facts.outcome if attack and decision.modality == "factual" else None
    who = spans["attackers"] if attack else spans["movers"]
    return Mention(
        tag=trigger.kind, start=start, end=end, trigger=text[start:end],
        lemma=trigger.entry.id, pos="verb" if trigger.form in VERB_FORMS else "noun",
        modality=decision.modality, modality_cue=_cue(candidate, decision.modality, text),
        actor_class=decision.actor_class, kind=decision.kind,
        sentence=text[sentence.start : sentence.end],
        sent_start=sentence.start, sent_end=sentence.end, sentence_index=sentence.index,
        confidence=decision.confidence, evidence=decision.evidence,
        outcome="aborted" if decision.modality == "foiled" else outcome,
        certainty="hedged" if facts.hedged else "asserted",
        polarity="neg" if decision.modality == "denied" else "pos",
        aspect="habitual" if facts.habitual else "single",
        in_combat=decision.kind == "advance" and bool(sentence.of("attack")),
        actors=who,
        targets=spans.get("targets", ()), weapons=spans.get("weapons", ()),
        from_=spans.get("from", ()), to=spans.get("to", ()), places=spans["places"],
        via=tuple(_place(p, sentence, text) for p in frame.via),
        equipment=() if attack else _equipment(sentence, text),
        damage=facts.damage if attack else (),
        size=None if attack else facts.size,
        killed=facts.killed if attack else None,
        injured=facts.injured if attack else None,
        event_time=facts.time,
        attribution=attribute(candidate, decision.actor_class, [r.id for r in who], text),
        acled_sub_event=code.acled, plover_cat=code.plover, plover_mode=code.mode,
        cameo=code.cameo, mention_id=_mention_id(document, trigger.kind, start),
        lexicon_version=lexicon_version,
    )  # fmt: skip


def _with_ends(spans: Mapping[str, tuple[Role, ...]]) -> tuple[Role, ...]:
    """The places of a movement: where it is, and its ends as far as the gazetteer knows them.

    Readers of real news differ (dev.jsonl names 103 of 129 such ends as places, train.jsonl 890 of
    1,482); who looks for a town wants both.
    """
    found = spans["places"]
    for end in (*spans["from"], *spans["to"]):
        if end.id and all(end.end <= place.start or place.end <= end.start for place in found):
            found += (end,)
    return found


def _cue(candidate: Candidate, modality: str, text: str) -> Span | None:
    ruling = candidate.ruling
    if ruling.cue is None or ruling.modality != modality:
        return None
    tokens = candidate.sentence.tokens
    a, b = tokens[ruling.cue[0]].start, tokens[ruling.cue[1] - 1].end
    return Span(text[a:b], a, b)


_ACTORS = frozenset({"attackers", "movers"})


def _role(option: Option, sentence: Sentence, text: str, name: str, cls: str) -> Role:
    """A chosen span as the role `name`; who acts is of the class decided on where nothing says."""
    start, end = bounds(option, sentence)
    default = cls if name in _ACTORS else ""
    known = option.piece.known if option.piece is not None else None
    if isinstance(known, Party):
        own = known.cls or default
        return Role(text[start:end], start, end, known.id, own, country=known.country)
    if isinstance(known, Place):
        place = _place(known, sentence, text)
        kind = "" if name == "targets" else place.type  # a target's type is a class of attacker
        return replace(place, text=text[start:end], start=start, end=end, type=kind)
    if isinstance(known, Hit):
        return _of_entry(known, text, (start, end), default)
    return Role(text[start:end], start, end, "", default)


def _of_entry(hit: Hit, text: str, at: tuple[int, int], default: str) -> Role:
    """A weapon, a site, people; or a country's adjective, which names who acts."""
    entry, (start, end) = hit.entry, at
    country = str(entry.get("country") or "")
    if hit.kind == "country":
        return Role(
            text[start:end], start, end, entry.id, "state" if default else "", country=country
        )
    cls = str(entry.get("class") or default) if default else ""
    return Role(text[start:end], start, end, entry.id, cls, country=country)


def _place(place: Place, sentence: Sentence, text: str) -> Role:
    start, _ = part_of(sentence.tokens[place.i], place.skip)
    end = sentence.tokens[place.j - 1].end
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


def _outcome(sentence: Sentence, triggers: Sequence[Hit]) -> str:
    """What came of an attack that took place, where the text says so."""
    if any(h.entry.get("repels") for h in sentence.of("attack")):
        return "repelled"
    # A trigger has its object beside it: «تدمير آليتين» shoots nothing down, «تدمير مسيّرة» does.
    shot_down = any(h.entry.id == "attack.isqat" for h in triggers)
    if shot_down or any(h.entry.id.startswith("mod.foiled") for h in sentence.of("modality")):
        return "intercepted"
    return "occurred"


def _mention_id(document: bytes, tag: str, start: int) -> str:
    """The same text gives the same id; the pipeline adds the article's."""
    return hashlib.blake2b(f"{tag}:{start}".encode(), key=document, digest_size=8).hexdigest()
