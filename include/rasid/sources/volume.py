"""How much a feed usually brings at this hour of the week, and when its silence or flood is news.

A feed is compared with itself: the same hour of the week over the last weeks, in its own timezone,
so that nights and Fridays are quiet by expectation. In Ramadan, when the day shifts, only hours of
Ramadan count once there are enough of them; until then, and after it, whole days are compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hijridate import Gregorian


MIN_WEEKS = 2  # with less history nothing is known to be unusual
# New items come in bursts: their variance is about this many times that of a Poisson process.
BURSTS = 3.0
SILENT_AFTER = 7.0  # items expected, less bursts; chance of a false alarm e^-7, one in a thousand
FLOOD_SIGMAS = 6.0
FLOOD_FLOOR = 20  # items an hour that surprise nobody
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class VolumeAlarm:
    """`kind` is silence or flood; `reason` is for a person to read."""

    feed_id: str
    kind: str
    reason: str
    expected: float
    observed: int


def volume_alarm(
    feed_id: str, hours: Mapping[datetime, int], *, now: datetime, timezone: str = "UTC"
) -> VolumeAlarm | None:
    """Whether `feed_id` has been silent or flooding.

    `hours` maps the start of each hour (UTC, aware) that the feed was watched to its number of new
    items, zeros included; four weeks are plenty. `now` starts the hour that is still running.
    """
    zone = ZoneInfo(timezone)
    usual = _usual(hours, now, zone)
    if usual is None:
        return None
    expected, quiet = 0.0, 0
    hour = now
    while (hour := hour - _HOUR) in hours and hours[hour] == 0:
        expected += usual[_slot(hour, zone)]
        quiet += 1
    if expected / BURSTS >= SILENT_AFTER:
        reason = f"no new item for {quiet} hours; about {expected:.0f} are usual in these hours"
        return VolumeAlarm(feed_id, "silence", reason, expected, 0)
    last = now - _HOUR
    observed, mean = hours.get(last, 0), usual[_slot(last, zone)]
    if observed > max(FLOOD_FLOOR, mean + FLOOD_SIGMAS * (BURSTS * max(mean, 1.0)) ** 0.5):
        reason = f"{observed} new items within an hour; about {mean:.0f} are usual then"
        return VolumeAlarm(feed_id, "flood", reason, mean, observed)
    return None


def _usual(
    hours: Mapping[datetime, int], now: datetime, zone: ZoneInfo
) -> Mapping[tuple[int, int], float] | None:
    """Mean new items by (weekday, hour); None while too little is known."""
    fasting = _in_ramadan(now, zone)
    # The hours under judgement must not judge themselves: the last day is left out.
    known = {h: n for h, n in hours.items() if h < now - timedelta(days=1)}
    alike = {h: n for h, n in known.items() if _in_ramadan(h, zone) == fasting}
    if len(alike) >= MIN_WEEKS * 168:
        return _means(alike, zone)
    if len(known) < MIN_WEEKS * 168:
        return None
    # The season has just changed: the day's total still holds, its shape does not.
    by_day: dict[int, list[int]] = defaultdict(list)
    for hour, count in known.items():
        by_day[hour.astimezone(zone).weekday()].append(count)
    return {
        (day, hour): sum(counts) / len(counts)
        for day, counts in by_day.items()
        for hour in range(24)
    }


def _means(hours: Mapping[datetime, int], zone: ZoneInfo) -> Mapping[tuple[int, int], float]:
    slots: dict[tuple[int, int], list[int]] = defaultdict(list)
    for hour, count in hours.items():
        slots[_slot(hour, zone)].append(count)
    means = {slot: sum(counts) / len(counts) for slot, counts in slots.items()}
    return defaultdict(float, means)


def _slot(hour: datetime, zone: ZoneInfo) -> tuple[int, int]:
    local = hour.astimezone(zone)
    return local.weekday(), local.hour


def _in_ramadan(hour: datetime, zone: ZoneInfo) -> bool:
    local = hour.astimezone(zone)
    return bool(Gregorian(local.year, local.month, local.day).to_hijri().month == 9)
