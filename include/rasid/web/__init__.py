"""The guarded HTTP client, robots rules and charsets."""

from __future__ import annotations

from rasid.web.charset import Decoded, decode
from rasid.web.client import Fetched, GuardedClient
from rasid.web.robots import Robots


__all__ = ["Decoded", "Fetched", "GuardedClient", "Robots", "decode"]
