"""Registers Rasid's pages and links with Airflow; everything else lies in rasid_ops/.

Airflow imports every file of this folder as a top-level module; plugins/.airflowignore keeps it
from doing so with the package.
"""

from __future__ import annotations

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from rasid_ops.app import app
from rasid_ops.links import BATCH, BOOKS, kibana_menu


# The UI translates its own names only, so that ours stand in both languages.
PAGES = {
    "sources": "Source health · صحة المصادر",
    "entries": "Where did it go · أين ذهبت المواد",
    "quarantine": "Quarantine · الحجر",
    "mentions": "Latest mentions · أحدث الإشارات",
    "brief": "Daily brief · الموجز اليومي",
}


class RasidOpsPlugin(AirflowPlugin):
    """Rasid's pages in the menu *Browse* and on runs and tasks, behind Airflow's login."""

    name = "rasid_ops"
    fastapi_apps: ClassVar[list[dict[str, Any]]] = [
        {"app": app, "url_prefix": "/rasid", "name": "Rasid"}
    ]
    external_views: ClassVar[list[dict[str, Any]]] = [
        *(
            {
                "name": name,
                "href": f"/rasid/{path}",
                "destination": "nav",
                "category": "browse",
                "url_route": f"rasid-{path}",
            }
            for path, name in PAGES.items()
        ),
        BOOKS,
        BATCH,
        *kibana_menu(),
    ]
