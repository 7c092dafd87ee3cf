"""What the schema of the Dashboards API cannot see, and the linter of NDJSON files and data views.

Each function yields sentences about faults; nothing wrong, nothing yielded.
"""

from __future__ import annotations

import json
import re

from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import Any

from rasid.kibana.charts import COLUMNS, DOCUMENTS, Body, panels
from rasid.kibana.fields import FAMILIES, LABELS, RUNTIME, TIME, fields_of, values_of
from rasid.kibana.requests import buckets, metrics, view


# The newest stamp of each type that 9.0–9.5 read (search.md §6); newer is refused, none migrates
# from the beginning of time.
STAMPS = {"search": "10.3.0", "map": "8.4.0", "query": "10.2.0", "tag": "8.0.0"}
CHARTS = ("metric", "xy", "pie", "heatmap", "data_table")
AGGREGATABLE = {"keyword", "date", "integer", "long", "float", "double", "boolean", "alias"}
NUMERIC = {"integer", "long", "float", "double"}
MOST_TERMS = 1000
_TIME_RANGE = re.compile(r"now-\d+[mhdy]")
_ARABIC = re.compile(r"[\u0621-\u064a]")
_CONDITION = re.compile(r"([\w.]+) ?(?::|>=|<=|>|<) ?(\([^)]*\)|\"[^\"]*\"|[\w.*]+)")
_LINK = re.compile(r"\[[^\]]*\]\(([^)]*)\)")


def dashboard_faults(body: Body, known: Iterable[str]) -> Iterator[str]:
    """Faults of one dashboard; `known` are the ids of all dashboards."""
    ids = set(known)
    if not _ARABIC.search(body.get("title", "")):
        yield "the dashboard has no Arabic title"
    yield from _span_faults("the dashboard", body.get("time_range", {}))
    names = [panel.get("id", "") for panel in body["panels"]]
    if len(set(names)) < len(names) or "" in names:
        yield "panel ids are missing or repeated"
    yield from _grid_faults(body["panels"])
    for panel in body["panels"]:
        if panel["type"] == "markdown":
            yield from _link_faults(panel["config"].get("content", ""), ids)
    for panel in panels(body):
        config = panel["config"]
        name = f"«{config.get('title', '')}»"
        if not _ARABIC.search(config.get("title", "")):
            yield f"{name}: no Arabic title"
        if "time_range" in config:
            yield from _span_faults(name, config["time_range"])
        check = _documents_faults if panel["type"] == DOCUMENTS else _chart_faults
        yield from check(name, config, ids)
    views = {view(panel["config"]) for panel in panels(body)}
    for data_view in views & set(FAMILIES):
        asked = body.get("query", {}).get("expression", "")
        yield from query_faults("the dashboard", data_view, asked)
    filtered = {
        view(panel["config"])
        for panel in panels(body)
        if not panel["config"].get("ignore_global_filters")
    }
    for control in body.get("pinned_panels", []):
        config = control["config"]
        for data_view in {config["data_view_id"], *filtered}:
            # Kibana filters every such panel by a control; without the field a panel stays empty.
            yield from _field_faults("control", data_view, config["field_name"])


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
            if target not in present and target[1] not in FAMILIES:
                yield f"{name}: refers to {target[0]} {target[1]}, which is nowhere"
        broken = list(_json_faults(name, item["attributes"]))
        yield from broken
        if not broken:
            yield from _search_faults(name, item)
            yield from _map_faults(name, item)


