"""The kinds of panels that Rasid's dashboards are made of, as the Dashboards API spells them.

Charts read data views by reference and use plain aggregations, no ES|QL: what they ask can be run
on any node (`rasid.kibana.requests`). Kibana has no right-to-left layout, so tables are aligned to
the right, and Arabic, Latin and numbers keep to columns of their own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from rasid.kibana.fields import LABELS, NAMES, TIME, colours_of


Body: TypeAlias = dict[str, Any]

COLUMNS = 48
# Its kind of panel for documents, beside "vis" for charts.
DOCUMENTS = "discover_session"
# Bare heads («قواته», «مسلحين») name nobody; with a country («جيش · العراق») they do.
_NOBODY = {"values": [r"force\.[^:]*"], "as_regex": True}


def panels(body: Body, *kinds: str) -> Iterable[Body]:
    """The panels of a dashboard that ask for data; not its texts and links."""
    return (panel for panel in body["panels"] if panel["type"] in (kinds or ("vis", DOCUMENTS)))


def row(height: int, *charts: Body, widths: tuple[int, ...] = ()) -> list[Body]:
    """Panels side by side, of the same width unless `widths` says otherwise; the last fills up."""
    even = COLUMNS // len(charts)
    shares = widths or (*(even,) * (len(charts) - 1), COLUMNS - even * (len(charts) - 1))
    return [
        {
            "type": DOCUMENTS if "tabs" in chart else "vis",
            "grid": {"w": width, "h": height},
            "config": chart,
        }
        for chart, width in zip(charts, shares, strict=True)
    ]


def metric(
    title: str,
    view: str,
    number: Body | None = None,
    *,
    query: str = "",
    before: bool = False,
    time_range: Body | None = None,
) -> Body:
    """One number; with `before` also that of the time just before, to compare."""
    number = number or count()
    shown: list[Body] = [{"type": "primary", **number, "label": title}]
    if before:
        shown.append(
            {
                "type": "secondary",
                **number,
                "label": "الفترة السابقة",
                "time_shift": "previous",
                "compare": {"to": "primary", "icon": True, "value": False},
            }
        )
    return {
        "type": "metric",
        "title": title,
        **_source(view, query),
        "metrics": shown,
        "styling": {
            "primary": {"labels": {"alignment": "right"}, "value": {"alignment": "right"}},
        },
        "hide_title": True,
        **({"time_range": time_range} if time_range else {}),
    }


def timeline(title: str, view: str, *, by: str, query: str = "", limit: int = 8) -> Body:
    """Stacked bars over time, one colour for each value of `by`."""
    layer = {
        "type": "bar_stacked",
        "data_source": _source(view)["data_source"],
        "x": {"operation": "date_histogram", "field": TIME[view]},
        "breakdown_by": _terms(by, limit) | _coloured(view, by),
        "y": [count("العدد")],
    }
    return {
        "type": "xy",
        "title": title,
        **_asked(query),
        "legend": {"visibility": "visible", "placement": "outside", "position": "bottom"},
        "layers": [layer],
        "drilldowns": _drilldowns(view),
    }


def bars(
    title: str,
    view: str,
    field: str,
    *,
    query: str = "",
    number: Body | None = None,
    to: tuple[str, str] | None = None,
    limit: int = 10,
) -> Body:
    """Horizontal bars: Arabic names read best on the y axis. `to` is a dashboard's id and title."""
    layer = {
        "type": "bar_horizontal",
        "data_source": _source(view)["data_source"],
        "x": _terms(field, limit),
        "y": [number or count("العدد")],
    }
    return {
        "type": "xy",
        "title": title,
        **_asked(query),
        "legend": {"visibility": "hidden"},
        "layers": [layer],
        "drilldowns": _drilldowns(view, to),
    }


def pie(title: str, view: str, field: str, *, query: str = "") -> Body:
    """Shares of a whole whose parts are few."""
    return {
        "type": "pie",
        "title": title,
        **_source(view, query),
        "metrics": [count("العدد")],
        "group_by": [_terms(field, 8) | _coloured(view, field)],
        "drilldowns": _drilldowns(view),
    }


def heatmap(title: str, view: str, x: str, y: str, *, query: str = "", limit: int = 12) -> Body:
    """Two fields against each other."""
    return {
        "type": "heatmap",
        "title": title,
        **_source(view, query),
        "x": _terms(x, limit),
        "y": _terms(y, limit),
        "metric": count("العدد"),
        "drilldowns": _drilldowns(view),
    }


