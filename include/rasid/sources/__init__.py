"""The feed registry, polling and its schedule, and the identity of articles."""

from __future__ import annotations

from rasid.sources.catalogue import sources_page
from rasid.sources.history import HistoryPage, history_page
from rasid.sources.parse import FeedItem, Parsed, parse_feed
from rasid.sources.poll import FeedPoll, Validators, poll_feed
from rasid.sources.propose import propose_feed
from rasid.sources.registry import (
    Feed,
    Problem,
    load_feeds,
    read_registry,
    registry_schema,
    usable_feeds,
)
from rasid.sources.schedule import FINE, FeedState, is_due, next_state
from rasid.sources.volume import Volume, by_hour, judge_volume
from rasid.web.urls import canonical_url, entry_id, site, site_of


__all__ = [
    "FINE",
    "Feed",
    "FeedItem",
    "FeedPoll",
    "FeedState",
    "HistoryPage",
    "Parsed",
    "Problem",
    "Validators",
    "Volume",
    "by_hour",
    "canonical_url",
    "entry_id",
    "history_page",
    "is_due",
    "judge_volume",
    "load_feeds",
    "next_state",
    "parse_feed",
    "poll_feed",
    "propose_feed",
    "read_registry",
    "registry_schema",
    "site",
    "site_of",
    "sources_page",
    "usable_feeds",
]
