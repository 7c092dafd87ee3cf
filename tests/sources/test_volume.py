"""Silence and floods, measured against the feed's own weeks."""

from __future__ import annotations

import random

from datetime import UTC, datetime, timedelta

import pytest

from rasid.sources import Volume, by_hour, judge_volume


LAST = datetime(2026, 11, 24, 11, tzinfo=UTC)  # a Tuesday, 14:00 in Baghdad
HOUR = timedelta(hours=1)


def week_after_week(count, *, last: datetime = LAST, weeks: int = 4) -> dict[datetime, float]:
    """Hours up to `last`, each with `count(hour in Baghdad)` items."""
    hours = (last - HOUR * n for n in range(weeks * 168))
    return {h: count(h + 3 * HOUR) for h in hours}


def newsroom(local: datetime) -> int:
    """Awake from 8 to 22, and resting on Fridays."""
    return 4 if 8 <= local.hour < 22 and local.weekday() != 4 else 0


def judged(hours: dict[datetime, float]) -> Volume:
    return judge_volume(hours, timezone="Asia/Baghdad")


def test_an_ordinary_day_is_usual() -> None:
    assert judged(week_after_week(newsroom)) == Volume("usual", 24, 56, 56)


def test_silence_in_working_hours_is_noticed() -> None:
    hours = week_after_week(newsroom)
    hours.update(dict.fromkeys([LAST - HOUR * n for n in range(7)], 0))
    assert judged(hours) == Volume("silence", 17, 0, 28)  # the night before included


def test_nights_and_fridays_are_quiet_by_expectation() -> None:
    for day, hour in ((24, 7), (20, 23), (21, 7)):  # in Baghdad; the 20th is a Friday
        last = datetime(2026, 11, day, hour, tzinfo=UTC) - 4 * HOUR
        assert judged(week_after_week(newsroom, last=last)).kind == "usual"


def test_a_feed_of_few_items_is_not_called_silent_for_a_day() -> None:
    hours = week_after_week(lambda local: int(local.hour == 12))
    hours.update(dict.fromkeys([LAST - HOUR * n for n in range(60)], 0))
    assert judged(hours).kind == "usual"


def test_a_long_silence_does_not_become_usual() -> None:
    hours = week_after_week(newsroom, weeks=6)
    hours.update(dict.fromkeys([LAST - HOUR * n for n in range(25 * 24)], 0))
    assert judged(hours).kind == "silence"


def test_a_flood_is_noticed() -> None:
    hours = week_after_week(newsroom)
    hours[LAST] = 90
    assert judged(hours) == Volume("flood", 1, 90, 4)
    hours[LAST] = 15
    assert judged(hours).kind == "usual"


def test_without_two_weeks_of_history_nothing_is_unusual() -> None:
    hours = week_after_week(newsroom, weeks=2)
    hours.update(dict.fromkeys([LAST - HOUR * n for n in range(60)], 0))
    assert judged(hours).kind == "unknown"
    assert judged({}).kind == "unknown"


def test_the_first_mornings_of_ramadan_are_not_called_silent() -> None:
    """Newsrooms wake later: hours of other months do not judge, whole days do."""
    start = datetime(2026, 2, 18, 0, tzinfo=UTC)  # 1 Ramadan 1447
    last = datetime(2026, 2, 20, 9, tzinfo=UTC)
    hours = week_after_week(lambda local: 3 * newsroom(local), last=last)
    for hour in hours:
        if hour >= start:
            hours[hour] = 12 if (hour + 3 * HOUR).hour >= 13 else 0
    assert judged(hours).kind == "usual"
    hours.update(dict.fromkeys([last - HOUR * n for n in range(30)], 0))
    assert judged(hours).kind == "silence"


def test_hours_that_were_not_watched_are_not_silence() -> None:
    """When our own poller stood still the feed is not to blame."""
    hours = week_after_week(newsroom)
    for n in range(1, 40):
        hours.pop(LAST - HOUR * n)
    hours[LAST] = 0
    assert judged(hours).kind == "usual"


def test_what_a_poll_finds_is_spread_over_the_hours_since_the_one_before() -> None:
    polls = [(LAST, 40), (LAST + 4 * HOUR, 8), (LAST + 4 * HOUR, 4), (LAST + 40 * HOUR, 48)]
    hours = by_hour(polls)
    assert [hours[LAST + n * HOUR] for n in range(1, 5)] == [3, 3, 3, 3]
    assert LAST not in hours  # what the first poll found is the past
    assert LAST + 16 * HOUR not in hours  # nobody looked for longer than a day
    assert hours[LAST + 17 * HOUR] == hours[LAST + 40 * HOUR] == 2


@pytest.mark.parametrize("rate", [0.3, 3.0, 12.0])
def test_a_hundred_days_of_bursts_raise_no_false_alarm(rate: float) -> None:
    """Items in bursts of three, Fridays and nights quiet, a Ramadan shifted: six weeks judge each.

    A hundred days are judged, every six hours; they end in Ramadan.
    """
    chance = random.Random(3)
    first = datetime(2025, 11, 1, tzinfo=UTC)
    hours: dict[datetime, float] = {}
    for n in range(150 * 24):
        local = first + n * HOUR + 3 * HOUR
        fasting = datetime(2026, 2, 18, tzinfo=UTC) <= local < datetime(2026, 3, 20, tzinfo=UTC)
        awake = local.hour >= 13 or local.hour < 2 if fasting else 8 <= local.hour < 22
        mean = rate * (0.4 if local.weekday() == 4 else 1.0) if awake else rate / 20
        hours[first + n * HOUR] = 3.0 * sum(chance.random() < mean / 90 for _ in range(30))
    ends = sorted(hours)[6 * 7 * 24 :: 6]
    alarms = [
        v.kind
        for end in ends
        if (v := judged({end - HOUR * n: hours[end - HOUR * n] for n in range(42 * 24)})).kind
        != "usual"
    ]
    assert alarms == []
