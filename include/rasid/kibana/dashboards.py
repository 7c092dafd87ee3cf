"""The dashboards as bodies of Kibana's Dashboards API (`PUT /api/dashboards/{id}`, GA in 9.5).

Charts read data views by reference and use plain aggregations, no ES|QL: what they ask can be run
on any node (`rasid.kibana.requests`). Kibana has no right-to-left layout, so tables are aligned to
the right and Arabic, Latin and numbers keep to columns of their own.

`python -m rasid.kibana` writes them into include/kibana/; a test fails when they are out of date.
"""

from __future__ import annotations

import uuid

from collections.abc import Iterable
from typing import Any, TypeAlias


Body: TypeAlias = dict[str, Any]

COLUMNS = 48
_SPACE = uuid.UUID("6c1f1d6e-52a8-4f0a-9f57-7a0f5f0d6c11")

ATTACK = 'event: "attack"'
MILITIA = 'tag: "militia_attack"'
MOVEMENT = 'event: "troop_movement"'
FACTUAL = 'modality: "factual"'
PLANNED = 'modality: "threatened_planned"'


def stable_id(name: str) -> str:
    """An id that is the same on every machine."""
    return str(uuid.uuid5(_SPACE, name))


SITUATION = stable_id("situation")
GROUPS = stable_id("groups")
MOVEMENTS = stable_id("movements")
SOURCES = stable_id("sources")
HEALTH = stable_id("health")
TITLES = {
    SITUATION: "الموقف اليوم",
    GROUPS: "الجماعات المسلحة",
    MOVEMENTS: "تحركات القوات",
    SOURCES: "المصادر",
    HEALTH: "صحة الرصد",
}


def dashboards() -> dict[str, Body]:
    """All dashboards by id, in the order of the links between them."""
    return {
        SITUATION: _situation(),
        GROUPS: _groups(),
        MOVEMENTS: _movements(),
        SOURCES: _sources(),
        HEALTH: _health(),
    }


def panels(body: Body) -> Iterable[Body]:
    """The charts of a dashboard; not its texts and links."""
    return (panel for panel in body["panels"] if panel["type"] == "vis")


def _situation() -> Body:
    view = "rasid-mentions"
    return _dashboard(
        SITUATION,
        "ما جرى، ومن فعله، وأين، ومن قال ذلك.",
        [
            _row(
                8,
                _metric("هجمات الميليشيات", view, query=f"{MILITIA} and {FACTUAL}"),
                _metric("كل الهجمات", view, query=f"{ATTACK} and {FACTUAL}"),
                _metric("تحركات القوات", view, query=f"{MOVEMENT} and {FACTUAL}"),
                _metric("أخبار تذكرها", view, _unique("article_id")),
            ),
            _row(12, _timeline("الوقائع عبر الزمن", view, by="tag")),
            _row(
                14,
                _bars("الأكثر ذكراً من الفاعلين", view, "actor", to=GROUPS),
                _bars("الأماكن", view, "place"),
            ),
            _row(
                14,
                _pie("هل وقع الحدث؟", view, "modality"),
                _bars("طريقة الهجوم", view, "kind", query=ATTACK),
                _bars("السلاح", view, "weapon"),
            ),
            _row(
                16,
                _table(
                    "من فعل ماذا وأين",
                    view,
                    {"actor": "الفاعل", "subtype": "النوع", "place": "المكان"},
                    [_count("مرات الذكر"), _unique("newsroom", "غرف الأخبار")],
                ),
            ),
        ],
        controls={"tag": "التصنيف", "actor": "الفاعل", "place": "المكان", "modality": "الصيغة"},
    )


def _groups() -> Body:
    view = "rasid-mentions"
    return _dashboard(
        GROUPS,
        "جماعة واحدة: ماذا تفعل، وأين، وبماذا، ومن ينسب إليها ومن ينفي. اخترها من القائمة أعلاه.",
        [
            _row(
                8,
                _metric("وقائع منسوبة", view, query=MILITIA),
                _metric("أعلنتها الجماعة", view, query='attribution.status: "claimed"'),
                _metric("نُفيت", view, query='modality: "denied"'),
                _metric("القتلى بأدنى تقدير", view, _sum("killed.min")),
            ),
            _row(12, _timeline("نشاطها عبر الزمن", view, by="actor", query=MILITIA)),
            _row(
                14,
                _bars("أهدافها", view, "target", query=MILITIA),
                _bars("أماكن هجماتها", view, "place", query=MILITIA),
                _bars("أسلحتها", view, "weapon", query=MILITIA),
            ),
            _row(
                14,
                _pie("صنف الفاعل", view, "actor_class", query=ATTACK),
                _pie("الإسناد", view, "attribution.status", query=ATTACK),
                _bars("طريقة الهجوم", view, "kind", query=MILITIA),
            ),
            _row(
                16,
                _table(
                    "الجماعات",
                    view,
                    {"actor": "الجماعة", "actor_class": "الصنف"},
                    [
                        _count("مرات الذكر"),
                        _sum("killed.max", "القتلى بأعلى تقدير"),
                        _unique("newsroom", "غرف الأخبار"),
                    ],
                    query=MILITIA,
                ),
            ),
        ],
        controls={"actor": "الجماعة", "actor_class": "الصنف", "place": "المكان"},
    )


