"""What the schema of the Dashboards API cannot see, and the linter of NDJSON files.

Each function yields sentences about faults; nothing wrong, nothing yielded.
"""

from __future__ import annotations

import json

from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import Any

from rasid.kibana.dashboards import COLUMNS, Body, panels
from rasid.kibana.requests import buckets, metrics, view
from rasid.search import alias
from rasid.search.templates import WHOLE, YEARLY, template


VIEWS = {alias(family): family for family in (*YEARLY, *WHOLE)}
# The newest stamp of each type that 9.0–9.5 read (search.md §6); newer is refused, none migrates
# from the beginning of time.
STAMPS = {"search": "10.3.0", "map": "8.4.0", "query": "10.2.0", "tag": "8.0.0"}
CHARTS = ("metric", "xy", "pie", "heatmap", "data_table")
AGGREGATABLE = {"keyword", "date", "integer", "long", "float", "boolean", "alias"}
NUMERIC = {"integer", "long", "float"}
MOST_TERMS = 1000


def fields_of(family: str) -> dict[str, str]:
    """Every field of the family's mapping and its type, dotted; sub-fields included."""
    return dict(_fields(template(family)["template"]["mappings"]["properties"], ""))


def dashboard_faults(body: Body, known: Iterable[str]) -> Iterator[str]:
    """Faults of one dashboard; `known` are the ids of all dashboards."""
    if not body.get("title"):
        yield "the dashboard has no title"
    if not {"from", "to"} <= set(body.get("time_range", {})):
        yield "the dashboard has no time range"
    names = [panel.get("id", "") for panel in body["panels"]]
    if len(set(names)) < len(names) or "" in names:
        yield "panel ids are missing or repeated"
    yield from _grid_faults(body["panels"])
    for control in body.get("pinned_panels", []):
        config = control["config"]
        yield from _field_faults("control", config["data_view_id"], config["field_name"])
    for panel in panels(body):
        yield from _chart_faults(panel["config"], set(known))


def ndjson_faults(text: str) -> Iterator[str]:
    """Faults of a file for `POST /api/saved_objects/_import`."""
    lines = [json.loads(line) for line in text.splitlines() if line.strip()]
    objects = [line for line in lines if "type" in line]
    present = {(item["type"], item["id"]) for item in objects}
    if len(present) < len(objects):
        yield "an object occurs twice"
    if not lines or lines[-1].get("exportedCount") != len(objects):
        yield "the last line does not count the objects"
    for item in objects:
        name = f"{item['type']} {item['id']}"
        if item["type"] not in STAMPS:
            yield f"{name}: this type does not belong here"
        elif item.get("typeMigrationVersion") != STAMPS[item["type"]]:
            yield f"{name}: typeMigrationVersion must be {STAMPS[item['type']]}"
        if not item["attributes"].get("title"):
            yield f"{name}: no title"
        if {"updated_at", "created_at", "version", "namespaces"} & set(item):
            yield f"{name}: carries fields of one installation"
        for reference in item.get("references", []):
            target = (reference["type"], reference["id"])
            if target not in present and target[1] not in VIEWS:
                yield f"{name}: refers to {target[0]} {target[1]}, which is nowhere"
        yield from _json_strings(name, item["attributes"])
        yield from _search_faults(name, item)


def _chart_faults(chart: Body, known: set[str]) -> Iterator[str]:
    name = f"«{chart.get('title', '')}»"
    if not chart.get("title"):
        yield "a chart has no title"
    if chart.get("type") not in CHARTS:
        yield f"{name}: {chart.get('type')} is no kind of chart that Rasid uses"
        return
    if chart["type"] in ("pie", "data_table") and not buckets(chart):
        yield f"{name}: groups by nothing"
    if not metrics(chart):
        yield f"{name}: shows no number"
    for bucket in buckets(chart):
        if bucket.get("operation") == "terms":
            if not 1 <= bucket.get("limit", 0) <= MOST_TERMS:
                yield f"{name}: the limit must lie between 1 and {MOST_TERMS}"
            for field in bucket.get("fields") or [""]:
                yield from _field_faults(name, view(chart), field)
        elif bucket.get("operation") == "date_histogram":
            yield from _field_faults(name, view(chart), bucket.get("field", ""), {"date", "alias"})
        else:
            yield f"{name}: {bucket.get('operation')} is no grouping that Rasid uses"
    for metric in metrics(chart):
        if metric.get("operation") == "unique_count":
            yield from _field_faults(name, view(chart), metric.get("field", ""))
        elif metric.get("operation") in ("sum", "average"):
            yield from _field_faults(name, view(chart), metric.get("field", ""), NUMERIC)
        elif metric.get("operation") != "count":
            yield f"{name}: {metric.get('operation')} is no number that Rasid shows"
    for drilldown in chart.get("drilldowns", []):
        if drilldown["type"] == "dashboard_drilldown" and drilldown["dashboard_id"] not in known:
            yield f"{name}: leads to a dashboard that is nowhere"
    if chart["type"] == "data_table":
        for column in (*buckets(chart), *metrics(chart)):
            if column.get("alignment") != "right":
                yield f"{name}: a column is not aligned to the right"


def _field_faults(
    name: str, data_view: str, field: str, kinds: Iterable[str] = AGGREGATABLE
) -> Iterator[str]:
    if data_view not in VIEWS:
        yield f"{name}: there is no data view {data_view}"
        return
    kind = fields_of(VIEWS[data_view]).get(field)
    if kind is None:
        yield f"{name}: {data_view} has no field {field!r}"
    elif kind not in kinds:
        yield f"{name}: {field} is of type {kind}, which cannot be used so"


def _grid_faults(placed: list[Body]) -> Iterator[str]:
    cells = []
    for panel in placed:
        x, y, w, h = (panel.get("grid", {}).get(side, -1) for side in "xywh")
        if min(x, y) < 0 or min(w, h) < 1 or x + w > COLUMNS:
            yield f"panel {panel.get('id')} lies outside the grid"
        cells.append((x, y, x + w, y + h))
    for a, b in combinations(cells, 2):
        if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]:
            yield f"panels overlap at {a} and {b}"


def _json_strings(name: str, attributes: dict[str, Any]) -> Iterator[str]:
    for key, value in attributes.items():
        if key.endswith("JSON"):
            try:
                json.loads(value)
            except (TypeError, ValueError):
                yield f"{name}: {key} is no JSON"


def _search_faults(name: str, item: dict[str, Any]) -> Iterator[str]:
    if item["type"] != "search":
        return
    views = [r["id"] for r in item.get("references", []) if r["type"] == "index-pattern"]
    if len(views) != 1:
        yield f"{name}: must refer to one data view"
        return
    columns = item["attributes"].get("columns", [])
    known = fields_of(VIEWS[views[0]]) if views[0] in VIEWS else {}
    for column in [*columns, *(field for field, _ in item["attributes"].get("sort", []))]:
        if column not in known:
            yield f"{name}: {views[0]} has no field {column!r}"


def _fields(properties: dict[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, field in properties.items():
        path = prefix + name
        if "properties" in field:
            yield from _fields(field["properties"], f"{path}.")
        elif field.get("enabled", True):
            yield path, field["type"]
        for sub, subfield in field.get("fields", {}).items():
            yield f"{path}.{sub}", subfield["type"]
