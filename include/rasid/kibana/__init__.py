"""What analysts get in Kibana: dashboards, data views, saved searches and the map."""

from __future__ import annotations

import json

from rasid.kibana.dashboards import dashboards
from rasid.kibana.fields import SPACE, discover
from rasid.kibana.provision import Step, provision_kibana
from rasid.kibana.saved import data_views, ndjson
from rasid.settings import INCLUDE


FOLDER = INCLUDE / "kibana"


def files() -> dict[str, str]:
    """The generated files of include/kibana/ by name; `python -m rasid.kibana` writes them."""
    return {
        "dashboards.json": _pretty(dashboards()),
        "data-views.json": _pretty(data_views(edited=False)),
        "saved.ndjson": ndjson(),
    }


def _pretty(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


__all__ = [
    "FOLDER",
    "SPACE",
    "Step",
    "dashboards",
    "data_views",
    "discover",
    "files",
    "ndjson",
    "provision_kibana",
]
