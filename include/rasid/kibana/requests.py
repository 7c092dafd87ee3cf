"""A chart as the request that Kibana would send, and its answer as rows.

Kibana cannot run here. What a panel asks can: `ask` runs it on any node, so that every number on a
dashboard can be checked, and drawn (`rasid.kibana.preview`).
"""

from __future__ import annotations

import re

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from elasticsearch import Elasticsearch

from rasid.kibana.dashboards import Body


# Kibana draws about this many bars over a time range.
TIME_BUCKETS = 60
_METRICS = {"unique_count": "cardinality", "sum": "sum", "average": "avg"}


@dataclass(frozen=True, slots=True)
class Row:
    """One bar, slice, cell or line of a table: the values it is grouped by, and its numbers."""

    keys: tuple[str, ...]
    numbers: tuple[float, ...]


def ask(es: Elasticsearch, chart: Body, time_range: Body) -> list[Row]:
    """Run the chart's request and read its answer."""
    answer = es.search(index=view(chart), **request(chart, time_range))
    total = {"doc_count": answer["hits"]["total"]["value"]}
    return rows(chart, answer.get("aggregations", {}) | total)


def request(chart: Body, time_range: Body) -> dict[str, Any]:
    """The body of the search: filters, buckets in each other, metrics inside."""
    inner = {
        str(number): {_METRICS[metric["operation"]]: {"field": metric["field"]}}
        for number, metric in enumerate(metrics(chart))
        if metric["operation"] != "count"
    }
    aggregations = inner
    for bucket in reversed(buckets(chart)):
        aggregations = {"group": {**_bucket(bucket, inner), "aggs": aggregations}}
    span = {"@timestamp": {"gte": time_range["from"], "lte": time_range["to"]}}
    filters: list[dict[str, Any]] = [{"range": span}]
    if expression := chart.get("query", {}).get("expression"):
        filters.append({"query_string": {"query": lucene(expression)}})
    return {
        "size": 0,
        "track_total_hits": True,
        "query": {"bool": {"filter": filters}},
        "aggs": aggregations,
    }


def rows(chart: Body, answer: dict[str, Any]) -> list[Row]:
    """The answer flattened, in its order."""
    return list(_rows(answer, (), [str(m["operation"]) for m in metrics(chart)]))


def view(chart: Body) -> str:
    """The data view the chart reads; its id is the alias of the indices."""
    source = (chart.get("layers") or [chart])[0]
    return str(source["data_source"]["ref_id"])


def buckets(chart: Body) -> list[Body]:
    """What the chart groups by, outermost first."""
    if chart["type"] == "xy":
        layer = chart["layers"][0]
        return [layer["x"], *([layer["breakdown_by"]] if "breakdown_by" in layer else [])]
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


def lucene(kql: str) -> str:
    """The part of KQL that the dashboards use, in the syntax of `query_string`."""
    spelled = re.sub(r"\b(and|or|not)\b", lambda word: word[0].upper(), kql)
    return spelled.replace(": ", ":")


def _bucket(bucket: Body, inner: dict[str, Any]) -> dict[str, Any]:
    if bucket["operation"] == "date_histogram":
        return {"auto_date_histogram": {"field": bucket["field"], "buckets": TIME_BUCKETS}}
    # Ranked by the first metric, a count when that is none of the inner ones.
    order = {"0": "desc"} if "0" in inner else {"_count": "desc"}
    return {"terms": {"field": bucket["fields"][0], "size": bucket["limit"], "order": order}}


def _rows(answer: dict[str, Any], keys: tuple[str, ...], operations: list[str]) -> Iterator[Row]:
    if "group" in answer:
        for bucket in answer["group"]["buckets"]:
            key = str(bucket.get("key_as_string", bucket["key"]))
            yield from _rows(bucket, (*keys, key), operations)
        return
    yield Row(
        keys,
        tuple(
            answer["doc_count"] if operation == "count" else answer[str(number)]["value"] or 0
            for number, operation in enumerate(operations)
        ),
    )
