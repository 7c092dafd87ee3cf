"""Figures of the tagger as a table: one row a figure, one column a stratum."""

from __future__ import annotations

from typing import Any

from rich.table import Table


# Heading → names of its figures; what the labels do not hold is left out.
_BLOCKS = {
    "presence (F1)": ("attack", "militia", "movement", "events"),
    "precision and recall": (
        *("attack precision", "attack recall", "militia precision", "militia recall"),
        *("movement precision", "movement recall"),
    ),
    "right on events found": (
        *("factual", "modality", "class", "subtype", "kind"),
        *("killed", "injured", "size", "time", "attribution"),
    ),
    "role spans, F1 by head": tuple(
        f"{role} head"
        for role in ("attacker", "mover", "target", "weapon", "place", "from", "to", "roles")
    ),
    "role spans, F1 exact": tuple(
        f"{role} exact"
        for role in ("attacker", "mover", "target", "weapon", "place", "from", "to", "roles")
    ),
    "alarms per 100 quiet documents": ("alarms", "quiet documents"),
    "calibration": ("calibration error",),
}


def figures_table(figures: dict[str, dict[str, Any]]) -> Table:
    """The figures that `rasid.tagging.evaluate` gives, strata side by side."""
    table = Table("figure", *figures)
    for heading, names in _BLOCKS.items():
        rows = [name for name in names if any(name in of for of in figures.values())]
        if not rows:
            continue
        table.add_section()
        table.add_row(f"[bold]{heading}[/]")
        for name in rows:
            table.add_row(f"  {name}", *(_shown(name, of.get(name)) for of in figures.values()))
    table.add_section()
    table.add_row("[bold]right by confidence[/] (mentions)")
    for tenth in sorted({t for of in figures.values() for t in of.get("calibration", {})}):
        cells = (of.get("calibration", {}).get(tenth) for of in figures.values())
        table.add_row(
            f"  from {tenth}", *(f"{c['right']:.2f} ({c['mentions']})" if c else "" for c in cells)
        )
    return table


def _shown(name: str, value: float | None) -> str:
    if value is None:
        return ""
    if name == "quiet documents":
        return str(value)
    return f"{value:.1f}" if name == "alarms" else f"{value:.3f}"
