"""The record of one event mention (tagging.md §2)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


MILITIA_CLASSES = frozenset({"militia", "pro_state_militia", "unattributed_armed"})


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the document; `start` and `end` are Python indices into the text as given."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Role(Span):
    """A span that plays a part, with the id of its lexicon or gazetteer entry.

    `type` is the class of an actor or target, the precision of a place (exact, town, admin,
    country; "" where only the text knows it), "" else.
    """

    id: str = ""
    type: str = ""
    lat: float | None = None
    lon: float | None = None
    country: str = ""
    geonameid: int | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """People or pieces of equipment; `max` is None where the text sets no upper bound.

    `what` says who they are (civilians, security, armed) or is "".
    """

    text: str
    start: int
    end: int
    min: int
    max: int | None
    what: str = ""


@dataclass(frozen=True, slots=True)
class EventTime:
    """When it happened: ISO dates (inclusive), how exact, and how it was found out."""

    raw: str
    start: int
    end: int
    iso_from: str
    iso_to: str
    precision: str  # hour | day | week | month | year
    resolved_by: str  # explicit | weekday | relative | publication


@dataclass(frozen=True, slots=True)
class Attribution:
    """Who says so, and who claims or denies having done it."""

    status: str = "none"  # claimed | accused | witness | official | media | none
    speaker: Span | None = None
    claimed_by: tuple[Role, ...] = ()
    denied_by: tuple[Role, ...] = ()


@dataclass(frozen=True, slots=True)
class Mention:
    """One mention of an attack or a troop movement."""

    tag: str  # attack | troop_movement
    start: int
    end: int
    trigger: str
    lemma: str  # id of the lexicon entry
    pos: str  # verb | masdar | noun | phrase
    modality: str
    modality_cue: Span | None
    actor_class: str
    kind: str  # attack subtype or movement kind
    sentence: str
    sent_start: int
    sent_end: int
    sentence_index: int
    confidence: float
    evidence: tuple[str, ...]
    outcome: str | None = None  # occurred | repelled | intercepted | failed | aborted
    certainty: str = "asserted"  # asserted | hedged
    polarity: str = "pos"
    aspect: str = "single"  # single | habitual | state
    in_combat: bool = False
    actors: tuple[Role, ...] = ()
    targets: tuple[Role, ...] = ()
    from_: tuple[Role, ...] = ()
    to: tuple[Role, ...] = ()
    via: tuple[Role, ...] = ()
    places: tuple[Role, ...] = ()
    weapons: tuple[Role, ...] = ()
    equipment: tuple[Role, ...] = ()  # what moves beside people: tanks, guns, ships
    damage: tuple[Span, ...] = ()  # what was done to things: أضرار مادية, احتراق سيارتين
    size: Count | None = None
    killed: Count | None = None
    injured: Count | None = None
    event_time: EventTime | None = None
    attribution: Attribution = field(default_factory=Attribution)
    acled_sub_event: str = ""
    plover_cat: str = ""
    plover_mode: str = ""
    cameo: str = ""
    mention_id: str = ""
    lexicon_version: str = ""

    @property
    def militia_attack(self) -> bool:
        return self.tag == "attack" and self.actor_class in MILITIA_CLASSES

    @property
    def subtype(self) -> str:
        return self.kind

    def to_json(self) -> dict[str, Any]:
        """The flat form that `rasid tag` prints: lists of spans, `from` without the underscore."""
        flat = asdict(self)
        flat["from"] = flat.pop("from_")
        flat["subtype"] = self.subtype
        flat["militia_attack"] = self.militia_attack
        return {key: list(v) if isinstance(v, tuple) else v for key, v in flat.items()}