def view_faults(body: Body) -> Iterator[str]:
    """Faults of one body for `POST /api/data_views/data_view`."""
    own = body["data_view"]
    name = f"data view {own.get('id')}"
    if own.get("id") not in FAMILIES or own.get("title") != own.get("id"):
        yield f"{name}: reads no alias of ours"
        return
    if not _ARABIC.search(own.get("name", "")):
        yield f"{name}: no Arabic name"
    if own.get("timeFieldName") != TIME[own["id"]]:
        yield f"{name}: the time field must be {TIME[own['id']]}"
    known = fields_of(own["id"])
    for field in {*own.get("fieldAttrs", {}), *own.get("fieldFormats", {})} - set(known):
        yield f"{name}: has no field {field!r}"
    for field, attributes in own.get("fieldAttrs", {}).items():
        if not _ARABIC.search(attributes.get("customLabel", "")):
            yield f"{name}: {field} has no Arabic label"
    for field, form in own.get("fieldFormats", {}).items():
        entries = form["params"].get("lookupEntries", [])
        if form["id"] == "static_lookup" and not all(e["key"] and e["value"] for e in entries):
            yield f"{name}: {field} has a code without a word"
        address = form["params"].get("urlTemplate", "{{rawValue}}")
        if not (address == "{{rawValue}}" or address.startswith("../app/")):
            yield f"{name}: {field} leads out of Kibana"
    if own.get("runtimeFieldMap", {}) != RUNTIME.get(own["id"], {}):
        yield f"{name}: its runtime fields are not those that panels were checked with"


def query_faults(name: str, data_view: str, expression: str) -> Iterator[str]:
    """Faults of a KQL expression: unknown fields, codes that no document carries, brackets."""
    if expression.count("(") != expression.count(")") or expression.count('"') % 2:
        yield f"{name}: brackets or quotes of {expression!r} do not match"
    conditions = _CONDITION.findall(expression)
    if bool(expression) != bool(conditions):
        yield f"{name}: {expression!r} asks nothing"
    for field, asked in conditions:
        if field not in fields_of(data_view):
            yield f"{name}: {data_view} has no field {field!r}"
            continue
        codes = values_of(data_view, field)
        for value in re.findall(r"\"([^\"]*)\"", asked):
            if codes and value not in codes:
                yield f"{name}: {field} is never {value!r}"


def _chart_faults(name: str, chart: Body, known: set[str]) -> Iterator[str]:
    if chart.get("type") not in CHARTS:
        yield f"{name}: {chart.get('type')} is no kind of chart that Rasid uses"
        return
    own = view(chart)
    if own not in FAMILIES:
        yield f"{name}: there is no data view {own}"
        return
    if chart["type"] in ("pie", "data_table") and not buckets(chart):
        yield f"{name}: groups by nothing"
    if not metrics(chart):
        yield f"{name}: shows no number"
    yield from query_faults(name, own, chart.get("query", {}).get("expression", ""))
    for bucket in buckets(chart):
        yield from _bucket_faults(name, own, bucket)
    for number in metrics(chart):
        yield from _number_faults(name, own, number)
    for drilldown in chart.get("drilldowns", []):
        if drilldown["type"] == "dashboard_drilldown" and drilldown["dashboard_id"] not in known:
            yield f"{name}: leads to a dashboard that is nowhere"
    if chart["type"] == "data_table":
        for column in (*buckets(chart), *metrics(chart)):
            if column.get("alignment") != "right":
                yield f"{name}: a column is not aligned to the right"
            if not _ARABIC.search(column.get("label", "")):
                yield f"{name}: a column has no Arabic label"


def _bucket_faults(name: str, data_view: str, bucket: Body) -> Iterator[str]:
    if bucket.get("operation") == "terms":
        if not 1 <= bucket.get("limit", 0) <= MOST_TERMS:
            yield f"{name}: the limit must lie between 1 and {MOST_TERMS}"
        fields = bucket.get("fields") or [""]
        for field in fields:
            yield from _field_faults(name, data_view, field)
        codes = values_of(data_view, fields[0])
        for entry in bucket.get("color", {}).get("mapping", []):
            if codes and not set(entry["values"]) <= set(codes):
                yield f"{name}: colours a value that {fields[0]} never has"
    elif bucket.get("operation") == "date_histogram":
        yield from _field_faults(name, data_view, bucket.get("field", ""), {"date", "alias"})
        if bucket.get("field") != TIME.get(data_view):
            yield f"{name}: its bars are not of the time that the time range filters"
    else:
        yield f"{name}: {bucket.get('operation')} is no grouping that Rasid uses"


