"""Own gold: documents with their events marked inside the text (include/gold/README.md).

Offsets are computed while the marks are taken out, so a text and its labels cannot drift apart.
"""

from __future__ import annotations

import re

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from rasid.errors import LabelsError
from rasid.settings import INCLUDE
from rasid.tagging.lexicon import ATTACK_SUBTYPES, ATTACKER_CLASSES, MODALITIES, MOVEMENT_KINDS
from rasid.tagging.mention import MILITIA_CLASSES, Span


GOLD = INCLUDE / "gold"
_TAGS = {"attack": ATTACK_SUBTYPES, "movement": MOVEMENT_KINDS}
_ROLES = frozenset(
    [
        *("attacker", "mover", "target", "weapon", "place", "from", "to", "via"),
        *("killed", "injured", "size", "time", "speaker", "denier"),
    ]
)
_COUNTS = ("killed", "injured", "size")
_REGISTERS = frozenset({"agency", "paper", "local", "statement", "post"})
_SAYS = frozenset({"claimed", "accused", "witness", "official", "media"})
_OUTCOMES = frozenset({"repelled", "intercepted", "failed", "aborted"})
_RANGE = re.compile(r"(\d+)(\+|-\d+)?")


@dataclass(frozen=True, slots=True)
class GoldEvent:
    """One event as its reader labelled it; a count is (min, max), max None where it is open."""

    name: str
    tag: str  # attack | movement
    kind: str
    actor_class: str
    modality: str
    trigger: Span
    roles: Mapping[str, tuple[Span, ...]]
    counts: Mapping[str, tuple[int, int | None]] = field(default_factory=dict)
    time: str = ""  # ISO date, month or year; "" where the sentence names none
    says: str = "none"
    outcome: str = ""
    hedged: bool = False


@dataclass(frozen=True, slots=True)
class GoldDocument:
    """One document: the title is its first line; a sentence is a (start, end) of the text."""

    id: str
    country: str
    register: str
    published: date
    trap: str
    text: str
    sentences: tuple[tuple[int, int], ...]
    disputed: frozenset[int]  # numbers of sentences that two readers would label differently
    events: tuple[GoldEvent, ...]

    def labels(self) -> dict[str, Any]:
        """The document as a line of a labels file (../shared/eval), with its `events` beside."""
        return {
            "id": self.id,
            "published_at": self.published.isoformat(),
            "stratum": self.register,
            "text": self.text,
            "sentences": [
                self._sentence(number, start, end)
                for number, (start, end) in enumerate(self.sentences)
            ],
        }

    def _sentence(self, number: int, start: int, end: int) -> dict[str, Any]:
        here = [e for e in self.events if start <= e.trigger.start < end]
        attack = _main([e for e in here if e.tag == "attack"])
        movement = _main([e for e in here if e.tag == "movement"])
        spans = {
            name: [s.text for e in here for s in e.roles.get(role, ())]
            for name, role in _SPAN_LISTS.items()
        }
        counts = attack.counts if attack else {}
        return {
            "sid": f"{self.id}:{number}",
            "start": start,
            "end": end,
            "excluded": number in self.disputed,
            "attack": int(attack is not None),
            "attack_class": attack.actor_class if attack else None,
            "attack_modality": attack.modality if attack else None,
            "movement": int(movement is not None),
            "movement_kind": movement.kind if movement else None,
            "movement_modality": movement.modality if movement else None,
            **{name: list(dict.fromkeys(texts)) for name, texts in spans.items()},
            "killed": counts["killed"][0] if "killed" in counts else None,
            "injured": counts["injured"][0] if "injured" in counts else None,
            "events": here,
        }


_SPAN_LISTS = {
    "attackers": "attacker", "targets": "target", "weapons": "weapon", "movers": "mover",
    "from": "from", "to": "to", "places": "place",
}  # fmt: skip


def _main(events: list[GoldEvent]) -> GoldEvent | None:
    """The event that stands for its sentence: the codebook prefers militia, then factual."""
    order = {name: n for n, name in enumerate(MODALITIES)}
    return min(
        events,
        key=lambda e: (e.actor_class not in MILITIA_CLASSES, order[e.modality]),
        default=None,
    )


def read_gold(folder: Path = GOLD) -> list[GoldDocument]:
    """Every document of the folder's `.txt` files; LabelsError names file and line of a slip."""
    documents = [d for file in sorted(folder.glob("*.txt")) for d in _file(file)]
    if len({d.id for d in documents}) < len(documents):
        twice = sorted({d.id for d in documents if [x.id for x in documents].count(d.id) > 1})
        raise LabelsError(f"{folder}: ids used twice: {', '.join(twice)}. Rename one of each.")
    return documents