def _movements() -> Body:
    view = "rasid-mentions"
    return _dashboard(
        MOVEMENTS,
        "من تحرك، ومن أين إلى أين، وبأي صورة.",
        [
            _row(
                8,
                _metric("تحركات وقعت", view, query=f"{MOVEMENT} and {FACTUAL}"),
                _metric("تحركات مخطط لها", view, query=f"{MOVEMENT} and {PLANNED}"),
                _metric("قوى متحركة", view, _unique("actor"), query=MOVEMENT),
            ),
            _row(12, _timeline("التحركات عبر الزمن", view, by="kind", query=MOVEMENT)),
            _row(
                14,
                _bars("القوة المتحركة", view, "actor", query=MOVEMENT),
                _bars("إلى", view, "to", query=MOVEMENT),
                _bars("من", view, "from", query=MOVEMENT),
            ),
            _row(14, _heatmap("من تحرك وكيف", view, "kind", "actor_class", query=MOVEMENT)),
            _row(
                16,
                _table(
                    "القوة ووجهتها",
                    view,
                    {"actor": "القوة", "to": "إلى"},
                    [_count("مرات الذكر"), _unique("newsroom", "غرف الأخبار")],
                    query=MOVEMENT,
                ),
            ),
        ],
        controls={"actor": "القوة", "kind": "الصورة", "to": "الوجهة", "modality": "الصيغة"},
    )


def _sources() -> Body:
    view = "rasid-articles"
    return _dashboard(
        SOURCES,
        "ماذا تنشر كل وسيلة، وكم منه وقائع مسلحة، ومتى تنشر.",
        [
            _row(
                8,
                _metric("أخبار", view),
                _metric("أخبار فيها هجوم", view, query="tags.attack: true"),
                _metric("أخبار فيها تحرك", view, query="tags.troop_movement: true"),
                _metric("وسائل إعلام", view, _unique("outlet")),
            ),
            _row(12, _timeline("النشر عبر الزمن", view, by="outlet")),
            _row(
                14,
                _bars("الأكثر نشراً", view, "outlet"),
                _bars("الأكثر ذكراً لهجمات", view, "outlet", query="tags.attack: true"),
                _pie("بلد الوسيلة", view, "country"),
            ),
            _row(
                16,
                _table(
                    "الوسائل",
                    view,
                    {"outlet": "الوسيلة", "country": "البلد"},
                    [_count("أخبار"), _sum("tags.mentions", "وقائع مذكورة")],
                ),
            ),
        ],
        controls={"outlet": "الوسيلة", "country": "البلد"},
    )


def _health() -> Body:
    polls, runs, entries = "rasid-polls", "rasid-runs", "rasid-entries"
    whole = 'feed_id: "*"'
    return _dashboard(
        HEALTH,
        "لفريق التشغيل: هل قُرئ كل مصدر، وأين ذهب كل خبر؟",
        [
            _row(
                8,
                _metric("جولات", runs, query=whole),
                _metric("جولات لم تُقفل حساباتها", runs, query=f"{whole} and closed: false"),
                _metric("أخبار جديدة", runs, _sum("new"), query=whole),
                _metric("تنتظر محاولة أخرى", entries, query='not state: "settled"'),
                _metric("في الحجر", entries, query='outcome: "quarantined"'),
            ),
            _row(
                14,
                _timeline("قراءات المصادر ونتائجها", polls, by="outcome"),
                _timeline("نهايات الأخبار", entries, by="outcome"),
            ),
            _row(
                14,
                _bars(
                    "قراءات أخفقت",
                    polls,
                    "feed_id",
                    query='not outcome: ("ok" or "not_modified" or "unchanged")',
                ),
                _bars("أبطأ المصادر (مللي ثانية)", polls, "feed_id", metric=_average("elapsed_ms")),
                _pie("نتائج القراءة", polls, "outcome"),
            ),
            _row(
                16,
                _table(
                    "حساب كل مصدر",
                    runs,
                    {"feed_id": "المصدر"},
                    [
                        _sum("seen", "رُصد"),
                        _sum("known", "معروف"),
                        _sum("new", "جديد"),
                        _sum("waiting", "ينتظر"),
                    ],
                    query=f"not {whole}",
                ),
            ),
        ],
        controls={},
    )


# --- a dashboard --------------------------------------------------------------------------------


