"""Mentions shown to a person: coloured for a terminal, or as one page for a browser."""

from __future__ import annotations

import re

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import yaml

from rasid.tagging.mention import Count, Mention


if TYPE_CHECKING:
    import jinja2

    from rich.console import Group

HERE = Path(__file__).parent

# Role → style on a terminal. A page tells the roles by name, colour and kind of line.
_STYLES = {
    "trigger": "bold white on red",
    "attacker": "bold magenta",
    "mover": "bold magenta",
    "targets": "bold blue",
    "places": "bold green",
    "from_": "green",
    "to": "bold cyan",
    "via": "cyan",
    "weapons": "bold yellow",
    "killed": "red",
    "injured": "red",
    "size": "yellow",
    "event_time": "blue",
    "speaker": "underline",
    "modality_cue": "italic cyan",
}
# Role → colour on white, colour on black, line; each at least 4.5:1 against its ground.
_COLOURS = {
    "trigger": ("#b3261e", "#ff8a80", "solid"),
    "attacker": ("#7b1fa2", "#d9a2f2", "double"),
    "mover": ("#7b1fa2", "#d9a2f2", "double"),
    "targets": ("#1a56b0", "#8fbcff", "dashed"),
    "places": ("#1b6e3a", "#7ddc9b", "solid"),
    "from_": ("#4c6b0f", "#b5d873", "dotted"),
    "to": ("#0f6b64", "#74d8cf", "dotted"),
    "via": ("#0f6b64", "#74d8cf", "dotted"),
    "weapons": ("#8a4b00", "#ffb867", "dashed"),
    "killed": ("#8c1d40", "#ff9dba", "dotted"),
    "injured": ("#8c1d40", "#ff9dba", "dotted"),
    "size": ("#6b5200", "#e5c95c", "dotted"),
    "event_time": ("#345a7a", "#a6c8e4", "solid"),
    "speaker": ("#5a4a3a", "#d5c3b0", "dashed"),
    "modality_cue": ("#00606f", "#6fd4e4", "solid"),
}


class Tagged(NamedTuple):
    """A document with what was found in it."""

    title: str
    mentions: Sequence[Mention]


class Piece(NamedTuple):
    """A piece of a sentence and the role it plays, "" between roles.

    `joins` says that its last letter is written together with the next piece (لـ + هجمات): a
    browser shapes what is annotated by itself, and would tear the word apart.
    """

    text: str
    role: str
    joins: bool = False


class Reason(NamedTuple):
    """One line of evidence: the head of a feature with its weight, or "" and a remark."""

    head: str
    text: str
    weight: str = ""


class Shown(NamedTuple):
    """A mention as the page draws it."""

    pieces: list[Piece]
    facts: list[tuple[str, str]]
    evidence: list[Reason]
    confidence: float
    start: int
    end: int


def explain(mentions: Iterable[Mention]) -> Group:
    """Each mention in its sentence with its roles coloured, its facts, and why it fired."""
    # Who only tags starts a fifth of a second sooner without it and without jinja2.
    from rich.console import Group  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    blocks: list[Text] = []
    for m in mentions:
        line = Text(justify="right")
        for text, role, _ in _pieces(m):
            line.append(text, _STYLES.get(role, ""))
        facts = Text("  ".join(f"{k}: {v}" for k, v in _facts(m)), style="bold")
        facts.append(f"  confidence: {m.confidence:.2f}")
        blocks += [line, facts, Text("because " + "; ".join(m.evidence), style="dim"), Text("")]
    names = (role.rstrip("_").replace("_", " ") for role in _STYLES)
    legend = Text.assemble(
        *((f" {name} ", style) for name, style in zip(names, _STYLES.values(), strict=True))
    )
    return Group(*blocks, legend)


