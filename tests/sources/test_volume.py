"""Silence and floods, measured against the feed's own weeks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from rasid.sources import volume_alarm


NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)  # a Tuesday, 15:00 in Baghdad
HOUR = timedelta(hours=1)


def week_after_week(count, *, until: datetime = NOW, weeks: int = 4) -> dict[datetime, int]:
    """Hours before `until`, each with `count(hour in Baghdad)` items."""
    hours = (until - HOUR * n for n in range(1, weeks * 168 + 1))
    return {h: count(h + 3 * HOUR) for h in hours}


def newsroom(local: datetime) -> int:
    """Awake from 8 to 22, and resting on Fridays."""
    return 4 if 8 <= local.hour < 22 and local.weekday() != 4 else 0


def alarm(hours: dict[datetime, int], now: datetime = NOW):
    return volume_alarm("f", hours, now=now, timezone="Asia/Baghdad")


def test_an_ordinary_day_is_no_alarm() -> None:
    assert alarm(week_after_week(newsroom)) is None


def test_silence_in_working_hours_is_an_alarm_with_a_reason() -> None:
    hours = week_after_week(newsroom)
    hours.update(dict.fromkeys([NOW - HOUR * n for n in range(1, 8)], 0))
    found = alarm(hours)
    assert (found.kind, found.observed) == ("silence", 0)
    assert found.reason.startswith("no new item for ")
    assert "about 28 are usual" in found.reason


def test_nights_and_fridays_are_quiet_by_expectation() -> None:
    for day, hour in ((24, 7), (20, 23), (21, 7)):  # in Baghdad; the 20th is a Friday
        now = datetime(2026, 11, day, hour, tzinfo=UTC) - 3 * HOUR
        assert alarm(week_after_week(newsroom, until=now), now) is None


def test_a_feed_of_few_items_is_not_called_silent_for_a_day() -> None:
    hours = week_after_week(lambda local: int(local.hour == 12))
    hours.update(dict.fromkeys([NOW - HOUR * n for n in range(1, 60)], 0))
    assert alarm(hours) is None


def test_a_flood_is_an_alarm() -> None:
    hours = week_after_week(newsroom)
    hours[NOW - HOUR] = 90
    found = alarm(hours)
    assert (found.kind, found.observed) == ("flood", 90)
    hours[NOW - HOUR] = 15
    assert alarm(hours) is None


def test_without_two_weeks_of_history_nothing_is_unusual() -> None:
    hours = week_after_week(newsroom, weeks=1)
    hours.update(dict.fromkeys([NOW - HOUR * n for n in range(1, 60)], 0))
    assert alarm(hours) is None


def test_the_first_mornings_of_ramadan_are_not_called_silent() -> None:
    """Newsrooms wake later: hours of other months do not judge, whole days do."""
    start = datetime(2026, 2, 18, 0, tzinfo=UTC)  # 1 Ramadan 1447
    now = datetime(2026, 2, 20, 10, tzinfo=UTC)
    hours = week_after_week(newsroom, until=now)
    for hour in hours:
        if hour >= start:
            hours[hour] = 4 if (hour + 3 * HOUR).hour >= 13 else 0
    assert alarm(hours, now) is None


def test_hours_that_were_not_watched_are_not_silence() -> None:
    """When our own poller stood still the feed is not to blame."""
    hours = week_after_week(newsroom)
    for n in range(1, 40):
        hours.pop(NOW - HOUR * n)
    assert alarm(hours) is None
