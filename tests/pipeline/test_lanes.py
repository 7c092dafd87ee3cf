"""The lanes of what went wrong: another try, or an ending (ingestion.md §3.9)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rasid.pipeline.outcomes import FOR_A_PERSON, MAX_ATTEMPTS, TEMPORARY, Outcome
from rasid.pipeline.records import Entry


NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
ENTRY = Entry("id", "feed", "http://a.test/1", "http://a.test/1", NOW, {})


@pytest.mark.parametrize("cause", sorted(TEMPORARY))
def test_a_passing_fault_waits_ever_longer_and_is_dropped_after_the_last_try(cause):
    """15 minutes, doubling; six tries, then an ending with the cause named."""
    entry, pauses = ENTRY, []
    for _ in range(MAX_ATTEMPTS - 1):
        entry = entry.failed(cause, "error", now=NOW)
        assert (entry.waiting, entry.done, entry.outcome) == (True, True, None)
        pauses.append((entry.next_attempt_at - NOW) / timedelta(minutes=1))
    assert pauses == [15, 30, 60, 120, 240]
    entry = entry.failed(cause, "error", now=NOW)
    assert (entry.outcome, entry.cause, entry.waiting) == (Outcome.DROPPED, cause, False)
    assert entry.attempts == MAX_ATTEMPTS


@pytest.mark.parametrize(("asked", "minutes"), [(60.0, 15), (7200.0, 120), (1e9, 24 * 60)])
def test_retry_after_is_obeyed_up_to_a_day(asked, minutes):
    """The longer of the server's wish and our own pause."""
    entry = ENTRY.failed("throttled", "429", now=NOW, retry_after=asked)
    assert entry.next_attempt_at == NOW + timedelta(minutes=minutes)


@pytest.mark.parametrize("cause", sorted(FOR_A_PERSON))
def test_what_a_person_must_mend_is_quarantined_at_once(cause):
    """No try is wasted on it."""
    entry = ENTRY.failed(cause, "error", now=NOW)
    assert (entry.outcome, entry.cause, entry.attempts) == (Outcome.QUARANTINED, cause, 1)


@pytest.mark.parametrize("cause", ["not_found", "gone", "forbidden", "not_arabic", "tls_error"])
def test_what_can_never_succeed_is_dropped_at_once(cause):
    """Counted under its name; a person who names the cause can still replay it."""
    assert ENTRY.failed(cause, "error", now=NOW).outcome is Outcome.DROPPED
