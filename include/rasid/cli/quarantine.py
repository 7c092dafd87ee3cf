"""`rasid quarantine`: what waits for a person, why, and its way back."""

from __future__ import annotations

import json

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rich.table import Table

from rasid.cli.console import (
    AsJson,
    FeedsFile,
    node_for_us,
    out,
    print_json,
    stdout_to_stderr,
    use_registry,
)
from rasid.cli.passes import tell_pass
from rasid.cli.tables import isolated
from rasid.errors import ConfigError, StoreUnavailable
from rasid.settings import settings


if TYPE_CHECKING:
    from elasticsearch import Elasticsearch


HEAD_LINES = 12
HEAD_CHARACTERS = 2000

quarantine_app = typer.Typer(help="What waits for a person.", no_args_is_help=True)

Cause = Annotated[str, typer.Option(help="Only this cause, such as no_text; dropped ones too.")]
OfFeed = Annotated[str, typer.Option("--feed", help="Only entries of the feed with this id.")]
Since = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Ended on this day (UTC) or later.")
]
Until = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Ended on this day or before.")
]


@quarantine_app.command("list")
def quarantine_list(
    *,
    feed: OfFeed = "",
    cause: Cause = "",
    since: Since = None,
    until: Until = None,
    size: Annotated[int, typer.Option(help="At most so many.", min=1, max=10_000)] = 50,
    as_json: AsJson = False,
) -> None:
    """What is quarantined, the longest first; with --cause also what was dropped for it."""
    from rasid.pipeline.quarantine import Selection, causes, find
    from rasid.search import connect

    chosen = Selection(cause, feed, _midnight(since), _midnight(until, days=1))
    with connect(settings()) as es:
        counts, entries = causes(es, chosen), find(es, chosen, size=size)
    if as_json:
        print_json({"causes": counts, "entries": entries})
    else:
        out.print(stuck_table(entries, counts))


@quarantine_app.command("show")
def quarantine_show(entry_id: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """One entry: cause, error, where its raw page lies, and the first lines of that page."""
    from rasid.search import connect

    with connect(settings()) as es:
        entry = one_entry(es, entry_id)
    head = entry.pop("head")
    out.print(json.dumps(entry, ensure_ascii=False, indent=2), markup=False, soft_wrap=True)
    out.print(head or "No page was kept.", markup=False, highlight=False, soft_wrap=True)


@quarantine_app.command("replay")
def quarantine_replay(
    ids: Annotated[list[str] | None, typer.Argument(help="Entry ids; none: all selected.")] = None,
    *,
    feed: OfFeed = "",
    cause: Cause = "",
    since: Since = None,
    until: Until = None,
    feeds: FeedsFile = None,
    as_json: AsJson = False,
) -> None:
    """Run the DAG replay_quarantine in this process; prints the closed books."""
    use_registry(feeds)
    node_for_us()
    from rasid.airflow.once import run_once

    conf = {
        "cause": cause or None,
        "feed": feed or None,
        "from": f"{since:%Y-%m-%d}" if since else None,
        "to": f"{until:%Y-%m-%d}" if until else None,
        "entries": ids or [],
    }
    with stdout_to_stderr():
        done = run_once("replay_quarantine", conf)
    tell_pass(done, as_json=as_json)


def _midnight(day: datetime | None, *, days: int = 0) -> datetime | None:
    """The start (UTC) of the day so many days later."""
    return day.replace(tzinfo=UTC) + timedelta(days=days) if day else None


def stuck_table(entries: Sequence[Mapping[str, Any]], counts: Mapping[str, int]) -> Table:
    """The entries, a row each, under the counts by cause."""
    by_cause = ", ".join(f"{count} {cause}" for cause, count in counts.items()) or "nothing"
    table = Table(title=f"Waiting for a person: {by_cause}", title_justify="left")
    for name in ("id", "feed", "cause", "ended", "title", "url"):
        table.add_column(name, overflow="fold")
    for entry in entries:
        table.add_row(
            entry["entry_id"],
            entry["feed_id"],
            entry["cause"],
            str(entry["settled_at"])[:16].replace("T", " "),
            isolated(entry["title"]),
            entry["url"],
        )
    return table


def one_entry(es: Elasticsearch, entry_id: str) -> dict[str, Any]:
    """The ledger document of a quarantined or dropped entry, and the head of its raw page."""
    from rasid.pipeline.quarantine import Selection, find

    found = find(es, Selection(ids=(entry_id,)))
    if not found:
        raise ConfigError(
            f"No quarantined or dropped entry has the id {entry_id}."
            " `rasid quarantine list` shows the ids."
        )
    (entry,) = found
    names = ("entry_id", "feed_id", "outlet", "url", "title", "outcome", "cause", "error")
    more = ("flags", "attempts", "first_seen_at", "settled_at", "last_run_id", "archive")
    return {**{name: entry[name] for name in (*names, *more)}, "head": _head(entry["archive"])}


def _head(archive: Mapping[str, Any] | None) -> str:
    """The first lines of the archived page as text; empty when no page was kept."""
    if not archive:
        return ""
    from rasid.pipeline.archive import WarcReader
    from rasid.pipeline.records import Archived
    from rasid.web import decode

    try:
        page = WarcReader().page(Archived(archive["path"], archive["offset"]))
    except StoreUnavailable as error:
        return f"({error})"
    text = decode(page.body, http_charset=page.http_charset).text
    return "\n".join(text[:HEAD_CHARACTERS].splitlines()[:HEAD_LINES])
