"""What the Dashboards API refuses, as NDJSON for `_import`: the map, saved views and queries.

Data views have an API of their own; `data_views` gives its bodies.
"""

from __future__ import annotations

import json

from typing import Any

from rasid.kibana.checks import STAMPS
from rasid.kibana.dashboards import (
    ARTICLES,
    ATTACK,
    DENIED,
    FACTUAL,
    INCIDENTS,
    MAP,
    MENTIONS,
    MILITIA,
    MOVEMENT,
    PLANNED,
    SHARED,
    stable_id,
)
from rasid.kibana.fields import BLUE, LABELS, NAMES, RED, RUNTIME, TIME, fields_of, formats


# Core's own stamp, the lowest that 9.x writes without migrating (search.md §6).
CORE = "8.8.0"
# A country's centre is no place where something happened.
PLACED = 'location: * and not place_precision: "country"'
_MENTION = [
    "tag",
    "modality",
    "actor",
    "place",
    "sentence.text",
    "confidence",
    "outlet",
    "url",
    "article_id",
]
_MOVEMENT = ["kind", "modality", "actor", "from", "to", "sentence.text", "outlet", "url"]
_INCIDENT = ["tag", "sentence", "place", "actors", "sources", "killed.min", "killed.max"]
_ARTICLE = ["title", "outlet", "tags.attack", "tags.troop_movement", "summary", "url"]


def data_views(*, edited: bool = True) -> list[dict[str, Any]]:
    """Bodies of `POST /api/data_views/data_view`; a view's id is the alias it reads.

    `edited`: with the names of armed groups and newsrooms, which people edit in lexicon and
    registry. The checked-in file leaves them out; provisioning brings them.
    """
    return [
        {
            "override": True,
            "data_view": {
                "id": view,
                "title": view,
                "name": name,
                "timeFieldName": TIME[view],
                "fieldAttrs": {
                    field: {"customLabel": LABELS[field]}
                    for field in fields_of(view)
                    if field in LABELS
                },
                "fieldFormats": formats(view, edited=edited),
                "runtimeFieldMap": RUNTIME.get(view, {}),
            },
        }
        for view, name in NAMES.items()
    ]


def ndjson() -> str:
    """The file for `POST /s/rasid/api/saved_objects/_import?overwrite=true`."""
    objects = [
        _view("هجمات الميليشيات", MENTIONS, MILITIA, _MENTION),
        _view("كل الهجمات", MENTIONS, ATTACK, _MENTION),
        _view("تحركات القوات", MENTIONS, MOVEMENT, _MOVEMENT),
        _view("ما نُفي", MENTIONS, DENIED, _MENTION),
        _view("كل الحوادث", INCIDENTS, "", [*_INCIDENT, "first_outlet", "mention_ids"]),
        _view(
            "حوادث تعارضت رواياتها",
            INCIDENTS,
            "contradicted: true",
            ["contradictions", *_INCIDENT, "mention_ids"],
        ),
        _view("كل الأخبار", ARTICLES, "", _ARTICLE),
        _query("هجمات وقعت", f"{ATTACK} and {FACTUAL}"),
        _query("تهديدات وخطط", PLANNED),
        _query("ثقة عالية", "confidence >= 0.8"),
        _query("روتها غرفتا أخبار أو أكثر", SHARED),
        _map(),
    ]
    last = {"exportedCount": len(objects), "missingRefCount": 0, "missingReferences": []}
    lines = [json.dumps(line, ensure_ascii=False, sort_keys=True) for line in [*objects, last]]
    return "\n".join(lines) + "\n"


def _view(title: str, view: str, query: str, columns: list[str]) -> dict[str, Any]:
    source = {
        "query": {"query": query, "language": "kuery"},
        "filter": [],
        "indexRefName": "kibanaSavedObjectMeta.searchSourceJSON.index",
    }
    attributes = {
        "title": title,
        "columns": columns,
        "sort": [[TIME[view], "desc"]],
        "kibanaSavedObjectMeta": {"searchSourceJSON": _dumped(source)},
    }
    reference = "kibanaSavedObjectMeta.searchSourceJSON.index"
    return _object("search", title, attributes, {reference: view})


