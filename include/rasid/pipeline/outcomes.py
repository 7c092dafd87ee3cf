"""The vocabulary of endings: what an entry can end as, and which causes lead there.

Every entry ends in exactly one `Outcome`; its cause is a name of docs/operating.md. Waiting for
another try is a state of the ledger, not an outcome.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum


class Outcome(StrEnum):
    """How an entry ended."""

    INDEXED = "indexed"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate"
    DROPPED = "dropped"
    QUARANTINED = "quarantined"


# Passing troubles: worth another try later (ingestion.md §3.2 and §8, weight "temp" and "soft").
TEMPORARY = frozenset(
    {"challenge", "server_error", "throttled", "timeout", "truncated", "unreachable"}
)

# Kept for a person: another extractor, a mended lexicon or mapping may still save them.
FOR_A_PERSON = frozenset({"bad_encoding", "extract_failed", "index_rejected", "no_text"})

# Endings of entries whose article is indexed under the entry's own id.
WITH_ARTICLE = frozenset({Outcome.INDEXED, Outcome.UPDATED, Outcome.UNCHANGED})
WITHDRAWN = "withdrawn"  # cause and flag: the outlet took an indexed article down

MAX_ATTEMPTS = 6


def wait_before(attempt: int) -> timedelta:
    """Pause after the given failed attempt (1 = the first): 15 min, doubling, a day at most."""
    return min(timedelta(minutes=15 * 2.0 ** (attempt - 1)), timedelta(days=1))


def outcome_of(cause: str) -> Outcome:
    """The ending of an entry that failed for `cause` and will not be tried again by itself."""
    if cause.startswith("duplicate_"):
        return Outcome.DUPLICATE
    return Outcome.QUARANTINED if cause in FOR_A_PERSON else Outcome.DROPPED
