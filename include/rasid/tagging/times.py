"""Event time, resolved against publication (weekday first: wires name the day, not the date)."""

from __future__ import annotations

import re

from collections.abc import Sequence
from datetime import date, timedelta

from rasid.arabic import Token, fold
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
_RELATIVE = {
    fold(word): days for word, days in {"اليوم": 0, "أمس": -1, "الليلة": 0, "البارحة": -1}.items()
}
_AUGUST = fold("آب")  # folds as «father»: a month only beside a day or a year
_NUMBER = re.compile(r"\d{1,2}")
_YEAR = re.compile(r"(?:19|20)\d\d")


def event_time(tokens: Sequence[Token], text: str, published: date | None) -> EventTime | None:
    """The first time expression of the sentence, as dates; None when it names none.

    A weekday is the last such day up to publication. A month without a year is the last such month.
    """
    for i, token in enumerate(tokens):
        word = token.folded.removeprefix("و") if token.folded[:1] == "و" else token.folded
        month, width = _month_at(tokens, i)
        if month:
            found = _dated(tokens, i, width, month, published, text)
            if found is not None:
                return found
        if published is None:
            continue
        if word in _WEEKDAYS:
            back = (published.weekday() - _WEEKDAYS[word]) % 7
            if i + 1 < len(tokens) and tokens[i + 1].folded == "الماضي" and back == 0:
                back = 7
            day = published - timedelta(days=back)
            return _time(tokens, text, i, i + 1, day, day, "day", "weekday")
        if word in _RELATIVE:
            back = -_RELATIVE[word]
            before = [t.folded for t in tokens[max(0, i - 2) : i]]
            if (
                word == fold("أمس") and before and before[0 if len(before) == 1 else -1] == "اول"
            ) or (word == fold("أمس") and before[-2:] == ["اول", "من"]):
                back = 2
            day = published - timedelta(days=back)
            return _time(tokens, text, i, i + 1, day, day, "day", "relative")
        if token.shape.kind == "number" and _YEAR.fullmatch(token.folded):
            year = int(token.folded)
            if year < published.year:
                first, last = date(year, 1, 1), date(year, 12, 31)
                return _time(tokens, text, i, i + 1, first, last, "year", "explicit")
    return None


def _month_at(tokens: Sequence[Token], i: int) -> tuple[int, int]:
    word = tokens[i].folded
    if i + 1 < len(tokens) and (pair := (word, tokens[i + 1].folded)) in _TWO_WORD_MONTHS:
        return _TWO_WORD_MONTHS[pair], 2
    if word == _AUGUST:
        near = [t for t in tokens[max(0, i - 1) : i + 2] if t.shape.kind == "number"]
        return (8, 1) if near else (0, 0)
    return (_MONTHS[word], 1) if word in _MONTHS else (0, 0)


def _dated(  # noqa: PLR0917
    tokens: Sequence[Token], i: int, width: int, month: int, published: date | None, text: str
) -> EventTime | None:
    j = i + width
    # A pair of month names (كانون الثاني/يناير) is one date.
    if j + 1 < len(tokens) and tokens[j].text == "/":
        second, more = _month_at(tokens, j + 1)
        j += 1 + more if second else 0
    year = None
    for k in range(j, min(j + 2, len(tokens))):
        if tokens[k].shape.kind == "number" and _YEAR.fullmatch(tokens[k].folded):
            year, j = int(tokens[k].folded), k + 1
            break
    day_token = tokens[i - 1] if i else None
    day = int(day_token.folded) if day_token and _NUMBER.fullmatch(day_token.folded) else None
    if year is None:
        if published is None:
            return None
        year = published.year if month <= published.month else published.year - 1
    try:
        if day:
            found = date(year, month, day)
            return _time(tokens, text, i - 1, j, found, found, "day", "explicit")
        first = date(year, month, 1)
    except ValueError:
        return None
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return _time(tokens, text, i, j, first, last, "month", "explicit")


def _time(  # noqa: PLR0917
    tokens: Sequence[Token], text: str, i: int, j: int, first: date, last: date, precision: str,
    by: str,
) -> EventTime:  # fmt: skip
    a, b = tokens[i].start, tokens[j - 1].end
    return EventTime(text[a:b], a, b, first.isoformat(), last.isoformat(), precision, by)
