"""Elasticsearch: the client, the local node, templates, bulk writing and queries."""

from __future__ import annotations

from rasid.search.client import connect
from rasid.search.query import Hit, Query, search_articles, search_mentions
from rasid.search.stories import Story, stories
from rasid.search.templates import Change, alias, index_for, provision
from rasid.search.writing import Write, WriteResult, delete_stale_mentions, write_all


__all__ = [
    "Change",
    "Hit",
    "Query",
    "Story",
    "Write",
    "WriteResult",
    "alias",
    "connect",
    "delete_stale_mentions",
    "index_for",
    "provision",
    "search_articles",
    "search_mentions",
    "stories",
    "write_all",
]