def _query(title: str, query: str) -> dict[str, Any]:
    attributes = {
        "title": title,
        "description": "",
        "query": {"query": query, "language": "kuery"},
        "filters": [],
    }
    return _object("query", title, attributes, {})


def _map() -> dict[str, Any]:
    """Incidents from afar as circles, from near as points with their sentence and link.

    Useful with no basemap at all. Incidents, not mentions: what ten outlets tell is one point.
    """
    layers = [
        _circles(number, label, query, colour)
        for number, (label, query, colour) in enumerate(
            [
                ("الهجمات", f"{ATTACK} and {PLACED}", RED),
                ("التحركات", f"{MOVEMENT} and {PLACED}", BLUE),
            ]
        )
    ]
    layers.append(_points(len(layers), "حادثاً حادثاً"))
    state = {
        "zoom": 4.2,
        "center": {"lon": 40, "lat": 27},
        "timeFilters": {"from": "now-7d", "to": "now"},
    }
    attributes = {
        "title": MAP,
        "description": "أين وقعت الحوادث. قرّب الخريطة لترى كل حادث وجملته ورابطه.",
        "layerListJSON": _dumped(layers),
        "mapStateJSON": _dumped(state),
        "uiStateJSON": _dumped({"isLayerTOCOpen": True}),
    }
    references = {f"layer_{n}_source_index_pattern": INCIDENTS for n in range(len(layers))}
    return _object("map", MAP, attributes, references)


def _circles(number: int, label: str, query: str, colour: str) -> dict[str, Any]:
    by_count = {"field": {"name": "doc_count", "origin": "source"}, "minSize": 6, "maxSize": 30}
    source = {
        "type": "ES_GEO_GRID",
        "requestType": "point",
        "resolution": "COARSE",
        "metrics": [{"type": "count"}],
    }
    style = {
        "fillColor": {"type": "STATIC", "options": {"color": colour}},
        "lineColor": {"type": "STATIC", "options": {"color": colour}},
        "iconSize": {"type": "DYNAMIC", "options": by_count},
        "labelText": {
            "type": "DYNAMIC",
            "options": {"field": {"name": "doc_count", "origin": "source"}},
        },
    }
    return _layer(number, label, query, source, style, zooms=(0, 8))


def _points(number: int, label: str) -> dict[str, Any]:
    shown = ["first_reported_at", "sentence", "place", "actors", "sources", "first_url"]
    source = {
        "type": "ES_SEARCH",
        "scalingType": "LIMIT",
        "filterByMapBounds": True,
        "tooltipProperties": shown,
        "sortField": TIME[INCIDENTS],
        "sortOrder": "desc",
    }
    style = {
        "fillColor": {"type": "STATIC", "options": {"color": RED}},
        "iconSize": {"type": "STATIC", "options": {"size": 8}},
    }
    return _layer(number, label, PLACED, source, style, zooms=(8, 24))


def _layer(
    number: int,
    label: str,
    query: str,
    source: dict[str, Any],
    style: dict[str, Any],
    *,
    zooms: tuple[int, int],
) -> dict[str, Any]:
    return {
        "id": stable_id(f"layer/{label}"),
        "label": label,
        "type": "GEOJSON_VECTOR",
        "visible": True,
        "alpha": 0.8,
        "minZoom": zooms[0],
        "maxZoom": zooms[1],
        "query": {"query": query, "language": "kuery"},
        "sourceDescriptor": {
            **source,
            "id": stable_id(f"source/{label}"),
            "geoField": "location",
            "indexPatternRefName": f"layer_{number}_source_index_pattern",
            "applyGlobalQuery": True,
            "applyGlobalTime": True,
        },
        "style": {"type": "VECTOR", "properties": style},
    }


def _object(
    kind: str, title: str, attributes: dict[str, Any], references: dict[str, str]
) -> dict[str, Any]:
    return {
        "type": kind,
        "id": stable_id(f"{kind}/{title}"),
        "attributes": attributes,
        "references": [
            {"type": "index-pattern", "id": view, "name": name} for name, view in references.items()
        ],
        "coreMigrationVersion": CORE,
        "typeMigrationVersion": STAMPS[kind],
        "managed": False,
    }


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
