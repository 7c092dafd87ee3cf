"""Rasid's pages inside Airflow: whether sources are read, and where their items went.

A plugin's FastAPI app has no authentication of its own: every route carries Airflow's guard, the
style sheet too. WEBSITE is the access that every logged-in user has, viewers too; whether a person
may start a run is decided by Airflow's own API, which the replay button calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, date, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import requires_access_view
from elasticsearch import Elasticsearch
from fastapi import Depends, FastAPI, HTTPException, Query, Request
from fastapi.responses import FileResponse, HTMLResponse, PlainTextResponse

from rasid.airflow.articles import STAGES
from rasid.brief import brief_names, read_brief
from rasid.errors import SearchUnavailable, StoreUnavailable
from rasid.search import connect
from rasid.settings import settings
from rasid.sources import FINE, Feed, read_registry
from rasid_ops import queries
from rasid_ops.links import run_in_kibana
from rasid_ops.pages import HERE, render


guard = requires_access_view(AccessView.WEBSITE)
app = FastAPI(
    title="Rasid", docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(guard)]
)
# The tasks whose map index is the number of a batch.
ROAD = frozenset(f"process.{stage}" for stage in STAGES)
_STATIC = {"pages.css": "text/css", "pages.js": "text/javascript"}


@contextmanager
def _search(page: str) -> Iterator[Elasticsearch]:
    with connect(settings(), opaque_id=f"ops/{page}") as es:
        yield es


@app.exception_handler(SearchUnavailable)
@app.exception_handler(StoreUnavailable)
def unavailable(request: Request, error: Exception) -> HTMLResponse:
    """Every page says the same when Elasticsearch or the storage does not answer."""
    return render(request, "", "unavailable.html", trouble=str(error))


@app.get("/static/{name}")
def static(name: str) -> FileResponse:
    """The style sheet and the script."""
    if name not in _STATIC:
        raise HTTPException(404)
    return FileResponse(HERE / "static" / name, media_type=_STATIC[name])


@app.get("/sources", response_class=HTMLResponse)
def sources(request: Request) -> HTMLResponse:
    """Every feed of the registry: last poll, last 24 hours, lag, quarantine, alarms."""
    feeds, problems = read_registry(settings().feeds)
    with _search("sources") as es:
        rows = queries.source_health(es, feeds, now=datetime.now(UTC))
    summary = {
        "feeds": len(rows),
        "sick": sum(row.rank == 0 for row in rows),
        "unread": sum(row.rank == 1 for row in rows),
        "alarms": sum(len(row.alarms) for row in rows),
    }
    return render(request, "sources", "sources.html", rows=rows, problems=problems, summary=summary)


@app.get("/sources/{feed_id}", response_class=HTMLResponse)
def source(request: Request, feed_id: str) -> HTMLResponse:
    """One feed: its newest polls and what the registry says of it."""
    feed = _feeds().get(feed_id)
    if feed is None:
        raise HTTPException(404, f"The registry has no feed {feed_id!r}.")
    with _search("source") as es:
        polls = queries.polls_of(es, feed_id)
    values = [(f.name, getattr(feed, f.name)) for f in fields(Feed)]
    return render(
        request, "sources", "source.html", feed=feed, polls=polls, fine=FINE, fields=values
    )


@app.get("/entries", response_class=HTMLResponse)
def entries(
    request: Request,
    *,
    feed: str = "",
    day: str = "",
    fate: str = "",
    cause: str = "",
    before: Annotated[list[str] | None, Query()] = None,
) -> HTMLResponse:
    """*Where did it go*: the books of a feed and day, every fate, and the entries behind it."""
    on = _day(day)
    asked = {"feed": feed, "day": on.isoformat()}
    with _search("entries") as es:
        books = queries.books_of(es, feed, on)
        fates = queries.fates_of(es, feed, on)
        found, older = queries.entries_of(es, feed, on, fate=fate, cause=cause, before=before or ())
    links = [
        {
            "name": f.name,
            "cause": f.cause,
            "count": f.count,
            "share": f.share,
            "chosen": (f.name, f.cause) == (fate, cause),
            "href": f"?{urlencode({**asked, 'fate': f.name, 'cause': f.cause})}",
        }
        for f in fates
    ]
    next_page = [*asked.items(), ("fate", fate), ("cause", cause), *(("before", s) for s in older)]
    return render(
        request,
        "entries",
        "entries.html",
        feed_ids=sorted(_feeds()),
        books=books,
        fates=links,
        entries=found,
        older=f"?{urlencode(next_page)}" if older else "",
        **asked,
    )


@app.get("/entries/{entry_id}", response_class=HTMLResponse)
def entry(request: Request, entry_id: str) -> HTMLResponse:
    """One entry: everything the ledger knows of it, and its article's mentions."""
    with _search("entry") as es:
        found = queries.entry(es, entry_id)
        if found is None:
            raise HTTPException(404, f"The ledger has no entry {entry_id!r}.")
        article = found["article_id"]
        mentions = queries.mentions(es, article_id=article) if article else []
    return render(
        request,
        "entries",
        "entry.html",
        entry=found,
        mentions=mentions,
        lines=queries.first_lines(found),
    )


