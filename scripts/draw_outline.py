"""Draw coasts and borders of the region from Natural Earth (public domain) for the preview's map.

    npm pack world-atlas@2.0.2 && tar xzf world-atlas-2.0.2.tgz
    python scripts/draw_outline.py package/land-50m.json package/countries-50m.json

writes include/kibana/outline.json: SVG paths in tenths of a degree, north up. Needed only when the
region or the coarseness changes.
"""

from __future__ import annotations

import json
import sys

from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

from rasid.kibana import FOLDER
from rasid.kibana.atlas import REGION


# Degrees by which a line may stray, and that lie around the region.
COARSENESS = 0.09
MARGIN = 2.0
# Islands below so many tenths of a degree, in width and height, are dots nobody looks for.
SMALLEST = 3

Point = tuple[float, float]


def main(land_file: str, countries_file: str) -> None:
    """Read both topologies, write the paths."""
    land, countries = (json.loads(Path(f).read_text("utf-8")) for f in (land_file, countries_file))
    arcs = decoded(land)
    coasts = [
        [point for number in ring for point in arc(arcs, number)]
        for polygon in polygons(land["objects"]["land"])
        for ring in polygon
    ]
    shared = Counter(
        number if number >= 0 else ~number
        for polygon in polygons(countries["objects"]["countries"])
        for ring in polygon
        for number in ring
    )
    lines = decoded(countries)
    borders = [lines[number] for number, times in shared.items() if times > 1]
    outline = {
        "about": "Natural Earth 1:50m, public domain, simplified by scripts/draw_outline.py",
        "land": path(coasts, close=True),
        "borders": path(borders, close=False),
    }
    (FOLDER / "outline.json").write_text(json.dumps(outline, indent=1) + "\n", "utf-8")


def decoded(topology: dict[str, Any]) -> list[list[Point]]:
    """The arcs of a TopoJSON file in degrees: they are stored as differences of integers."""
    (sx, sy), (tx, ty) = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs = []
    for steps in topology["arcs"]:
        x = y = 0
        points = []
        for dx, dy in steps:
            x, y = x + dx, y + dy
            points.append((x * sx + tx, y * sy + ty))
        arcs.append(points)
    return arcs


def arc(arcs: list[list[Point]], number: int) -> list[Point]:
    """An arc by its number; ~n is arc n backwards."""
    return arcs[number] if number >= 0 else arcs[~number][::-1]


def polygons(geometry: dict[str, Any]) -> list[list[list[int]]]:
    """Every polygon of a geometry, as rings of arc numbers."""
    if geometry["type"] == "GeometryCollection":
        return [p for member in geometry["geometries"] for p in polygons(member)]
    return [geometry["arcs"]] if geometry["type"] == "Polygon" else list(geometry["arcs"])


def path(lines: list[list[Point]], *, close: bool) -> str:
    """The lines that touch the region as one SVG path; what lies outside is pressed to its rim."""
    west, south, east, north = REGION
    drawn = []
    for line in lines:
        xs, ys = zip(*line, strict=True)
        if max(xs) < west or min(xs) > east or max(ys) < south or min(ys) > north:
            continue
        pressed = [
            (
                min(max(x, west - MARGIN), east + MARGIN),
                min(max(y, south - MARGIN), north + MARGIN),
            )
            for x, y in line
        ]
        dots = [(round(10 * x), round(-10 * y)) for x, y in simplified(pressed)]
        dots = [dot for n, dot in enumerate(dots) if n == 0 or dot != dots[n - 1]]
        long = max(max(side) - min(side) for side in zip(*dots, strict=True))
        if len(dots) < 2 or (close and long < SMALLEST):
            continue
        steps = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(dots)]
        moves = " ".join(f"{dx},{dy}" for dx, dy in steps)
        drawn.append(f"M{dots[0][0]},{dots[0][1]}l{moves}{'z' if close else ''}")
    return "".join(drawn)


def simplified(line: list[Point]) -> list[Point]:
    """Douglas and Peucker's way, without recursion: coasts are long."""
    keep = {0, len(line) - 1}
    spans = [(0, len(line) - 1)]
    while spans:
        first, last = spans.pop()
        worst, farthest = 0.0, first
        for n in range(first + 1, last):
            away = distance(line[n], line[first], line[last])
            if away > worst:
                worst, farthest = away, n
        if worst > COARSENESS:
            keep.add(farthest)
            spans += [(first, farthest), (farthest, last)]
    return [line[n] for n in sorted(keep)]


def distance(point: Point, a: Point, b: Point) -> float:
    """From a point to the piece of line between a and b, in degrees."""
    (x, y), (ax, ay), (bx, by) = point, a, b
    dx, dy = bx - ax, by - ay
    length = dx * dx + dy * dy
    along = max(0.0, min(1.0, ((x - ax) * dx + (y - ay) * dy) / length)) if length else 0.0
    return float(((x - ax - along * dx) ** 2 + (y - ay - along * dy) ** 2) ** 0.5)


if __name__ == "__main__":
    main(*sys.argv[1:])
