"""How much a feed usually brings at this hour of the week, and when its silence or flood is news.

A feed is compared with itself: the same hour of the week over the last weeks, in its own timezone,
so that nights and Fridays are quiet by expectation. In Ramadan, when the day shifts, only hours of
Ramadan count once there are enough of them; until then, and after it, whole days are compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from hijridate import Gregorian


MIN_WEEKS = 2  # with less history nothing is known to be unusual
# New items come in bursts: their variance is about this many times that of a Poisson process.
BURSTS = 3.0
SILENT_AFTER = 9.0  # items expected, less bursts: chance of a false alarm e^-9 a gap
FLOOD_SIGMAS = 6.0
FLOOD_FLOOR = 20  # items an hour that surprise nobody
# Items of one poll came at any time since the one before; longer ago, they say nothing of hours.
LONGEST_GAP = timedelta(hours=24)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Volume:
    """What a feed brought in its last `hours` watched hours, and what is usual in them.

    These are the hours since its last new item (silence), one hour (flood), or a day.
    """

    kind: Literal["usual", "silence", "flood", "unknown"]
    hours: int
    observed: float
    expected: float


def by_hour(polls: Iterable[tuple[datetime, int]]) -> dict[datetime, float]:
    """New items by watched hour, from the successful polls of a feed: (hour it was in, new items).

    What a poll finds is spread over the hours since the one before. Hours in which nobody could
    look are missing; the first poll finds the past and counts for nothing.
    """
    found: dict[datetime, int] = defaultdict(int)
    for hour, new in polls:
        found[hour] += new
    hours: dict[datetime, float] = {}
    before: datetime | None = None
    for hour in sorted(found):
        if before is not None:
            gap = min(hour - before, LONGEST_GAP) // _HOUR
            hours.update({hour - n * _HOUR: found[hour] / gap for n in range(gap)})
        before = hour
    return hours


def judge_volume(hours: Mapping[datetime, float], *, timezone: str = "UTC") -> Volume:
    """Whether a feed has been silent or flooding in the last of its watched `hours`.

    `hours` maps the start of each hour (UTC, aware) that the feed was watched to its number of new
    items, zeros included; six weeks are plenty.
    """
    zone = ZoneInfo(timezone)
    if not hours:
        return Volume("unknown", 0, 0.0, 0.0)
    last = max(hours)
    quiet = 0
    while hours.get(last - quiet * _HOUR) == 0:
        quiet += 1
    # The hours under judgement must not judge themselves.
    until = last - max(quiet, 24) * _HOUR
    usual, shape_known = _usual({h: n for h, n in hours.items() if h <= until}, last, zone)
    if usual is None:
        return Volume("unknown", quiet, 0.0, 0.0)
    expected = sum(usual[_slot(last - n * _HOUR, zone)] for n in range(quiet))
    # When only a day's total is known, a night may be as long as it likes.
    if expected / BURSTS >= SILENT_AFTER and (shape_known or quiet >= 24):
        return Volume("silence", quiet, 0.0, expected)
    mean = usual[_slot(last, zone)]
    if hours[last] > max(FLOOD_FLOOR, mean + FLOOD_SIGMAS * (BURSTS * max(mean, 1.0)) ** 0.5):
        return Volume("flood", 1, hours[last], mean)
    day = [h for n in range(24) if (h := last - n * _HOUR) in hours]
    brought, expected = sum(hours[h] for h in day), sum(usual[_slot(h, zone)] for h in day)
    return Volume("usual", len(day), brought, expected)


def _usual(
    known: Mapping[datetime, float], at: datetime, zone: ZoneInfo
) -> tuple[Mapping[tuple[int, int], float] | None, bool]:
    """Mean new items by (weekday, hour), None while too little is known; whether hours count."""
    fasting = _in_ramadan(at, zone)
    alike = {h: n for h, n in known.items() if _in_ramadan(h, zone) == fasting}
    if len(alike) >= MIN_WEEKS * 168:
        return _means(alike, zone), True
    if len(known) < MIN_WEEKS * 168:
        return None, False
    # The season has just changed: the day's total still holds, its shape does not.
    by_day: dict[int, list[float]] = defaultdict(list)
    for hour, count in known.items():
        by_day[hour.astimezone(zone).weekday()].append(count)
    flat = {
        (day, hour): sum(counts) / len(counts)
        for day, counts in by_day.items()
        for hour in range(24)
    }
    return defaultdict(float, flat), False


def _means(hours: Mapping[datetime, float], zone: ZoneInfo) -> Mapping[tuple[int, int], float]:
    slots: dict[tuple[int, int], list[float]] = defaultdict(list)
    for hour, count in hours.items():
        slots[_slot(hour, zone)].append(count)
    means = {slot: sum(counts) / len(counts) for slot, counts in slots.items()}
    return defaultdict(float, means)


def _slot(hour: datetime, zone: ZoneInfo) -> tuple[int, int]:
    local = hour.astimezone(zone)
    return local.weekday(), local.hour


def _in_ramadan(hour: datetime, zone: ZoneInfo) -> bool:
    return _is_ramadan(hour.astimezone(zone).date())


@lru_cache(maxsize=512)
def _is_ramadan(day: date) -> bool:
    return bool(Gregorian(day.year, day.month, day.day).to_hijri().month == 9)