@app.get("/runs/{run_id}", response_class=HTMLResponse)
def run(request: Request, run_id: str, task: str = "", batch: str = "") -> HTMLResponse:
    """A run's books by feed; for a mapped task of the articles' road the entries of its batch.

    `batch` is a map index as the UI fills it in: no number where a task is not mapped.
    """
    entries: list[dict[str, Any]] = []
    gone = ""
    mapped = task in ROAD and batch.isdecimal()
    with _search("run") as es:
        books, polls = queries.run_of(es, run_id)
        if mapped:
            try:
                entries = queries.entries_in(es, run_id, int(batch))
            except LookupError as error:
                gone = str(error)
    return render(
        request,
        "entries",
        "run.html",
        run_id=run_id,
        books=books,
        polls=polls,
        fine=FINE,
        batch=batch if mapped else "",
        entries=entries,
        gone=gone,
        kibana=run_in_kibana(run_id),
    )


@app.get("/quarantine", response_class=HTMLResponse)
def quarantine(request: Request, feed: str = "", cause: str = "") -> HTMLResponse:
    """What waits for a person, by cause, with a button that starts its replay."""
    with _search("quarantine") as es:
        found, causes = queries.quarantined(es, feed_id=feed, cause=cause)
    return render(
        request,
        "quarantine",
        "quarantine.html",
        entries=found,
        causes=causes,
        feed=feed,
        cause=cause,
        feed_ids=sorted(_feeds()),
    )


@app.get("/quarantine/{entry_id}/lines", response_class=PlainTextResponse)
def lines(entry_id: str) -> str:
    """The first lines of a quarantined entry's page, as it came."""
    with _search("lines") as es:
        found = queries.entry(es, entry_id)
    if found is None:
        raise HTTPException(404, f"The ledger has no entry {entry_id!r}.")
    return queries.first_lines(found)


@app.get("/mentions", response_class=HTMLResponse)
def mentions(request: Request, tag: str = "") -> HTMLResponse:
    """The newest mentions, each in its sentence."""
    with _search("mentions") as es:
        found = queries.mentions(es, tag=tag)
    return render(request, "mentions", "mentions.html", mentions=found, tag=tag)


@app.get("/brief", response_class=HTMLResponse)
def brief(request: Request, name: str = "") -> HTMLResponse:
    """The newest brief, or the one that is named."""
    names = brief_names()
    chosen = name if name in names else next(iter(names), "")
    return render(request, "brief", "brief.html", days=names, chosen=chosen)


@app.get("/briefs/{name}", response_class=HTMLResponse)
def brief_file(name: str) -> HTMLResponse:
    """A brief as it was written."""
    try:
        return HTMLResponse(read_brief(name))
    except LookupError as error:
        raise HTTPException(404, str(error)) from error


def _feeds() -> dict[str, Feed]:
    return {feed.id: feed for feed in read_registry(settings().feeds)[0]}


def _day(text: str) -> date:
    """The day asked for (UTC), today by default."""
    try:
        return date.fromisoformat(text) if text else datetime.now(UTC).date()
    except ValueError as error:
        raise HTTPException(422, f"{text!r} is no day; write it as 2026-11-29.") from error
