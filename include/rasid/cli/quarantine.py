"""`rasid quarantine`: what waits for a person, why, and its way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from elasticsearch import Elasticsearch
from rich.table import Table

from rasid.cli.tables import isolated
from rasid.errors import ConfigError, StoreUnavailable
from rasid.pipeline.archive import WarcReader
from rasid.pipeline.quarantine import Selection, find
from rasid.pipeline.records import Archived
from rasid.web import decode


HEAD_LINES = 12
HEAD_CHARACTERS = 2000


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
    try:
        page = WarcReader().page(Archived(archive["path"], archive["offset"]))
    except StoreUnavailable as error:
        return f"({error})"
    text = decode(page.body, http_charset=page.http_charset).text
    return "\n".join(text[:HEAD_CHARACTERS].splitlines()[:HEAD_LINES])
