"""Mentions shown to a person: each in its sentence, roles coloured, and why it fired."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from rasid.tagging.mention import Mention


# One colour per part a span plays; the trigger stands out from all of them.
_STYLES = {
    "trigger": "bold white on red",
    "actors": "bold magenta",
    "targets": "bold cyan",
    "places": "bold green",
    "from_": "green",
    "to": "green",
    "via": "green",
    "weapons": "bold yellow",
    "modality": "underline",
}


def explain_text(mentions: Iterable[Mention]) -> RenderableType:
    """The mentions for a terminal, in order; a sentence without Arabic offsets is impossible."""
    shown: list[RenderableType] = []
    for mention in mentions:
        facts = [mention.tag, mention.kind, mention.actor_class, mention.modality]
        shown += [
            Text(f"{' · '.join(filter(None, facts))} · {mention.confidence:.2f}", style="bold"),
            _coloured(mention),
            Text("because " + ", ".join(mention.evidence), style="dim"),
            Text(),
        ]
    return Group(*shown) if shown else Text("no mention", style="dim")


def _coloured(mention: Mention) -> Text:
    text = Text(mention.sentence)
    for part, start, end in _spans(mention):
        text.stylize(_STYLES[part], start - mention.sent_start, end - mention.sent_start)
    return text


def _spans(mention: Mention) -> Iterator[tuple[str, int, int]]:
    for part in ("actors", "targets", "places", "from_", "to", "via", "weapons"):
        for role in getattr(mention, part):
            yield part, role.start, role.end
    if mention.modality_cue is not None:
        yield "modality", mention.modality_cue.start, mention.modality_cue.end
    yield "trigger", mention.start, mention.end
