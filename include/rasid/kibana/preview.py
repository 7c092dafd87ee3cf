"""The dashboards drawn without a Kibana: one static right-to-left page from the same requests.

So that a person can look at what analysts will get; the numbers are those of the node, the looks
are ours, not Kibana's. The page needs no script and fetches nothing.
"""

from __future__ import annotations

from datetime import datetime
from html import escape
from zoneinfo import ZoneInfo

from elasticsearch import Elasticsearch

from rasid.kibana import atlas, drawing
from rasid.kibana.charts import DOCUMENTS, Body, panels
from rasid.kibana.dashboards import INCIDENTS, MAP, MENTIONS, WEEK, dashboards
from rasid.kibana.fields import NAMES, ZONE
from rasid.kibana.requests import ask, read, span_of, view
from rasid.settings import INCLUDE


STYLE = INCLUDE / "kibana" / "preview.css"
# Documents of a panel that are shown.
SHOWN = 8
_SPANS = {"now-24h": "آخر 24 ساعة", "now-7d": "آخر 7 أيام", "now-30d": "آخر 30 يوماً"}


def preview(es: Elasticsearch, now: datetime) -> str:
    """The page: every dashboard and the map, as they stand at `now`."""
    boards = dashboards()
    names = {**{identity: body["title"] for identity, body in boards.items()}, "map": MAP}
    links = "".join(f'<a href="#d-{name}">{escape(told)}</a>' for name, told in names.items())
    drawn = [_board(es, identity, body, now) for identity, body in boards.items()]
    drawn.append(
        f'<article id="d-map"><h1>{MAP}</h1><p class="about">أين وقعت الحوادث التي عُرف مكانها:'
        f" {_SPANS[WEEK['from']]}.</p>"
        f"<section>{atlas.drawn(atlas.spots(es, WEEK))}</section></article>"
    )
    return (
        '<!doctype html>\n<html lang="ar" dir="rtl"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>راصد</title><style>{STYLE.read_text('utf-8')}</style></head><body><header><strong>راصد</strong>"
        f"<nav>{links}</nav><small>{_at(now)}</small></header>"
        f"<main>{''.join(drawn)}</main></body></html>\n"
    )


def _board(es: Elasticsearch, identity: str, body: Body, now: datetime) -> str:
    asked = [("الزمن", _SPANS[body["time_range"]["from"]])]
    asked += [(control["config"]["title"], "الكل") for control in body["pinned_panels"]]
    controls = "".join(f"<li><b>{escape(name)}</b>: {value}</li>" for name, value in asked)
    drawn = "".join(_panel(es, panel, body, now) for panel in panels(body))
    return (
        f'<article id="d-{identity}"><h1>{escape(body["title"])}</h1>'
        f'<p class="about">{escape(body["description"])}</p>'
        f'<ul class="controls">{controls}</ul>'
        f"{_hint(es, body)}"
        f'<div class="grid">{drawn}</div></article>'
    )


def _panel(es: Elasticsearch, panel: Body, body: Body, now: datetime) -> str:
    config = panel["config"]
    if panel["type"] == DOCUMENTS:
        total, found = read(es, config, body, size=SHOWN)
        inside = drawing.documents(config, found, total)
    else:
        inside = drawing.chart(config, ask(es, config, body), span=span_of(config, body), now=now)
    kind = config.get("type", DOCUMENTS)
    return (
        f'<section class="panel-{kind}" style="grid-column: span {panel["grid"]["w"]}">'
        f"<h2>{escape(config['title'])}</h2>{inside}</section>"
    )


def _hint(es: Elasticsearch, body: Body) -> str:
    """Panels stay empty until mentions are linked to incidents: said, where it is so."""
    if not any(view(panel["config"]) == INCIDENTS for panel in panels(body)):
        return ""
    if es.count(index=INCIDENTS)["count"] or not es.count(index=MENTIONS)["count"]:
        return ""
    return (
        f'<p class="hint">لم تُجمع «{NAMES[MENTIONS]}» في «{NAMES[INCIDENTS]}» بعد: تفعل ذلك مهمة'
        " <bdi>link_incidents</bdi>، وإلى حينها تبقى لوحات الحوادث فارغة.</p>"
    )


def _at(now: datetime) -> str:
    return (
        f'<span dir="ltr">{now.astimezone(ZoneInfo(ZONE)):%d/%m/%Y %H:%M}</span>'
        " بتوقيت الرياض · معاينة بلا Kibana"
    )
