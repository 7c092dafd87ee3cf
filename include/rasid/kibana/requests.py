"""A panel as the request that Kibana would send, and its answer as rows.

Kibana cannot run here. What a panel asks can: `ask` and `read` run it on any node, so that every
number on a dashboard can be checked, and drawn (`rasid.kibana.preview`).
"""

from __future__ import annotations

import re

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from elasticsearch import Elasticsearch

from rasid.kibana.charts import Body
from rasid.kibana.fields import RUNTIME, TIME, ZONE


# Kibana aims at fifty bars: the first of these whose bound, in minutes, lies above one fiftieth of
# the time range gives their width.
BARS = 50
_WIDTHS = {
    3: "1m",
    9: "5m",
    20: "10m",
    45: "30m",
    120: "1h",
    360: "3h",
    1440: "12h",
    7 * 1440: "1d",
    21 * 1440: "7d",
}
_MINUTES = {"m": 1, "h": 60, "d": 1440, "y": 365 * 1440}
# What Kibana puts where a document lacks the field. The line "other" of values beyond the limit,
# for which Kibana asks a second time, is not asked here.
MISSING = "__missing__"


@dataclass(frozen=True, slots=True)
class Row:
    """One bar, slice, cell or line of a table: the values it is grouped by, and its numbers.

    A number is None where there is nothing to take it from: the median of no values.
    """

    keys: tuple[str, ...]
    numbers: tuple[float | None, ...]


def ask(es: Elasticsearch, chart: Body, board: Body) -> list[Row]:
    """Run a chart's request and read its answer; `board` gives its time range and its query."""
    answer = es.search(index=view(chart), **request(chart, board))
    return list(_rows(answer["aggregations"], (), metrics(chart)))


def read(
    es: Elasticsearch, panel: Body, board: Body, *, size: int
) -> tuple[int, list[dict[str, list[Any]]]]:
    """How many documents a documents panel has, and the fields of its first `size`."""
    tab, own = panel["tabs"][0], view(panel)
    found = es.search(
        index=own,
        size=size,
        track_total_hits=True,
        query=_query(own, span_of(panel, board), board, tab),
        sort=[{order["name"]: order["direction"]} for order in tab["sort"]],
        source=False,
        fields=tab["column_order"],
    )["hits"]
    return found["total"]["value"], [hit.get("fields", {}) for hit in found["hits"]]


def request(chart: Body, board: Body) -> dict[str, Any]:
    """The body of a chart's search: filters, groups in each other, numbers inside.

    A number of the time before (`time_shift`) has a range of its own; the query spans both.
    """
    own, span = view(chart), span_of(chart, board)
    shifted = any("time_shift" in number for number in metrics(chart))
    numbers = {
        str(n): _number(own, number, span if shifted else None)
        for n, number in enumerate(metrics(chart))
    }
    # Values are ranked by the first number, which each level of groups then needs.
    counted = metrics(chart)[0]["operation"] == "count"
    first = {} if counted else {"0": numbers["0"]}
    nested: dict[str, Any] = numbers
    for bucket in reversed(buckets(chart)):
        grouped = _group(bucket, span, "_count" if counted else _path(metrics(chart)[0]))
        nested = {"group": {**grouped, "aggs": first | nested}}
    asked = {"from": _before(span)["from"], "to": span["to"]} if shifted else span
    return {
        "size": 0,
        "query": _query(own, asked, board, chart),
        "runtime_mappings": RUNTIME.get(own, {}),
        "aggs": nested,
    }


def span_of(panel: Body, board: Body) -> Body:
    """The panel's own time range, else its dashboard's."""
    span: Body = panel["time_range"] if "time_range" in panel else board["time_range"]
    return span


def view(panel: Body) -> str:
    """The data view the panel reads; its id is the alias of the indices."""
    source = (panel.get("layers") or panel.get("tabs") or [panel])[0]
    return str(source["data_source"]["ref_id"])


def buckets(chart: Body) -> list[Body]:
    """What the chart groups by, outermost first: a timeline's values, then its bars."""
    if chart["type"] == "xy":
        layer = chart["layers"][0]
        return [*([layer["breakdown_by"]] if "breakdown_by" in layer else []), layer["x"]]
    if chart["type"] == "heatmap":
        return [chart["x"], chart["y"]]
    grouped: list[Body] = chart.get("group_by", []) + chart.get("rows", [])
    return grouped