def _dashboard(own: str, about: str, rows: list[list[Body]], *, controls: dict[str, str]) -> Body:
    view = rows[0][0]["config"]["data_source"]["ref_id"]
    placed: list[Body] = [
        {
            "type": "markdown",
            "id": stable_id(f"{own}/about"),
            "grid": {"x": 0, "y": 0, "w": COLUMNS, "h": 4},
            "config": {"content": f"{about}\n\n{_links(own)}", "hide_title": True},
        }
    ]
    top = 4
    for row in rows:
        left = 0
        for number, panel in enumerate(row):
            # The remainder goes to the last panel, so that rows end flush.
            width = COLUMNS - left if number == len(row) - 1 else COLUMNS // len(row)
            height = panel["grid"]["h"]
            identity = stable_id(f"{own}/{panel['config']['title']}")
            grid = {"x": left, "y": top, "w": width, "h": height}
            placed.append({**panel, "id": identity, "grid": grid})
            left += width
        top += row[0]["grid"]["h"]
    return {
        "title": TITLES[own],
        "description": about,
        "time_range": {"from": "now-7d", "to": "now"},
        "pinned_panels": [
            {
                "type": "options_list_control",
                "id": stable_id(f"{own}/control/{field}"),
                "config": {"data_view_id": view, "field_name": field, "title": title},
            }
            for field, title in controls.items()
        ],
        "panels": placed,
    }


def _links(own: str) -> str:
    """Links by Markdown: the links panel is unknown to 9.4."""
    return " · ".join(
        f"**{title}**" if other == own else f"[{title}](#/view/{other})"
        for other, title in TITLES.items()
    )


def _row(height: int, *charts: Body) -> list[Body]:
    return [{"type": "vis", "grid": {"h": height}, "config": chart} for chart in charts]


# --- charts -------------------------------------------------------------------------------------


def _metric(title: str, view: str, metric: Body | None = None, *, query: str = "") -> Body:
    return {
        "type": "metric",
        "title": title,
        **_source(view, query),
        "metrics": [{"type": "primary", **(metric or _count()), "label": title}],
        "hide_title": True,
    }


def _timeline(title: str, view: str, *, by: str, query: str = "") -> Body:
    source = _source(view, query)
    layer = {
        "type": "bar_stacked",
        "data_source": source.pop("data_source"),
        "x": {"operation": "date_histogram", "field": "@timestamp"},
        "breakdown_by": _terms(by, 8),
        "y": [_count("العدد")],
    }
    return {"type": "xy", "title": title, **source, "layers": [layer]}


def _bars(
    title: str,
    view: str,
    field: str,
    *,
    query: str = "",
    metric: Body | None = None,
    to: str = "",
) -> Body:
    source = _source(view, query)
    layer = {
        "type": "bar_horizontal",  # Arabic labels read best on the y axis
        "data_source": source.pop("data_source"),
        "x": _terms(field, 10),
        "y": [metric or _count("العدد")],
    }
    drilldown = {
        "type": "dashboard_drilldown",
        "dashboard_id": to,
        "label": f"إلى «{TITLES.get(to, '')}»",
        "trigger": "on_apply_filter",
    }
    discover = {"type": "discover_drilldown", "label": "إلى الجمل", "trigger": "on_apply_filter"}
    return {
        "type": "xy",
        "title": title,
        **source,
        "layers": [layer],
        "drilldowns": [drilldown, discover] if to else [discover],
    }


def _pie(title: str, view: str, field: str, *, query: str = "") -> Body:
    return {
        "type": "pie",
        "title": title,
        **_source(view, query),
        "metrics": [_count("العدد")],
        "group_by": [_terms(field, 8)],
    }


def _heatmap(title: str, view: str, x: str, y: str, *, query: str = "") -> Body:
    return {
        "type": "heatmap",
        "title": title,
        **_source(view, query),
        "x": _terms(x, 12),
        "y": _terms(y, 12),
        "metric": _count("العدد"),
    }


def _table(
    title: str, view: str, rows: dict[str, str], metrics: list[Body], *, query: str = ""
) -> Body:
    return {
        "type": "data_table",
        "title": title,
        **_source(view, query),
        "rows": [
            {**_terms(field, 20), "label": label, "alignment": "right"}
            for field, label in rows.items()
        ],
        "metrics": [{**metric, "alignment": "right"} for metric in metrics],
    }


def _source(view: str, query: str) -> Body:
    source: Body = {"data_source": {"type": "data_view_reference", "ref_id": view}}
    return source | ({"query": {"expression": query, "language": "kql"}} if query else {})


def _terms(field: str, limit: int) -> Body:
    rank = {"type": "metric", "metric_index": 0, "direction": "desc"}
    return {"operation": "terms", "fields": [field], "limit": limit, "rank_by": rank}


def _count(label: str = "") -> Body:
    return {"operation": "count"} | ({"label": label} if label else {})


def _unique(field: str, label: str = "") -> Body:
    return {"operation": "unique_count", "field": field} | ({"label": label} if label else {})


def _sum(field: str, label: str = "") -> Body:
    return {"operation": "sum", "field": field} | ({"label": label} if label else {})


def _average(field: str) -> Body:
    return {"operation": "average", "field": field, "label": "المتوسط"}