def explain_html(documents: Iterable[Tagged]) -> str:
    """The same as one Arabic page, right to left, that needs nothing beside itself."""
    shown = [
        {
            "title": title,
            "mentions": [
                Shown(_pieces(m), list(_facts(m)), _reasons(m), m.confidence, m.start, m.end)
                for m in mentions
            ],
        }
        for title, mentions in documents
    ]
    return _environment().get_template("explain.html").render(documents=shown)


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    import jinja2  # noqa: PLC0415

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    environment.globals.update(yaml.safe_load((HERE / "explain.yaml").read_text("utf-8")))
    environment.globals["colours"] = _COLOURS
    return environment


def _spans(m: Mention) -> Iterator[tuple[str, int, int]]:
    """(role, start, end) in the order in which they win where they overlap."""
    yield "trigger", m.start, m.end
    actor = "attacker" if m.tag == "attack" else "mover"
    lists = (
        (actor, m.actors), ("targets", m.targets), ("weapons", m.weapons), ("from_", m.from_),
        ("to", m.to), ("via", m.via), ("places", m.places),
    )  # fmt: skip
    for role, spans in lists:
        for span in spans:
            yield role, span.start, span.end
    single = (
        ("killed", m.killed), ("injured", m.injured), ("size", m.size),
        ("event_time", m.event_time), ("speaker", m.attribution.speaker),
        ("modality_cue", m.modality_cue),
    )  # fmt: skip
    for role, one in single:
        if one is not None:
            yield role, one.start, one.end


# Letters that are written together with the next one.
_FORWARD = frozenset("بتثجحخسشصضطظعغفقكلمنهيئـپچکگی")


def _pieces(m: Mention) -> list[Piece]:
    """The sentence cut at its roles; a span that overlaps an earlier one is left out."""
    taken: list[tuple[int, int, str]] = []
    for role, a, b in _spans(m):
        start, end = a - m.sent_start, b - m.sent_start
        inside = 0 <= start < end <= len(m.sentence)
        if inside and all(end <= x or start >= y for x, y, _ in taken):
            taken.append((start, end, role))
    cut: list[tuple[int, int, str]] = []
    at = 0
    for start, end, role in sorted(taken):
        cut += [(at, start, ""), (start, end, role)]
        at = end
    cut.append((at, len(m.sentence), ""))
    return [
        Piece(m.sentence[a:b], role, _joins(m.sentence[max(0, b - 1) : b], m.sentence[b : b + 1]))
        for a, b, role in cut
        if a < b
    ]


def _joins(letter: str, following: str) -> bool:
    return letter in _FORWARD and following.isalpha()


def _facts(m: Mention) -> Iterator[tuple[str, str]]:
    yield "tag", "militia_attack" if m.militia_attack else m.tag
    yield "kind", m.kind
    yield "modality", m.modality
    yield "actor_class", m.actor_class
    if m.attribution.status != "none":
        yield "attribution", m.attribution.status
    if m.outcome:
        yield "outcome", m.outcome
    if m.certainty == "hedged":
        yield "certainty", m.certainty
    if m.event_time is not None:
        whole = m.event_time.iso_from == m.event_time.iso_to
        yield "when", m.event_time.iso_from + ("" if whole else f" – {m.event_time.iso_to}")
    for name, count in (("killed", m.killed), ("injured", m.injured), ("size", m.size)):
        if count is not None:
            yield name, _range(count)
    codes = " · ".join(filter(None, (m.acled_sub_event, m.plover_cat, m.plover_mode, m.cameo)))
    if codes:
        yield "codes", codes


def _reasons(m: Mention) -> list[Reason]:
    weighed = (_WEIGHED.fullmatch(line) for line in m.evidence)
    return [
        Reason(found[1].partition(":")[0], found[1], found[2]) if found else Reason("", line)
        for line, found in zip(m.evidence, weighed, strict=True)
    ]


_WEIGHED = re.compile(r"(\S+) ([+-]\d+\.\d+)")


def _range(count: Count) -> str:
    if count.max is None:
        return f"{count.min}+"
    return str(count.min) if count.max == count.min else f"{count.min}–{count.max}"
