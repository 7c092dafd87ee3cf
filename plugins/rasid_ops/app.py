"""The page *Source health*: each feed's last poll, what came of it, and when it is next due.

A plugin's FastAPI app has no authentication of its own: every route carries Airflow's guard.
WEBSITE is the access that every logged-in user has, viewers too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import requires_access_view
from fastapi import Depends, FastAPI
from fastapi.responses import HTMLResponse

from rasid.errors import SearchUnavailable
from rasid.search import alias, connect
from rasid.settings import settings
from rasid.sources import read_registry


guard = requires_access_view(AccessView.WEBSITE)
app = FastAPI(title="Rasid", docs_url=None, redoc_url=None, openapi_url=None)
_PAGES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_FINE = {"ok", "not_modified", "unchanged"}


@app.get("/sources", dependencies=[Depends(guard)], response_class=HTMLResponse)
def sources() -> HTMLResponse:
    """Every feed of the registry with its newest poll; the sick ones first."""
    feeds, problems = read_registry(settings().feeds)
    try:
        polls = _newest_polls()
        trouble = ""
    except SearchUnavailable as error:
        polls, trouble = {}, str(error)
    rows = [{"feed": feed, "poll": polls.get(feed.id)} for feed in feeds]
    rows.sort(key=lambda row: (_rank(row["poll"]), row["feed"].id))
    page = _PAGES.get_template("sources.html").render(
        rows=rows, fine=_FINE, problems=problems, trouble=trouble
    )
    return HTMLResponse(page, status_code=503 if trouble else 200)


def _newest_polls() -> dict[str, dict[str, Any]]:
    """The newest poll of each feed, by feed id."""
    with connect(settings(), opaque_id="ops/sources") as es:
        found = es.search(
            index=alias("polls"),
            query={"match_all": {}},
            collapse={"field": "feed_id"},
            sort=[{"polled_at": "desc"}],
            source_excludes=["state", "head"],
            size=10_000,
        )
    return {hit["_source"]["feed_id"]: hit["_source"] for hit in found["hits"]["hits"]}


def _rank(poll: dict[str, Any] | None) -> int:
    """Sick feeds before those never read, the healthy last."""
    if poll is None:
        return 1
    return 2 if poll["outcome"] in _FINE else 0