def _file(file: Path) -> Iterator[GoldDocument]:
    blocks = re.split(r"^(?=### )", file.read_text("utf-8"), flags=re.MULTILINE)
    line = 1 + blocks[0].count("\n")
    for block in blocks[1:]:
        try:
            yield _document(block)
        except (ValueError, KeyError) as error:
            head = block.partition("\n")[0]
            raise LabelsError(f"{file}:{line}: {head}: {error}") from error
        line += block.count("\n")


def _document(block: str) -> GoldDocument:
    head, _, rest = block.partition("\n")
    parts = [part.strip() for part in head.removeprefix("###").split(";")]
    name, country, register, published = parts[:4]
    if register not in _REGISTERS:
        raise ValueError(f"register is {register!r}; one of {', '.join(sorted(_REGISTERS))}")
    body, _, lines = rest.partition("\n---")
    text, marks, sentences, disputed = _unmarked(body.strip())
    events = tuple(_event(line, text, marks) for line in lines.split("\n") if line.strip())
    unknown = {label.partition(".")[0] for label, _, _ in marks} - {e.name for e in events}
    if unknown:
        raise ValueError(f"marked, but not described: {', '.join(sorted(unknown))}")
    return GoldDocument(
        name, country, register, date.fromisoformat(published), "; ".join(parts[4:]), text,
        tuple(sentences), disputed, events,
    )  # fmt: skip


def _unmarked(
    body: str,
) -> tuple[str, list[tuple[str, int, int]], list[tuple[int, int]], frozenset[int]]:
    """Text, marks as (label, start, end), sentences, and the numbers of the disputed ones.

    A line is a sentence, disputed when it begins with «~»; a blank line ends a paragraph, which is
    a line of the text.
    """
    out = ""
    marks: list[tuple[str, int, int]] = []
    sentences: list[tuple[int, int]] = []
    disputed = set()
    for paragraph in re.split(r"\n\s*\n", body):
        for n, line in enumerate(paragraph.splitlines()):
            out += " " if n else "\n" if out else ""
            begun = len(out)
            opened: list[int] = []
            if line.startswith("~"):
                disputed.add(len(sentences))
            for piece in re.split(r"(\[|\|[a-z][a-z. ]*\])", line.removeprefix("~").strip()):
                if piece == "[":
                    # «بـ[قصف|a]» keeps the mark apart from the preposition; the text is «بقصف».
                    out = out.removesuffix("ـ")
                    opened.append(len(out))
                elif piece.startswith("|"):
                    if not opened:
                        raise ValueError(f"«{piece}» closes nothing")
                    start = opened.pop()
                    marks += [(label, start, len(out)) for label in piece[1:-1].split()]
                else:
                    out += piece
            if opened:
                raise ValueError(f"a mark is not closed in «{line}»")
            sentences.append((begun, len(out)))
    return out, marks, sentences, frozenset(disputed)


def _event(line: str, text: str, marks: list[tuple[str, int, int]]) -> GoldEvent:
    """`a: attack ied_mine unattributed_armed factual killed=2 time=2026-03-13 says=official`."""
    name, _, described = line.partition(":")
    tag, kind, actor_class, modality, *more = described.split()
    fields = dict(pair.partition("=")[::2] for pair in more)
    hedged = fields.pop("hedged", None) is not None
    spans: dict[str, list[Span]] = {}
    for label, start, end in marks:
        owner, _, role = label.partition(".")
        if owner == name:
            spans.setdefault(role, []).append(Span(text[start:end], start, end))
    triggers = spans.pop("", [])
    for what, value, allowed in (
        ("tag", tag, _TAGS),
        ("kind", kind, _TAGS.get(tag, ())),
        ("class", actor_class, ATTACKER_CLASSES),
        ("modality", modality, MODALITIES),
        ("says", fields.get("says", "media"), _SAYS),
        ("outcome", fields.get("outcome", "failed"), _OUTCOMES),
        *(("role", role, _ROLES) for role in spans),
        *(("field", key, (*_COUNTS, "time", "says", "outcome")) for key in fields),
    ):
        if value not in allowed:
            raise ValueError(f"{name}: {what} is {value!r}; one of {', '.join(sorted(allowed))}")
    if len(triggers) != 1:
        raise ValueError(f"{name} has {len(triggers)} triggers; mark one [word|{name}]")
    return GoldEvent(
        name, tag, kind, actor_class, modality, triggers[0],
        {role: tuple(found) for role, found in spans.items()},
        {key: _range(fields[key]) for key in _COUNTS if key in fields},
        fields.get("time", ""), fields.get("says", "none"), fields.get("outcome", ""), hedged,
    )  # fmt: skip


def _range(value: str) -> tuple[int, int | None]:
    """2 → (2, 2); 31+ → (31, None); 3-5 → (3, 5)."""
    found = _RANGE.fullmatch(value)
    if found is None:
        raise ValueError(f"{value!r} is no count; write 2, 31+ or 3-5")
    low, rest = int(found[1]), found[2]
    return low, low if rest is None else None if rest == "+" else int(rest[1:])
