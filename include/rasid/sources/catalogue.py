"""docs/sources.md: the registry as a page for readers, generated and diff-checked."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from rasid.sources.registry import Feed


def sources_page(feeds: Iterable[Feed]) -> str:
    """The page, Markdown."""
    known = sorted(feeds, key=lambda f: (f.country, f.tier, f.newsroom, f.id))
    newsrooms = {f.newsroom for f in known}
    refused = sum(f.policy == "refuse" for f in known)
    origin = (
        "Generated from include/feeds.yaml by `python scripts/sources_page.py`; the tests fail when"
        " it is out of date. How to add one: adding-a-source.md."
    )
    summary = (
        f"{len(known)} feeds of {len(newsrooms)} newsrooms; {refused} are never requested because"
        " their outlets refuse machine reading. Tier 1: wire, broadcaster or newspaper of record;"
        " 2: outlet; 3: aggregator or opinion. *Party*: belongs to a state or to a party to a"
        " conflict."
    )
    lines = ["# Sources", "", origin, "", summary]
    for country, group in groupby(known, key=lambda f: f.country):
        lines += ["", f"## {country or 'No country'}", ""]
        lines += ["| id | outlet | topic | tier | every | notes |", "|---|---|---|---|---|---|"]
        lines += [_row(feed) for feed in group]
    return "\n".join(lines) + "\n"


def _row(feed: Feed) -> str:
    notes = [
        *(["party"] if feed.party_source else []),
        *(["**not requested**"] if feed.policy == "refuse" else []),
        *(["off"] if not feed.enabled else []),
        *([feed.note] if feed.note else []),
    ]
    cells = (
        f"[{feed.id}]({feed.url})",
        feed.outlet,
        feed.topic,
        str(feed.tier),
        f"{feed.cadence_minutes} min",
        "; ".join(notes),
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
