"""The timeline as SVG, without anything from outside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from markupsafe import Markup


_WIDTH = 960
_HEIGHT = 130


def draw_timeline(steps: Sequence[tuple[datetime, int, int]]) -> Markup:
    """Stacked columns from left to right, as Kibana draws time."""
    most = max((attacks + movements for _, attacks, movements in steps), default=0)
    if not most:
        return Markup()
    wide = _WIDTH / len(steps)
    unit = (_HEIGHT - 24) / most
    columns = []
    for n, (start, attacks, movements) in enumerate(steps):
        x = n * wide
        floor = _HEIGHT - 18
        columns.append(
            Markup(
                '<g><title>{}: {} + {}</title><rect class="attack-mark" x="{:.1f}" y="{:.1f}"'
                ' width="{:.1f}" height="{:.1f}"/><rect class="move-mark" x="{:.1f}" y="{:.1f}"'
                ' width="{:.1f}" height="{:.1f}"/></g>'
            ).format(
                f"{start:%Y-%m-%d %H:%M}",
                attacks,
                movements,
                x + 1,
                floor - attacks * unit,
                wide - 2,
                attacks * unit,
                x + 1,
                floor - (attacks + movements) * unit,
                wide - 2,
                movements * unit,
            )
        )
        if n % max(len(steps) // 8, 1) == 0:
            label = f"{start:%H:%M}" if len(steps) > 1 and _hourly(steps) else f"{start:%m-%d}"
            columns.append(
                Markup('<text x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(
                    x + wide / 2, _HEIGHT - 4, label
                )
            )
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        _WIDTH, _HEIGHT, f"0–{most}", Markup().join(columns)
    )


def _hourly(steps: Sequence[tuple[datetime, int, int]]) -> bool:
    return (steps[1][0] - steps[0][0]).total_seconds() <= 3600
