"""What stands on a run or a task in Airflow's UI, and where Kibana shows the same.

The UI fills in `{RUN_ID}`, `{TASK_ID}` and `{MAP_INDEX}`, percent-encoded. On runs and tasks
Airflow 3.3.2 shows only views with a `url_route`, as tabs: plain links are for the menus, so the
way into Kibana leads through our tabs.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from rasid.kibana import SPACE, discover
from rasid.settings import settings


BOOKS = {
    "name": "Books · الحسابات",
    "href": "/rasid/runs/{RUN_ID}",
    "destination": "dag_run",
    "url_route": "rasid-books",
}
BATCH = {
    "name": "Entries · المواد",
    "href": "/rasid/runs/{RUN_ID}?task={TASK_ID}&batch={MAP_INDEX}",
    "destination": "task_instance",
    "url_route": "rasid-entries-of-task",
}


def kibana_menu() -> list[dict[str, Any]]:
    """The item *Kibana* of the menu; none where RASID_KIBANA_URL names none."""
    if not settings().kibana_url:
        return []
    href = f"{_space()}/app/dashboards"
    return [{"name": "Kibana", "href": href, "destination": "nav", "category": "browse"}]


def run_in_kibana(run_id: str) -> dict[str, str]:
    """Where Kibana shows the articles and the entries that a run wrote last, by data view."""
    if not settings().kibana_url:
        return {}
    fields = {"rasid-articles": "run_id", "rasid-entries": "last_run_id"}
    return {
        view: _space() + discover(view, field, quote(run_id, safe=""))
        for view, field in fields.items()
    }


def _space() -> str:
    return f"{settings().kibana_url.rstrip('/')}/s/{SPACE}"
