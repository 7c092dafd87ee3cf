"""What travels between the stages: a run, and entries on their way.

An entry passes every stage in one record. A stage fills its part, or ends the entry by an outcome;
an ended entry passes the remaining stages untouched, so that a batch keeps its number of records
from `batch` to `settle`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from rasid.pipeline.outcomes import (
    MAX_ATTEMPTS,
    TEMPORARY,
    WITH_ARTICLE,
    WITHDRAWN,
    Outcome,
    outcome_of,
    wait_before,
)
from rasid.settings import settings


@dataclass(frozen=True, slots=True)
class Run:
    """One pass of the chain. `started_at` is fixed when the run is created, so retries agree."""

    run_id: str
    dag_id: str
    started_at: datetime

    @property
    def revision(self) -> int:
        """Version of everything this run writes: epoch milliseconds of its start."""
        return int(self.started_at.timestamp() * 1000)

    def path(self, name: str) -> str:
        """URL of a file of this run in the object storage."""
        return f"{settings().store_root}/runs/{self.file_name}/{name}"

    @property
    def file_name(self) -> str:
        """The run's id without the characters that some storages refuse."""
        return self.run_id.replace(":", "-").replace("+", "p")


@dataclass(frozen=True, slots=True)
class Archived:
    """Where the raw page lies: WARC file and byte offset of its record."""

    path: str
    offset: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a feed on its way from the feed to the index."""

    entry_id: str
    feed_id: str
    url: str
    canonical_url: str
    first_seen_at: datetime
    item: dict[str, Any]
    found_by: str = ""  # the run that first found a carried entry; empty: this one
    attempts: int = 0
    archive: Archived | None = None
    article: dict[str, Any] | None = None
    mentions: tuple[dict[str, Any], ...] = ()
    outcome: Outcome | None = None
    cause: str = ""
    error: str = ""
    flags: tuple[str, ...] = ()
    next_attempt_at: datetime | None = None
    duplicate_of: str = ""
    before: Outcome | None = None  # how it stood when its page was to be asked for again
    page_before: Archived | None = None  # the page that it has until that one was read
    idle_changes: int = 0  # of its feed item, since its text last changed
    next_look_at: datetime | None = None
    version: int = 0  # of its ledger document when this run took it up

    @property
    def waiting(self) -> bool:
        """Not ended, but done for this run: owed for another try."""
        return self.next_attempt_at is not None

    @property
    def carried(self) -> bool:
        """Owed by an earlier run, or due for another try."""
        return bool(self.found_by)

    @property
    def again(self) -> bool:
        """An ended entry whose page is asked for again."""
        return self.before is not None

    @property
    def has_article(self) -> bool:
        """Its article was indexed when its page was to be asked for again."""
        return self.before in WITH_ARTICLE

    @property
    def done(self) -> bool:
        """Nothing is left to do for this entry in this run."""
        return self.outcome is not None or self.waiting

    def ended(self, outcome: Outcome, **changes: Any) -> Entry:
        """The same entry with its ending."""
        return replace(self, outcome=outcome, next_attempt_at=None, **changes)

    def failed(
        self, cause: str, error: str, *, now: datetime, retry_after: float | None = None
    ) -> Entry:
        """Ended by `cause`, or put off when the cause is a passing one and tries are left.

        One whose page was asked for again stays as it was: the next look is its next try.
        """
        if self.has_article:
            return self.ended(Outcome.UNCHANGED, cause=cause, error=error, archive=self.page_before)
        if self.before is not None and cause in TEMPORARY:
            return self.ended(self.before, error=error)
        attempts = self.attempts + 1
        if cause in TEMPORARY and attempts < MAX_ATTEMPTS:
            pause = wait_before(attempts).total_seconds()
            due = now.timestamp() + max(pause, min(retry_after or 0.0, 86_400.0))
            return replace(
                self,
                attempts=attempts,
                cause=cause,
                error=error,
                next_attempt_at=datetime.fromtimestamp(due, tz=now.tzinfo),
            )
        return self.ended(outcome_of(cause), attempts=attempts, cause=cause, error=error)

    def withdrawn(self, error: str) -> Entry:
        """Ended because the outlet took its indexed article down; `index` marks the article."""
        return self.ended(
            Outcome.UPDATED,
            cause=WITHDRAWN,
            error=error,
            flags=(WITHDRAWN,),
            archive=self.page_before,
        )


@dataclass(frozen=True, slots=True)
class Books:
    """A feed's counts in one run; they close when nothing is missing on either side."""

    feed_id: str
    seen: int = 0
    known: int = 0
    new: int = 0
    carried: int = 0
    waiting: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    causes: dict[str, int] = field(default_factory=dict)

    @property
    def difference(self) -> str:
        """What does not add up, in words; empty when the books close."""
        faults = []
        if self.seen != self.known + self.new:
            faults.append(f"seen {self.seen} ≠ known {self.known} + new {self.new}")
        settled = sum(self.outcomes.values())
        if self.new + self.carried != settled + self.waiting:
            faults.append(
                f"new {self.new} + carried {self.carried}"
                f" ≠ outcomes {settled} + waiting {self.waiting}"
            )
        return "; ".join(faults)

    @property
    def closed(self) -> bool:
        """Everything seen is accounted for."""
        return not self.difference