def metrics(chart: Body) -> list[Body]:
    """The numbers the chart shows."""
    if chart["type"] == "xy":
        layer_metrics: list[Body] = chart["layers"][0]["y"]
        return layer_metrics
    if chart["type"] == "heatmap":
        return [chart["metric"]]
    own: list[Body] = chart["metrics"]
    return own


def width_of(time_range: Body) -> str:
    """The width of a bar over `now-<number><unit>` to `now`."""
    per_bar = _minutes(time_range) / BARS
    return next(width for bound, width in _WIDTHS.items() if bound > per_bar)


def lucene(kql: str) -> str:
    """The part of KQL that the dashboards use, in the syntax of `query_string`."""
    spelled = re.sub(r"\b(and|or|not)\b", lambda word: word[0].upper(), kql)
    return re.sub(r" (>=|<=|>|<) ", r":\1", spelled).replace(": ", ":")


def _query(view_id: str, span: Body, *asking: Body) -> dict[str, Any]:
    """What is in the time range and matches the queries of all that ask: dashboard and panel."""
    expressions = [asker.get("query", {}).get("expression", "") for asker in asking]
    filters = [{"query_string": {"query": lucene(told)}} for told in expressions if told]
    return {"bool": {"filter": [_during(view_id, span), *filters]}}


def _during(view_id: str, span: Body) -> dict[str, Any]:
    return {"range": {TIME[view_id]: {"gte": span["from"], "lte": span["to"]}}}


def _before(span: Body) -> Body:
    """The time of the same length just before."""
    return {"from": f"{span['from']}-{span['from'].removeprefix('now-')}", "to": span["from"]}


def _minutes(span: Body) -> int:
    number, unit = re.fullmatch(r"now-(\d+)([mhdy])", span["from"]).groups()  # type: ignore[union-attr]
    return int(number) * _MINUTES[unit]


def _number(view_id: str, number: Body, span: Body | None) -> dict[str, Any]:
    """A number under its own filters; `span` where a number of another time stands beside it."""
    filters = []
    if span is not None:
        filters.append(_during(view_id, _before(span) if "time_shift" in number else span))
    if "filter" in number:
        filters.append({"query_string": {"query": lucene(number["filter"]["expression"])}})
    kind: dict[str, Any] = {
        "count": {},
        "unique_count": {"cardinality": {"field": number.get("field")}},
        "sum": {"sum": {"field": number.get("field")}},
        "median": {"percentiles": {"field": number.get("field"), "percents": [50]}},
    }[number["operation"]]
    return {
        "filter": {"bool": {"filter": filters}},
        **({"aggs": {"value": kind}} if kind else {}),
    }


def _path(number: Body) -> str:
    return "0>value.50" if number["operation"] == "median" else "0>value"


def _group(bucket: Body, span: Body, ranked_by: str) -> dict[str, Any]:
    if bucket["operation"] == "date_histogram":
        width = {"fixed_interval": width_of(span), "time_zone": ZONE, "min_doc_count": 1}
        return {"date_histogram": {"field": bucket["field"], **width}}
    terms = {"field": bucket["fields"][0], "size": bucket["limit"], "order": {ranked_by: "desc"}}
    if "other_bucket" in bucket:
        terms["missing"] = MISSING
    if "excludes" in bucket:
        terms["exclude"] = "|".join(bucket["excludes"]["values"])
    return {"terms": terms}


def _rows(answer: dict[str, Any], keys: tuple[str, ...], numbers: list[Body]) -> Iterator[Row]:
    if "group" in answer:
        for bucket in answer["group"]["buckets"]:
            key = str(bucket.get("key_as_string", bucket["key"]))
            yield from _rows(bucket, (*keys, key), numbers)
        return
    yield Row(keys, tuple(_value(answer[str(n)], number) for n, number in enumerate(numbers)))


def _value(answer: dict[str, Any], number: Body) -> float | None:
    if number["operation"] == "count":
        return float(answer["doc_count"])
    value = answer["value"]
    found = value["values"]["50.0"] if number["operation"] == "median" else value["value"]
    return None if found is None else float(found)