def table(
    title: str,
    view: str,
    rows: Iterable[str],
    numbers: list[Body],
    *,
    query: str = "",
    limits: tuple[int, ...] = (20, 5, 5),
    missing: bool = False,
    unfiltered: bool = False,
) -> Body:
    """A line for each value of `rows`, each under the one before; the first number ranks them.

    With `missing`, documents that lack a field have lines of their own: a force whose destination
    is told and whose origin is not still moves. `unfiltered`: the dashboard's controls are about
    fields that this view does not have, and leave it as it is.
    """
    lacking = {"other_bucket": {"include_documents_without_field": True}} if missing else {}
    return {
        "type": "data_table",
        "title": title,
        **_source(view, query),
        **({"ignore_global_filters": True} if unfiltered else {}),
        "rows": [
            {**_terms(field, limit), **lacking, "label": LABELS[field], "alignment": "right"}
            for field, limit in zip(rows, limits, strict=False)
        ],
        "metrics": [{**number, "alignment": "right"} for number in numbers],
        "styling": {"density": {"mode": "compact"}, "paging": 20},
        "drilldowns": _drilldowns(view),
    }


def documents(
    title: str,
    view: str,
    columns: list[str],
    *,
    query: str = "",
    time_range: Body | None = None,
) -> Body:
    """The documents themselves, the newest first: from a chart to the sentence and the article."""
    return {
        "title": title,
        "tabs": [
            {
                "data_source": _source(view)["data_source"],
                "column_order": columns,
                "sort": [{"name": TIME[view], "direction": "desc"}],
                "query": {"expression": query, "language": "kql"},
                "density": "compact",
                "row_height": "auto",
                "header_row_height": 1,
                "sample_size": 100,
                "view_mode": "documents",
            }
        ],
        **({"time_range": time_range} if time_range else {}),
    }


def count(label: str = "", *, only: str = "") -> Body:
    """How many documents; `only` those that match."""
    return _number("count", "", label, only)


def unique(field: str, label: str = "", *, only: str = "") -> Body:
    """How many different values: newsrooms, not reports; incidents, not mentions of them."""
    return _number("unique_count", field, label, only)


def total(field: str, label: str = "", *, only: str = "") -> Body:
    """The sum of a field."""
    return _number("sum", field, label, only)


def median(field: str, label: str = "") -> Body:
    """The middle value: one archive that a feed pours out does not move it."""
    return _number("median", field, label, "")


def _number(operation: str, field: str, label: str, only: str) -> Body:
    return {
        "operation": operation,
        **({"field": field} if field else {}),
        **({"label": label} if label else {}),
        **({"filter": {"expression": only, "language": "kql"}} if only else {}),
    }


def _source(view: str, query: str = "") -> Body:
    return {"data_source": {"type": "data_view_reference", "ref_id": view}, **_asked(query)}


def _asked(query: str) -> Body:
    return {"query": {"expression": query, "language": "kql"}} if query else {}


def _terms(field: str, limit: int) -> Body:
    rank = {"type": "metric", "metric_index": 0, "direction": "desc"}
    named = {"excludes": _NOBODY} if field in ("actor_id", "actor_ids") else {}
    return {"operation": "terms", "fields": [field], "limit": limit, "rank_by": rank, **named}


def _coloured(view: str, field: str) -> Body:
    colours = colours_of(view, field)
    mapping = [
        {"values": [code], "color": {"type": "color_code", "value": colour}}
        for code, colour in colours.items()
    ]
    if not mapping:
        return {}
    return {"color": {"mode": "categorical", "palette": "default", "mapping": mapping}}


def _drilldowns(view: str, to: tuple[str, str] | None = None) -> list[Body]:
    """A click on a value leads to its documents; with `to` also to another dashboard."""
    discover = {
        "type": "discover_drilldown",
        "label": f"إلى «{NAMES[view]}»",
        "trigger": "on_apply_filter",
    }
    if to is None:
        return [discover]
    identity, title = to
    board = {
        "type": "dashboard_drilldown",
        "dashboard_id": identity,
        "label": f"إلى «{title}»",
        "trigger": "on_apply_filter",
    }
    return [board, discover]
