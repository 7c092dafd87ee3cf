"""What the Dashboards API refuses, as NDJSON for `_import`: the map, saved views and queries.

Data views have an API of their own; `data_views` gives its bodies.
"""

from __future__ import annotations

import json

from typing import Any

from rasid.kibana.checks import STAMPS, VIEWS
from rasid.kibana.dashboards import ATTACK, MILITIA, MOVEMENT, stable_id


# Core's own stamp, the lowest that 9.x writes without migrating (search.md §6).
CORE = "8.8.0"
SPACE = "rasid"
NAMES = {
    "rasid-articles": "الأخبار",
    "rasid-mentions": "الوقائع المذكورة",
    "rasid-incidents": "الحوادث",
    "rasid-entries": "سجل الأخبار",
    "rasid-polls": "قراءات المصادر",
    "rasid-runs": "الجولات",
    "rasid-alarms": "الإنذارات",
    "rasid-backfills": "استرجاع الأرشيف",
    "rasid-changes": "فروق إعادة القراءة",
}
LABELS = {
    "actor": "الفاعل",
    "actor_class": "صنف الفاعل",
    "attribution.status": "الإسناد",
    "confidence": "الثقة",
    "event_time": "زمن الحدث",
    "kind": "الطريقة",
    "modality": "الصيغة",
    "outlet": "الوسيلة",
    "place": "المكان",
    "published_at": "نُشر",
    "sentence.text": "الجملة",
    "subtype": "النوع",
    "tag": "التصنيف",
    "target": "الهدف",
    "title": "العنوان",
    "to": "إلى",
    "url": "الرابط",
    "weapon": "السلاح",
}
_COLUMNS = ["tag", "actor", "place", "sentence.text", "outlet", "url"]


def data_views() -> list[dict[str, Any]]:
    """Bodies of `POST /api/data_views/data_view`; a view's id is the alias it reads."""
    return [
        {
            "override": True,
            "data_view": {
                "id": view,
                "title": view,
                "name": NAMES[view],
                "timeFieldName": "@timestamp",
                "fieldAttrs": {field: {"customLabel": label} for field, label in LABELS.items()},
                "fieldFormats": {
                    "url": {"id": "url", "params": {"openLinkInCurrentTab": False}},
                    "confidence": {"id": "percent", "params": {"pattern": "0%"}},
                },
            },
        }
        for view in VIEWS
    ]


def ndjson() -> str:
    """The file for `POST /s/rasid/api/saved_objects/_import?overwrite=true`."""
    objects = [
        _view("هجمات الميليشيات", MILITIA),
        _view("كل الهجمات", ATTACK),
        _view("تحركات القوات", MOVEMENT),
        _view("ما نُفي", 'modality: "denied"'),
        _query("هجمات وقعت", f'{ATTACK} and modality: "factual"'),
        _query("تهديدات", 'modality: "threatened_planned"'),
        _query("مؤكدة الثقة", "confidence >= 0.8"),
        _map(),
    ]
    last = {"exportedCount": len(objects), "missingRefCount": 0, "missingReferences": []}
    lines = [json.dumps(line, ensure_ascii=False, sort_keys=True) for line in [*objects, last]]
    return "\n".join(lines) + "\n"


def _view(title: str, query: str) -> dict[str, Any]:
    source = {
        "query": {"query": query, "language": "kuery"},
        "filter": [],
        "indexRefName": "kibanaSavedObjectMeta.searchSourceJSON.index",
    }
    attributes = {
        "title": title,
        "columns": _COLUMNS,
        "sort": [["@timestamp", "desc"]],
        "kibanaSavedObjectMeta": {"searchSourceJSON": _dumped(source)},
    }
    reference = "kibanaSavedObjectMeta.searchSourceJSON.index"
    return _object("search", title, attributes, {reference: "rasid-mentions"})


def _query(title: str, query: str) -> dict[str, Any]:
    attributes = {
        "title": title,
        "description": "",
        "query": {"query": query, "language": "kuery"},
        "filters": [],
    }
    return _object("query", title, attributes, {})


def _map() -> dict[str, Any]:
    """Clusters of attacks and movements; useful with no basemap at all."""
    layers = [
        {
            "id": stable_id(f"layer/{label}"),
            "label": label,
            "type": "GEOJSON_VECTOR",
            "visible": True,
            "alpha": 0.8,
            "minZoom": 0,
            "maxZoom": 24,
            "query": {"query": query, "language": "kuery"},
            "sourceDescriptor": {
                "id": stable_id(f"source/{label}"),
                "type": "ES_GEO_GRID",
                "requestType": "point",
                "resolution": "COARSE",
                "geoField": "location",
                "metrics": [{"type": "count"}],
                "indexPatternRefName": f"layer_{number}_source_index_pattern",
                "applyGlobalQuery": True,
                "applyGlobalTime": True,
            },
            "style": {
                "type": "VECTOR",
                "properties": {
                    "fillColor": {"type": "STATIC", "options": {"color": colour}},
                    "iconSize": {
                        "type": "DYNAMIC",
                        "options": {
                            "minSize": 6,
                            "maxSize": 30,
                            "field": {"name": "doc_count", "origin": "source"},
                        },
                    },
                },
            },
        }
        for number, (label, query, colour) in enumerate(
            [
                # A country's centre is no place where something happened.
                ("الهجمات", f'{ATTACK} and not place_precision: "country"', "#b3261e"),
                ("التحركات", f'{MOVEMENT} and not place_precision: "country"', "#1f5fa8"),
            ]
        )
    ]
    state = {
        "zoom": 4.2,
        "center": {"lon": 40, "lat": 27},
        "timeFilters": {"from": "now-7d", "to": "now"},
    }
    attributes = {
        "title": "الخريطة",
        "description": "أين ذُكرت الهجمات والتحركات.",
        "layerListJSON": _dumped(layers),
        "mapStateJSON": _dumped(state),
        "uiStateJSON": _dumped({"isLayerTOCOpen": True}),
    }
    references = {f"layer_{n}_source_index_pattern": "rasid-mentions" for n in range(len(layers))}
    return _object("map", "الخريطة", attributes, references)


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
