"""Elasticsearch: the client, the local node, templates, bulk writing and queries."""

from __future__ import annotations

from rasid.search.client import connect
from rasid.search.linking import Linked, link_incidents
from rasid.search.migration import Move, migrate, roll_back
from rasid.search.query import Hit, Query, search_articles, search_mentions
from rasid.search.stories import Story, stories
from rasid.search.templates import Change, alias, ensure_provisioned, index_for, provision
from rasid.search.writing import (
    Write,
    WriteResult,
    delete_stale_mentions,
    mark_outdated,
    write_all,
)


__all__ = [
    "Change",
    "Hit",
    "Linked",
    "Move",
    "Query",
    "Story",
    "Write",
    "WriteResult",
    "alias",
    "connect",
    "delete_stale_mentions",
    "ensure_provisioned",
    "index_for",
    "link_incidents",
    "mark_outdated",
    "migrate",
    "provision",
    "roll_back",
    "search_articles",
    "search_mentions",
    "stories",
    "write_all",
]
