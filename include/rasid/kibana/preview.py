"""The dashboards drawn without a Kibana: one static right-to-left page from the same requests.

So that a person can look at what analysts will get; the numbers are those of the node, the looks
are ours, not Kibana's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from html import escape
from typing import Any

from elasticsearch import Elasticsearch

from rasid.kibana.dashboards import COLUMNS, Body, dashboards, panels
from rasid.kibana.requests import Row, ask, buckets, metrics
from rasid.search import alias


COLOURS = ("#1f5fa8", "#b3261e", "#2e7d4f", "#b7791f", "#6b4fa0", "#0f8b8d", "#a33b7c", "#6b7280")
# The region the map shows, in degrees: west, south, east, north.
REGION = (-18.0, 0.0, 64.0, 43.0)
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 15px/1.6 system-ui, "Noto Naskh Arabic", sans-serif; margin: 1.5rem; }
h1 { font-size: 1.4rem; margin: 2rem 0 .5rem; }
.grid { display: grid; grid-template-columns: repeat(48, 1fr); gap: .6rem; }
section { border: 1px solid var(--line); border-radius: 6px; padding: .6rem .8rem; min-width: 0; }
h2 { font-size: .95rem; margin: 0 0 .4rem; }
.metric { font-size: 2rem; font-weight: 600; }
.bar { display: grid; grid-template-columns: 9rem 1fr 4rem; gap: .5rem; align-items: center; }
.bar i { display: block; height: .8rem; border-radius: 2px; }
.bar span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: right; padding: .15rem .5rem; border-bottom: 1px solid var(--soft); }
.time { display: flex; align-items: flex-end; gap: 1px; height: 9rem; }
.time div { flex: 1; display: flex; flex-direction: column-reverse; height: 100%; }
.key { display: inline-block; width: .7rem; height: .7rem; margin-inline: .8rem .3rem; }
svg { width: 100%; height: auto; background: var(--soft); }
@media (max-width: 700px) { .grid { display: block; } section { margin-bottom: .6rem; } }
"""


def preview(es: Elasticsearch, *, time_range: Body | None = None) -> str:
    """The page; `time_range` ({"from", "to"}) instead of each dashboard's own."""
    drawn = []
    for body in dashboards().values():
        span = time_range or body["time_range"]
        drawn.append(f"<h1>{escape(body['title'])}</h1><p>{escape(body['description'])}</p>")
        drawn.append('<div class="grid">')
        drawn += [_panel(panel, ask(es, panel["config"], span)) for panel in panels(body)]
        drawn.append("</div>")
    span = time_range or {"from": "now-7d", "to": "now"}
    drawn.append(f"<h1>الخريطة</h1>{_map(es, span)}")
    return (
        '<!doctype html><html lang="ar" dir="rtl"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>راصد</title><style>{_STYLE}</style><body>{''.join(drawn)}</body></html>\n"
    )


def _panel(panel: Body, rows: list[Row]) -> str:
    chart, width = panel["config"], panel["grid"]["w"]
    draw = {"metric": _number, "data_table": _table, "heatmap": _bars, "pie": _bars, "xy": _xy}
    inside = draw[chart["type"]](chart, rows) if rows else "<p>لا شيء</p>"
    return (
        f'<section style="grid-column: span {min(width, COLUMNS)}">'
        f"<h2>{escape(chart['title'])}</h2>{inside}</section>"
    )


def _number(_chart: Body, rows: list[Row]) -> str:
    return f'<div class="metric">{_told(rows[0].numbers[0])}</div>'


def _xy(chart: Body, rows: list[Row]) -> str:
    return (_timeline if len(buckets(chart)) > 1 else _bars)(chart, rows)


def _bars(_chart: Body, rows: list[Row]) -> str:
    most = max(row.numbers[0] for row in rows) or 1
    return "".join(
        f'<div class="bar"><span><bdi>{escape(" · ".join(row.keys))}</bdi></span>'
        f'<i style="width:{100 * row.numbers[0] / most:.1f}%;background:{COLOURS[0]}"></i>'
        f"<b>{_told(row.numbers[0])}</b></div>"
        for row in rows[:12]
    )


def _timeline(_chart: Body, rows: list[Row]) -> str:
    """Stacked bars; time runs from right to left, as the page does."""
    columns: dict[str, dict[str, float]] = defaultdict(dict)
    for row in rows:
        moment, kind = row.keys
        columns[moment][kind] = row.numbers[0]
    kinds = list(dict.fromkeys(row.keys[1] for row in rows))
    colours = dict(zip(kinds, COLOURS * len(kinds), strict=False))
    most = max(sum(column.values()) for column in columns.values()) or 1
    bars = "".join(
        f'<div title="{escape(moment)}">'
        + "".join(
            f'<i style="height:{100 * number / most:.1f}%;background:{colours[kind]}"></i>'
            for kind, number in column.items()
        )
        + "</div>"
        for moment, column in sorted(columns.items())
    )
    legend = "".join(
        f'<i class="key" style="background:{colours[kind]}"></i><bdi>{escape(kind)}</bdi>'
        for kind in kinds
    )
    return f'<div class="time">{bars}</div>{legend}'


def _table(chart: Body, rows: list[Row]) -> str:
    labels = [column.get("label", "") for column in (*buckets(chart), *metrics(chart))]
    head = _line("th", labels)
    return f"<table>{head}{''.join(_line('td', _cells(row)) for row in rows[:20])}</table>"


def _cells(row: Row) -> list[str]:
    return [*row.keys, *map(_told, row.numbers)]


def _line(tag: str, cells: Iterable[str]) -> str:
    return f"<tr>{''.join(f'<{tag}><bdi>{escape(c)}</bdi></{tag}>' for c in cells)}</tr>"


def _map(es: Elasticsearch, span: Body) -> str:
    """Counts by place on a plain plate, without tiles from outside."""
    west, south, east, north = REGION
    found = es.search(
        index=alias("mentions"),
        size=0,
        query={
            "bool": {
                "filter": [{"range": {"@timestamp": {"gte": span["from"], "lte": span["to"]}}}],
                # A country's centre is no place where something happened.
                "must_not": [{"term": {"place_precision": "country"}}],
            }
        },
        aggs={
            "cell": {
                "geotile_grid": {"field": "location", "precision": 8},
                "aggs": {
                    "at": {"geo_centroid": {"field": "location"}},
                    "place": {"terms": {"field": "place", "size": 1}},
                },
            }
        },
    )
    dots: list[str] = []
    for cell in found["aggregations"]["cell"]["buckets"]:
        at: dict[str, Any] = cell["at"]["location"]
        x, y = 10 * (at["lon"] - west), 10 * (north - at["lat"])
        name = next((b["key"] for b in cell["place"]["buckets"]), "")
        radius = 3 + cell["doc_count"] ** 0.5
        dots.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{COLOURS[1]}" opacity=".65">'
            f"<title>{escape(name)}: {cell['doc_count']}</title></circle>"
            f'<text x="{x:.1f}" y="{y - radius - 3:.1f}" text-anchor="middle" font-size="11"'
            f' fill="currentColor">{escape(name)}</text>'
        )
    size = f"0 0 {10 * (east - west):.0f} {10 * (north - south):.0f}"
    return f'<svg viewBox="{size}" role="img" aria-label="الخريطة">{"".join(dots)}</svg>'


def _told(number: float) -> str:
    return f"{number:,.0f}"
