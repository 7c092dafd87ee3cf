"""When a feed is polled next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rasid.sources import Feed, FeedItem, FeedPoll, FeedState, Validators, is_due, next_state
from rasid.sources.schedule import WEIGHTS


NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
FEED = Feed("outlet", "O", "https://outlet.test/rss")
ITEMS = tuple(FeedItem(f"https://o.test/{n}", f"https://o.test/{n}", str(n)) for n in range(20))


def poll(outcome: str = "ok", **changes) -> FeedPoll:
    items = ITEMS if outcome == "ok" else ()
    return FeedPoll(FEED.id, outcome, NOW, Validators(etag="new"), **{"items": items, **changes})


def after(*polls: tuple[FeedPoll, int], state: FeedState | None = None) -> FeedState:
    for one, new in polls:
        state = next_state(FEED, state, one, new_items=new, now=NOW)
    return state


def minutes(state: FeedState) -> float:
    return (state.next_poll_at - NOW).total_seconds() / 60


def test_a_feed_never_polled_is_due_and_then_waits_its_interval() -> None:
    assert is_due(FEED, None, NOW)
    state = after((poll(), 10))
    assert not is_due(FEED, state, NOW)
    assert is_due(FEED, state, NOW + timedelta(minutes=17))


@pytest.mark.parametrize("feed", [{"enabled": False}, {"policy": "refuse"}])
def test_a_feed_that_is_off_or_refused_is_never_due(feed) -> None:
    assert not is_due(Feed("o", "O", "https://o.test/", **feed), None, NOW)


def test_the_interval_changes_only_after_two_polls_that_agree() -> None:
    busy, quiet = (poll(), 18), (poll(), 2)
    assert after(busy).interval_minutes == 15
    assert after(busy, busy).interval_minutes == 10  # the floor
    assert after(quiet).interval_minutes == 15
    assert after(quiet, quiet).interval_minutes == 18.75
    assert after(quiet, busy, quiet, busy).interval_minutes == 15
    assert after((poll(), 10), (poll(), 10)).interval_minutes == 15


def test_a_silent_feed_is_asked_at_least_daily_and_comes_back_fast() -> None:
    asleep = after(*[(poll("not_modified"), 0)] * 100)
    assert asleep.interval_minutes == 1440
    awake = after(*[(poll(), 20)] * 6, state=asleep)
    assert awake.interval_minutes < 60


def test_a_failing_feed_is_asked_ever_less_but_never_given_up() -> None:
    state = None
    waits = []
    for _ in range(60):
        state = next_state(FEED, state, poll("not_found"), new_items=0, now=NOW)
        waits.append(minutes(state))
    assert waits == sorted(waits)
    assert waits[0] < 17
    assert waits[25] < 1440 * 1.05
    assert waits[-1] == pytest.approx(30 * 24 * 60, rel=0.06)
    assert state.failure_streak == 60


def test_weights_follow_the_fault_list() -> None:
    weights = [after((poll(o), 0)).failure_weight for o in ("forbidden", "challenge", "timeout")]
    assert weights == [1.0, 0.5, 0.25]
    assert WEIGHTS["gone"] > 30


def test_gone_is_asked_monthly_from_the_first_time() -> None:
    assert minutes(after((poll("gone"), 0))) > 28 * 1440


def test_one_success_clears_the_failures_and_their_streaks() -> None:
    state = after((poll("timeout"), 0), (poll("empty_feed"), 0), (poll(), 10))
    assert (state.failure_weight, state.failure_streak, state.empty_streak) == (0, 0, 0)
    assert state.last_ok_at == NOW


def test_empty_answers_have_a_streak_of_their_own() -> None:
    assert after((poll("empty_feed"), 0), (poll("empty_feed"), 0)).empty_streak == 2
    assert after((poll("empty_feed"), 0), (poll("timeout"), 0)).empty_streak == 0


def test_retry_after_is_obeyed_with_some_minutes_added_and_a_day_at_most() -> None:
    assert 120 <= minutes(after((poll("throttled", retry_after=7200.0), 0))) <= 130
    assert minutes(after((poll("throttled", retry_after=9e9), 0))) <= 1450


def test_a_source_may_ask_for_rest_by_ttl_but_not_for_silence() -> None:
    assert minutes(after((poll(ttl=60.0), 10))) == pytest.approx(60, rel=0.06)
    assert minutes(after((poll(ttl=100_000.0), 10))) == pytest.approx(240, rel=0.06)


def test_failures_keep_the_validators_of_the_last_good_poll() -> None:
    """A feed that answered 500 must not be asked as if its items had been seen."""
    broken = FeedPoll(FEED.id, "server_error", NOW, Validators(etag="other"))
    assert after((poll(), 5), (broken, 0)).validators.etag == "new"


def test_feeds_are_spread_and_yet_predictable() -> None:
    def wait(name: str) -> float:
        feed = Feed(name, "O", "https://o.test/")
        return minutes(next_state(feed, None, poll(), new_items=10, now=NOW))

    waits = [wait(f"feed-{n}") for n in range(50)]
    assert waits == [wait(f"feed-{n}") for n in range(50)]
    assert len(set(waits)) > 45
    assert all(14.25 <= w <= 15.75 for w in waits)
