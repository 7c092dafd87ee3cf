"""When a feed is polled next: adaptive interval, back-off that never gives up (§3.1)."""

from __future__ import annotations

import hashlib

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from rasid.sources.poll import FeedPoll, Validators
from rasid.sources.registry import Feed


MIN_MINUTES = 10.0
MAX_MINUTES = 24 * 60.0
MONTH_MINUTES = 30 * 24 * 60.0
MANY_FAILURES = 30.0  # weight past which a feed is only asked monthly
MAX_TTL_MINUTES = 4 * 60.0  # a source may ask for rest, but not for silence
SHORTEN_BELOW, LENGTHEN_ABOVE = 0.33, 0.67  # share of items already known
SHORTER, LONGER = 0.5, 1.25  # quick to follow news, slow to fall asleep

_HARD, _SOFT, _TEMPORARY = 1.0, 0.5, 0.25
WEIGHTS = {
    "not_a_feed": _HARD,
    "wrong_feed": _HARD,
    "forbidden": _HARD,
    "not_found": _HARD,
    "gone": MANY_FAILURES + 1,  # 410 says it for good; monthly from now on
    "tls_error": _HARD,
    "redirect_loop": _HARD,
    "private_address": _HARD,
    "too_large": _HARD,
    "unsafe_xml": _HARD,
    "bad_encoding": _HARD,
    "policy_refused": _HARD,
    "empty_feed": _SOFT,
    "challenge": _SOFT,
    "foreign_host": _SOFT,
    "bad_feed": _SOFT,
    "throttled": _TEMPORARY,
    "server_error": _TEMPORARY,
    "timeout": _TEMPORARY,
    "unreachable": _TEMPORARY,
    "truncated": _TEMPORARY,
}
FINE = frozenset({"ok", "not_modified", "unchanged"})


@dataclass(frozen=True, slots=True)
class FeedState:
    """What is remembered of a feed between polls."""

    feed_id: str
    validators: Validators = field(default_factory=Validators)
    interval_minutes: float = 0.0  # 0: the registry's cadence
    failure_weight: float = 0.0
    empty_streak: int = 0
    failure_streak: int = 0
    same_trend: int = 0  # polls in a row that asked for a shorter (−) or longer (+) interval
    last_outcome: str = ""
    last_polled_at: datetime | None = None
    last_ok_at: datetime | None = None
    next_poll_at: datetime | None = None


def is_due(feed: Feed, state: FeedState | None, now: datetime) -> bool:
    """Whether `feed` is to be polled at `now`."""
    if not feed.enabled or feed.policy == "refuse":
        return False
    return state is None or state.next_poll_at is None or now >= state.next_poll_at


def next_state(
    feed: Feed, state: FeedState | None, poll: FeedPoll, *, new_items: int, now: datetime
) -> FeedState:
    """The state after `poll`, of whose items `new_items` were not known before."""
    state = state or FeedState(feed.id)
    base = state.interval_minutes or float(feed.cadence_minutes)
    if poll.outcome in FINE:
        interval, trend = _adapt(base, state.same_trend, poll, new_items)
        wait = max(interval, min(poll.ttl or 0.0, MAX_TTL_MINUTES))
        state = replace(
            state,
            validators=poll.validators,
            interval_minutes=interval,
            same_trend=trend,
            failure_weight=0.0,
            failure_streak=0,
            empty_streak=0,
            last_ok_at=now,
        )
    else:
        weight = state.failure_weight + WEIGHTS.get(poll.outcome, _HARD)
        wait = min(base * max(1.0, weight), MAX_MINUTES)
        if weight > MANY_FAILURES:
            wait = MONTH_MINUTES
        # The validators stay those of the last good poll: an empty feed must say so each time.
        state = replace(
            state,
            interval_minutes=base,
            same_trend=0,
            failure_weight=weight,
            failure_streak=state.failure_streak + 1,
            empty_streak=state.empty_streak + 1 if poll.outcome == "empty_feed" else 0,
        )
    wait *= 0.95 + 0.1 * _share(feed.id)
    if poll.retry_after is not None:
        # Never earlier than asked; up to ten minutes later, so that feeds do not come back at once.
        asked = min(poll.retry_after / 60, MAX_MINUTES)
        wait = max(wait, asked + 10 * _share(feed.id))
    return replace(
        state,
        last_outcome=poll.outcome,
        last_polled_at=now,
        next_poll_at=now + timedelta(minutes=wait),
    )


def _adapt(base: float, trend: int, poll: FeedPoll, new_items: int) -> tuple[float, int]:
    """(interval, trend): changed only when two polls in a row ask for the same."""
    total = len(poll.items)
    known = 1.0 if poll.outcome != "ok" or not total else 1.0 - new_items / total
    wish = -1 if known < SHORTEN_BELOW else 1 if known > LENGTHEN_ABOVE else 0
    trend = trend + wish if wish * trend > 0 else wish
    factor = 1.0 if abs(trend) < 2 else SHORTER if wish < 0 else LONGER
    return min(max(base * factor, MIN_MINUTES), MAX_MINUTES), trend


def _share(feed_id: str) -> float:
    """A number in [0, 1) of the feed's own: spreads the feeds, yet is the same at every poll."""
    return int.from_bytes(hashlib.blake2b(feed_id.encode(), digest_size=4).digest()) / 2**32
