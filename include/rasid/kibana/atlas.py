"""The map of the preview: incidents as circles over coasts and borders of our own, no tiles."""

from __future__ import annotations

import json

from dataclasses import dataclass
from html import escape
from math import cos, radians
from typing import Any

from elasticsearch import Elasticsearch

from rasid.kibana.charts import Body
from rasid.kibana.dashboards import ATTACK, INCIDENTS, MOVEMENT
from rasid.kibana.fields import BLUE, RED, TIME
from rasid.kibana.requests import lucene
from rasid.kibana.saved import PLACED
from rasid.settings import INCLUDE


OUTLINE = INCLUDE / "kibana" / "outline.json"
# What include/kibana/outline.json covers, in degrees: west, south, east, north.
REGION = (-18.0, -5.0, 75.0, 43.0)
LAYERS = {"الهجمات": (ATTACK, RED), "التحركات": (MOVEMENT, BLUE)}
# A degree of longitude is this part of a degree of latitude in the middle of the region.
SQUEEZE = cos(radians(25))
# Tiles of 2^7 to the world: some 2.8 degrees; closer incidents share a circle.
PRECISION = 7
# Degrees around the outermost circles, and the least that is shown.
MARGIN = 2.5
LEAST = 14.0
LABELS = 16


@dataclass(frozen=True, slots=True)
class Spot:
    """Incidents near one another: how many, where on average, and the place named most often."""

    layer: str
    count: int
    lon: float
    lat: float
    place: str


def spots(es: Elasticsearch, span: Body) -> list[Spot]:
    """What the map shows over the time range, the fullest first."""
    found = []
    for layer, (query, _colour) in LAYERS.items():
        answer = es.search(
            index=INCIDENTS,
            size=0,
            query={
                "bool": {
                    "filter": [
                        {"range": {TIME[INCIDENTS]: {"gte": span["from"], "lte": span["to"]}}},
                        {"query_string": {"query": lucene(f"{query} and {PLACED}")}},
                    ]
                }
            },
            aggs={
                "cell": {
                    "geotile_grid": {"field": "location", "precision": PRECISION},
                    "aggs": {
                        "at": {"geo_centroid": {"field": "location"}},
                        "place": {"terms": {"field": "place", "size": 1}},
                    },
                }
            },
        )
        found += [_spot(layer, cell) for cell in answer["aggregations"]["cell"]["buckets"]]
    return sorted(found, key=lambda spot: -spot.count)


def drawn(found: list[Spot]) -> str:
    """The map as a figure: shapes in SVG, names in HTML over it."""
    west, south, east, north = _frame(found)
    wide, high = SQUEEZE * 10 * (east - west), 10 * (north - south)
    outline = json.loads(OUTLINE.read_text("utf-8"))
    circles: list[str] = []
    names: list[str] = []
    taken: list[tuple[float, float, float]] = []
    for spot in found:
        x, y = SQUEEZE * 10 * (spot.lon - west), 10 * (north - spot.lat)
        radius = high / 150 * (1 + spot.count**0.5)
        told = f"{spot.place}: {spot.count} ({spot.layer})"
        circles.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{LAYERS[spot.layer][1]}">'
            f"<title>{escape(told)}</title></circle>"
        )
        # Names are dropped rather than laid over each other: half a name's width, one line high.
        half = 0.006 * (len(spot.place) + 2)
        left, top = x / wide, (y - radius) / high
        if len(names) < LABELS and not any(
            abs(left - a) < half + b and abs(top - c) < 0.045 for a, b, c in taken
        ):
            taken.append((left, half, top))
            names.append(
                f'<span style="left:{100 * left:.1f}%;top:{100 * top:.1f}%">'
                f"<bdi>{escape(spot.place)}</bdi></span>"
            )
    shift = f"translate({-10 * west * SQUEEZE:.1f},{10 * north:.1f}) scale({SQUEEZE:.4f},1)"
    legend = "".join(
        f'<li><i style="background:{colour}"></i>{name}</li>'
        for name, (_query, colour) in LAYERS.items()
    )
    return (
        f'<figure class="map" style="aspect-ratio:{wide / high:.3f}">'
        f'<svg viewBox="0 0 {wide:.1f} {high:.1f}" role="img" aria-label="الخريطة">'
        f'<g transform="{shift}"><path class="land" d="{outline["land"]}"/>'
        f'<path class="border" d="{outline["borders"]}"/></g>{"".join(circles)}</svg>'
        f'{"".join(names)}</figure><ul class="legend">{legend}</ul>'
        '<p class="rest">مساحة الدائرة بعدد الحوادث. الحدود للاستدلال لا غير (Natural Earth).</p>'
    )


def _spot(layer: str, cell: dict[str, Any]) -> Spot:
    at = cell["at"]["location"]
    place = next((bucket["key"] for bucket in cell["place"]["buckets"]), "")
    return Spot(layer, cell["doc_count"], at["lon"], at["lat"], place)


def _frame(found: list[Spot]) -> tuple[float, float, float, float]:
    """What to show: all circles with a margin, within the region; the whole region without any."""
    if not found:
        return REGION
    lons, lats = [spot.lon for spot in found], [spot.lat for spot in found]
    sides = []
    for low, high, first, last in (
        (min(lons), max(lons), REGION[0], REGION[2]),
        (min(lats), max(lats), REGION[1], REGION[3]),
    ):
        half = max(high - low + 2 * MARGIN, LEAST) / 2
        middle = (low + high) / 2
        sides.append((max(middle - half, first), min(middle + half, last)))
    (west, east), (south, north) = sides
    return west, south, east, north
