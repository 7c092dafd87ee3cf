"""The guarded HTTP client, robots rules, charsets and the identity of addresses."""

from __future__ import annotations

from rasid.web.charset import Decoded, arabic_score, decode
from rasid.web.client import Fetched, GuardedClient, polite_client
from rasid.web.hosts import Hosts
from rasid.web.robots import Robots
from rasid.web.urls import canonical_url, entry_id, site, site_of


__all__ = [
    "Decoded",
    "Fetched",
    "GuardedClient",
    "Hosts",
    "Robots",
    "arabic_score",
    "canonical_url",
    "decode",
    "entry_id",
    "polite_client",
    "site",
    "site_of",
]
