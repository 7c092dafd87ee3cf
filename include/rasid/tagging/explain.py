"""Mentions shown to a person: coloured for a terminal, or as one page for a browser."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from rich.console import Group
from rich.text import Text

from rasid.tagging.mention import Mention, Span


# Role, its name for readers, and its colour on a terminal and in a page.
_PARTS = (
    ("trigger", "trigger", "bold white on red", "#b3261e"),
    ("actors", "actor", "bold magenta", "#7b1fa2"),
    ("targets", "target", "bold blue", "#1a56b0"),
    ("places", "place", "bold green", "#1b6e3a"),
    ("from_", "from", "green", "#4d7c0f"),
    ("to", "to", "green", "#0f766e"),
    ("weapons", "weapon", "bold yellow", "#9a5b00"),
    ("modality_cue", "modality cue", "bold cyan", "#00687a"),
)


def _spans(mention: Mention) -> list[tuple[int, int, int]]:
    """(start, end, part) inside the mention's sentence, the trigger first, without overlaps."""
    found: list[tuple[int, int, int]] = []
    for part, (name, *_) in enumerate(_PARTS):
        if name == "trigger":
            pieces: Sequence[Span] = (Span(mention.trigger, mention.start, mention.end),)
        else:
            value = getattr(mention, name)
            pieces = value if isinstance(value, tuple) else (value,) if value else ()
        for piece in pieces:
            start, end = piece.start - mention.sent_start, piece.end - mention.sent_start
            if all(end <= a or start >= b for a, b, _ in found):
                found.append((start, end, part))
    return sorted(found)


def _facts(m: Mention) -> Iterator[tuple[str, str]]:
    yield "tag", ("militia attack" if m.militia_attack else m.tag.replace("_", " "))
    yield "kind", m.kind
    yield "modality", m.modality
    yield "actor class", m.actor_class
    for name, count in (("killed", m.killed), ("injured", m.injured), ("size", m.size)):
        if count is not None:
            top = "" if count.max == count.min else f"–{count.max}" if count.max else "+"
            yield name, f"{count.min}{top}"
    if m.event_time is not None:
        yield "when", f"{m.event_time.iso_from} ({m.event_time.precision}, {m.event_time.raw})"
    if m.attribution.status != "none":
        yield "says", m.attribution.status
    yield "codes", " · ".join(filter(None, (m.acled_sub_event, m.plover_cat, m.cameo)))
    yield "confidence", f"{m.confidence:.2f}"


def explain(mentions: Sequence[Mention]) -> Group:
    """Each mention in its sentence with its roles coloured, its facts, and why it fired."""
    blocks: list[Text] = []
    for m in mentions:
        line = Text(m.sentence, justify="right")
        for start, end, part in _spans(m):
            line.stylize(_PARTS[part][2], start, end)
        facts = Text("  ".join(f"{k}: {v}" for k, v in _facts(m)), style="bold")
        why = Text("because " + "; ".join(m.evidence), style="dim")
        blocks += [line, facts, why, Text("")]
    legend = Text.assemble(*((f" {name} ", style) for _, name, style, _ in _PARTS))
    return Group(*blocks, legend)


_PAGE = """<!doctype html>
<html lang="ar" dir="rtl"><head><meta charset="utf-8"><title>{title}</title><style>
body{{font:18px/1.9 "Noto Naskh Arabic","Amiri",serif;max-width:52rem;margin:2rem auto;padding:0 1rem;
color:#1c1b1f;background:#fdfcfb}}
h1{{font-size:1.5rem}} article{{border-top:1px solid #ddd;padding:1rem 0}}
mark{{background:none;color:var(--c);border-bottom:2px solid var(--c);padding:0 .1em}}
dl{{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;margin:.4rem 0;font:14px/1.6 system-ui;direction:ltr}}
dl div{{display:flex;gap:.4rem}} dt{{color:#666}} dd{{margin:0;font-weight:600}}
details{{font:13px/1.6 ui-monospace,monospace;direction:ltr;color:#555}}
.legend{{font:14px system-ui;direction:ltr}} .legend mark{{margin-inline-end:1rem}}
</style></head><body><h1>{title}</h1><p class="legend">{legend}</p>
{body}
</body></html>
"""  # noqa: E501


def explain_html(mentions: Sequence[Mention], title: str = "راصد") -> str:
    """The same as one right-to-left page that needs nothing beside itself."""
    legend = "".join(f'<mark style="--c:{c}">{name}</mark>' for _, name, _, c in _PARTS)
    return _PAGE.format(
        title=escape(title), legend=legend, body="\n".join(_article(m) for m in mentions)
    )


def _article(m: Mention) -> str:
    out = []
    at = 0
    for start, end, part in _spans(m):
        _, name, _, colour = _PARTS[part]
        out.append(escape(m.sentence[at:start]))
        inner = escape(m.sentence[start:end])
        out.append(f'<mark title="{name}" style="--c:{colour}">{inner}</mark>')
        at = end
    out.append(escape(m.sentence[at:]))
    facts = "".join(
        f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in _facts(m) if v
    )
    why = "<br>".join(map(escape, m.evidence))
    return (
        f"<article><p>{''.join(out)}</p><dl>{facts}</dl>"
        f"<details><summary>why</summary>{why}</details></article>"
    )
