"""Event time, resolved against publication (weekday first: wires name the day, not the date)."""

from __future__ import annotations

import re

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from email.utils import parsedate
from typing import NamedTuple

from rasid.arabic import Shape, Token, fold
from rasid.tagging.mention import EventTime


_WEEKDAYS = {
    fold(name): number
    for number, names in enumerate(
        ("الاثنين الإثنين", "الثلاثاء", "الأربعاء", "الخميس", "الجمعة", "السبت", "الأحد")
    )
    for name in names.split()
}
_MONTHS = {
    fold(name): month
    for month, names in enumerate(
        (
            "يناير جانفي", "فبراير شباط فيفري", "مارس آذار", "أبريل إبريل نيسان أفريل",
            "مايو أيار ماي", "يونيو يونيه حزيران جوان", "يوليو يوليه تموز جويلية",
            "أغسطس أوت أغشت", "سبتمبر أيلول شتمبر", "أكتوبر", "نوفمبر", "ديسمبر دجمبر",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_TWO_WORD_MONTHS = {
    (fold(a), fold(b)): month
    for a, b, month in (
        ("كانون", "الثاني", 1), ("تشرين", "الأول", 10), ("تشرين", "الثاني", 11),
        ("كانون", "الأول", 12),
    )
}  # fmt: skip
# Days back from publication.
_RELATIVE = {
    fold(word): days for word, days in {"اليوم": 0, "أمس": 1, "الليلة": 0, "البارحة": 1}.items()
}
_BEFORE_YESTERDAY = (["اول"], ["اول", "من"])
_ORDINALS = {
    fold(word): day
    for day, words in enumerate(
        ("الأول", "الثاني", "الثالث", "الرابع", "الخامس", "السادس", "السابع", "الثامن", "التاسع",
         "العاشر"),
        start=1,
    )
    for word in words.split()
}  # fmt: skip
_TIME_WORDS = frozenset(
    [*_WEEKDAYS, *_MONTHS, *_RELATIVE, *(first for first, _ in _TWO_WORD_MONTHS), fold("آب")]
)
_AUGUST = fold("آب")  # folds as «father»: a month only beside a day or a year
_NUMBER = re.compile(r"\d{1,2}")
_YEAR = re.compile(r"(?:19|20)\d\d")


class Dated(NamedTuple):
    """One time expression at the tokens `i:j`: its days (inclusive), how exact, how found out."""

    i: int
    j: int
    first: date
    last: date
    precision: str  # day | month | year
    by: str  # explicit | weekday | relative


def publication(label: str | None) -> datetime | None:
    """A feed's or a label's time of publication: ISO 8601 or RFC 2822, whatever follows the day.

    None for what names no single day (2009-2010, a bare year) or is no date.
    """
    label = (label or "").strip()
    for readable in (label, label[:10]):
        try:
            return datetime.fromisoformat(readable)
        except ValueError:
            continue
    # The day's name and date without the time, as feeds shorten it, is no RFC 2822 yet.
    parts = parsedate(label) or parsedate(label + " 00:00:00")
    return datetime(*parts[:6]) if parts else None  # noqa: DTZ001 (as written: the outlet's zone)


def times(shapes: Sequence[Shape], published: date | None) -> Iterator[Dated]:
    """The time expressions of a sentence in order.

    A weekday is the last such day up to publication; a month without a year the last such month.
    """
    i = 0
    while i < len(shapes):
        shape = shapes[i]
        found = None
        if shape.kind == "number" or shape.folded.removeprefix("و") in _TIME_WORDS:
            found = _time_at(shapes, i, published)
        if found is not None:
            yield found
        i = max(i + 1, found.j if found else 0)


def event_time(dates: Sequence[Dated], tokens: Sequence[Token], text: str) -> EventTime | None:
    """The first time expression of the sentence as a record; None when it names none."""
    if not dates:
        return None
    d = dates[0]
    a, b = tokens[d.i].start, tokens[d.j - 1].end
    return EventTime(text[a:b], a, b, d.first.isoformat(), d.last.isoformat(), d.precision, d.by)


def _time_at(shapes: Sequence[Shape], i: int, published: date | None) -> Dated | None:
    shape = shapes[i]
    word = shape.folded.removeprefix("و")
    month, width = _month_at(shapes, i)
    if month and (found := _dated(shapes, i, width, month, published)):
        return found
    if published is None:
        return None
    if word in _WEEKDAYS:
        back = (published.weekday() - _WEEKDAYS[word]) % 7
        if i + 1 < len(shapes) and shapes[i + 1].folded == "الماضي" and back == 0:
            back = 7
        day = published - timedelta(days=back)
        return Dated(i, i + 1, day, day, "day", "weekday")
    if word in _RELATIVE:
        back = _RELATIVE[word]
        if back and [s.folded for s in shapes[max(0, i - 2) : i]][-2:] in _BEFORE_YESTERDAY:
            back = 2
        day = published - timedelta(days=back)
        return Dated(i, i + 1, day, day, "day", "relative")
    if shape.kind == "number" and _YEAR.fullmatch(word) and int(word) < published.year:
        return Dated(i, i + 1, date(int(word), 1, 1), date(int(word), 12, 31), "year", "explicit")
    return None


def _month_at(shapes: Sequence[Shape], i: int) -> tuple[int, int]:
    word = shapes[i].folded
    if i + 1 < len(shapes) and (pair := (word, shapes[i + 1].folded)) in _TWO_WORD_MONTHS:
        return _TWO_WORD_MONTHS[pair], 2
    if word == _AUGUST:
        near = [s for s in shapes[max(0, i - 1) : i + 2] if s.kind == "number"]
        return (8, 1) if near else (0, 0)
    return (_MONTHS[word], 1) if word in _MONTHS else (0, 0)


def _dated(
    shapes: Sequence[Shape], i: int, width: int, month: int, published: date | None
) -> Dated | None:
    j = i + width
    # A pair of month names (كانون الثاني/يناير) is one date.
    if j + 1 < len(shapes) and shapes[j].folded == "/":
        second, more = _month_at(shapes, j + 1)
        j += 1 + more if second else 0
    year = None
    for k in range(j, min(j + 2, len(shapes))):
        if shapes[k].kind == "number" and _YEAR.fullmatch(shapes[k].folded):
            year, j = int(shapes[k].folded), k + 1
            break
    k = i - 2 if i > 1 and shapes[i - 1].folded == "من" else i - 1  # «الثالث من يناير»
    before = shapes[k].folded if k >= 0 else ""
    day = int(before) if _NUMBER.fullmatch(before) else _ORDINALS.get(before)
    if year is None:
        if published is None:
            return None
        later = month > published.month or (month == published.month and (day or 0) > published.day)
        year = published.year - later
    try:
        if day:
            found = date(year, month, day)
            return Dated(k, j, found, found, "day", "explicit")
        first = date(year, month, 1)
    except ValueError:
        return None
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return Dated(i, j, first, last, "month", "explicit")