def _number_faults(name: str, data_view: str, number: Body) -> Iterator[str]:
    operation, field = number.get("operation"), number.get("field", "")
    if operation == "unique_count":
        yield from _field_faults(name, data_view, field)
    elif operation in ("sum", "median"):
        yield from _field_faults(name, data_view, field, NUMERIC)
    elif operation != "count":
        yield f"{name}: {operation} is no number that Rasid shows"
    yield from query_faults(name, data_view, number.get("filter", {}).get("expression", ""))


def _documents_faults(name: str, panel: Body, _known: set[str]) -> Iterator[str]:
    own, tab = view(panel), panel["tabs"][0]
    if own not in FAMILIES:
        yield f"{name}: there is no data view {own}"
        return
    if not tab.get("column_order"):
        yield f"{name}: shows no column"
    for field in [*tab.get("column_order", []), *(order["name"] for order in tab.get("sort", []))]:
        if field not in fields_of(own):
            yield f"{name}: {own} has no field {field!r}"
        elif field not in LABELS:
            yield f"{name}: {field} has no Arabic label"
    yield from query_faults(name, own, tab.get("query", {}).get("expression", ""))


def _field_faults(
    name: str, data_view: str, field: str, kinds: Iterable[str] = AGGREGATABLE
) -> Iterator[str]:
    if data_view not in FAMILIES:
        yield f"{name}: there is no data view {data_view}"
        return
    kind = fields_of(data_view).get(field)
    if kind is None:
        yield f"{name}: {data_view} has no field {field!r}"
    elif kind not in kinds:
        yield f"{name}: {field} is of type {kind}, which cannot be used so"


def _span_faults(name: str, span: Body) -> Iterator[str]:
    if span.get("to") != "now" or not _TIME_RANGE.fullmatch(span.get("from", "")):
        yield f"{name} has no time range from now-<number><m|h|d|y> to now"


def _link_faults(content: str, known: set[str]) -> Iterator[str]:
    for address in _LINK.findall(content):
        # Kibana shows any other link within itself as plain text.
        if not address.startswith("/s/"):
            yield f"a text links to {address}, which Kibana shows as plain text"
        elif "/dashboards#/view/" in address and address.rpartition("/")[2] not in known:
            yield f"a text links to {address}, which is nowhere"


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


def _json_faults(name: str, attributes: dict[str, Any]) -> Iterator[str]:
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
    if views[0] not in FAMILIES:
        return  # the reference was told already
    attributes = item["attributes"]
    for column in [*attributes.get("columns", []), *(field for field, _ in attributes["sort"])]:
        if column not in fields_of(views[0]):
            yield f"{name}: {views[0]} has no field {column!r}"
    source = json.loads(attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])
    yield from query_faults(name, views[0], source["query"]["query"])


def _map_faults(name: str, item: dict[str, Any]) -> Iterator[str]:
    if item["type"] != "map":
        return
    references = {r["name"]: r["id"] for r in item.get("references", [])}
    for layer in json.loads(item["attributes"]["layerListJSON"]):
        source = layer["sourceDescriptor"]
        own = references.get(source["indexPatternRefName"])
        if own not in FAMILIES:
            yield f"{name}: the layer «{layer['label']}» reads no data view"
            continue
        yield from query_faults(name, own, layer["query"]["query"])
        if fields_of(own).get(source["geoField"]) != "geo_point":
            yield f"{name}: {source['geoField']} is no place on a map"
        for field in source.get("tooltipProperties", []):
            if field not in fields_of(own):
                yield f"{name}: {own} has no field {field!r}"
