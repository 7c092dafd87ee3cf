"""A filled registry entry for a new source, from one poll of it."""

from __future__ import annotations

import re

from statistics import median
from typing import Any

import yaml

from rasid.sources.parse import FeedItem
from rasid.sources.poll import FeedPoll
from rasid.web.urls import site_of


FULL_TEXT_CHARS = 1500  # of HTML: shorter contents are summaries with a picture
_ZONE = re.compile(r"(?:[+-]\d\d:?\d\d|Z|GMT|UTC|[A-Z]{2,4}T)\s*$")


def propose_feed(url: str, poll: FeedPoll) -> str:
    """The entry (YAML) for a person to check, complete and paste into the registry."""
    own = site_of(url)
    links = [i.url for i in poll.items] + [x for why, x in poll.dropped if why == "foreign_host"]
    hosts = sorted({site_of(link) for link in links} - {own, ""})
    name = re.sub(r"[^a-z0-9]+", "-", own.rpartition(".")[0].lower()).strip("-")
    entry: dict[str, Any] = {
        "id": name if len(name) > 1 else f"feed-{name or 'new'}",
        "outlet": poll.title or own,
        "url": url,
        "country": "",
    }
    if hosts:
        entry["hosts"] = hosts
    if poll.items and median(len(i.content) for i in poll.items) >= FULL_TEXT_CHARS:
        entry["full_text"] = True
    if poll.items and not any(_has_zone(i) for i in poll.items):
        entry["timezone"] = "UTC"
        entry["note"] = "Its dates carry no timezone: name the outlet's own."
    return str(yaml.safe_dump([entry], allow_unicode=True, sort_keys=False))


def _has_zone(item: FeedItem) -> bool:
    return _ZONE.search(item.published_raw) is not None
