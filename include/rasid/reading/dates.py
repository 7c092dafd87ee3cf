"""Dates as Arabic outlets write them, in every month system, or none at all.

It refuses rather than guesses: a weekday that contradicts its date, a day that no month has, an
ambiguous American order give None. Month tables: CLDR (ar, ar-IQ, ar-LB, ar-DZ, ar-MA), Moroccan
and Mauritanian press usage.
"""

from __future__ import annotations

import re
import unicodedata

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from hijridate import Hijri

from rasid.arabic import ascii_digits


@dataclass(frozen=True, slots=True)
class DateReading:
    """A date that was read: `at` in UTC; `precision` second, minute, hour or day.

    A day without a time is that day's midnight in the reader's timezone. `doubtful` marks what was
    completed or contradicts itself mildly: no year, two month names that differ, Hijri only.
    """

    at: datetime
    precision: str
    raw: str
    doubtful: bool = False


_FOLD = str.maketrans(
    {"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ة": "ه", "ـ": "", "٫": "."}
)
_MARKS = re.compile("[\u064b-\u0652\u0670\u061c\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")

# Folded spellings. One list holds all solar systems: no name means two different months.
_MONTHS = {
    1: "يناير|كانون الثاني|كانون ثاني|كانون2|ك2|جانفي|ينائر|january|jan|janvier",
    2: "فبراير|شباط|فيفري|فبرائر|february|feb|février|fevrier",
    3: "مارس|اذار|march|mar|mars",
    4: "ابريل|نيسان|افريل|april|apr|avril",
    5: "مايو|ايار|ماي|may|mai",
    6: "يونيو|يونيه|حزيران|جوان|june|jun|juin",
    7: "يوليو|يوليه|تموز|جويليه|يوليوز|july|jul|juillet",
    8: "اغسطس|اب|اوت|غشت|اغشت|august|aug|août|aout",
    9: "سبتمبر|ايلول|شتنبر|شتمبر|september|sept|sep|septembre",
    10: "اكتوبر|تشرين الاول|تشرين اول|تشرين1|ت1|october|oct|octobre",
    11: "نوفمبر|تشرين الثاني|تشرين ثاني|تشرين2|ت2|نونبر|نفمبر|november|nov|novembre",
    12: "ديسمبر|كانون الاول|كانون اول|كانون1|ك1|دجنبر|دجمبر|december|dec|décembre|decembre",
}
_HIJRI = {
    1: "محرم|المحرم|محرم الحرام",
    2: "صفر",
    3: "ربيع الاول|ربيع اول",
    4: "ربيع الثاني|ربيع الاخر|ربيع ثاني|ربيع اخر",
    5: "جمادي الاولي|جمادي الاول|جمادي اول|جماد الاول|جماد اول",
    6: "جمادي الثانيه|جمادي الاخره|جمادي الثاني|جمادي الاخر|جمادي ثاني"
    "|جماد الثاني|جماد الاخر|جماد ثاني",
    7: "رجب",
    8: "شعبان",
    9: "رمضان|رمضان المبارك",
    10: "شوال",
    11: "ذو القعده|ذي القعده|ذوالقعده",
    12: "ذو الحجه|ذي الحجه|ذوالحجه",
}
# With the article only: «أحد» is "one of", «سبت» and «خميس» are names.
_WEEKDAYS = {
    0: "الاثنين|monday|mon|lundi",
    1: "الثلاثاء|tuesday|tue|mardi",
    2: "الاربعاء|wednesday|wed|mercredi",
    3: "الخميس|thursday|thu|jeudi",
    4: "الجمعه|friday|fri|vendredi",
    5: "السبت|saturday|sat|samedi",
    6: "الاحد|sunday|sun|dimanche",
}
_UNITS = ("حادي", "ثاني", "ثالث", "رابع", "خامس", "سادس", "سابع", "ثامن", "تاسع")
_TENS = {"العشرين": 20, "العشرون": 20, "الثلاثين": 30, "الثلاثون": 30}
_ORDINALS = {
    "الاول": 1,
    "العاشر": 10,
    "الواحد والعشرين": 21,
    "الواحد والثلاثين": 31,
    **{f"ال{unit}": n for n, unit in enumerate(_UNITS, 1) if n > 1},
    **{f"ال{unit} عشر": n + 10 for n, unit in enumerate(_UNITS, 1)},
    **_TENS,
    **{f"ال{unit} و{ten}": n + v for n, unit in enumerate(_UNITS, 1) for ten, v in _TENS.items()},
}


def _numbers(table: dict[int, str]) -> dict[str, int]:
    return {name: number for number, names in table.items() for name in names.split("|")}


def _either(names: dict[str, int]) -> str:
    return "|".join(re.escape(n) for n in sorted(names, key=len, reverse=True))


_MONTH_OF, _HIJRI_OF, _WEEKDAY_OF = _numbers(_MONTHS), _numbers(_HIJRI), _numbers(_WEEKDAYS)
_M, _H, _W, _O = map(_either, (_MONTH_OF, _HIJRI_OF, _WEEKDAY_OF, _ORDINALS))
_L = r"(?<![\w])"  # no letter or digit before
_R = r"(?![\w])"
_NO_LETTER = r"(?![^\W\d])"
_PAIR = rf"(?P<month>{_M})(?:\s*[/\\(،-]\s*(?P<second>{_M})\)?)?"
_DAY = rf"(?:(?P<day>\d{{1,2}})|(?P<ordinal>{_O}))"
_SEP = r"[\s,،/.-]{1,3}"
_DAY_MONTH = re.compile(
    rf"{_L}{_DAY}(?:st|[nr]d|th)?(?:\s+من(?:\s+شهر)?)?(?:{_SEP})?{_PAIR}{_NO_LETTER}"
    rf"(?:(?:{_SEP}|\s*من\s+)?(?:عام|سنه|لعام|لسنه)?\s*(?P<year>\d{{4}})(?!\d))?"
)
_MONTH_DAY = re.compile(
    rf"{_L}{_PAIR}{_SEP}(?P<day>\d{{1,2}}){_R}[\s,،]{{1,3}}(?P<year>\d{{4}})(?!\d)"
)
_YEAR_FIRST = re.compile(rf"{_L}(?P<year>\d{{4}}){_SEP}{_PAIR}{_SEP}(?P<day>\d{{1,2}}){_R}")
_HIJRI_DATE = re.compile(
    rf"{_L}{_DAY}(?:\s+من(?:\s+شهر)?)?{_SEP}(?P<month>{_H}){_R}"
    rf"{_SEP}(?:عام|سنه|لعام)?\s*(?P<year>1[34]\d\d)(?!\d)"
)
_YMD = re.compile(
    r"(?<![\d])(?P<year>(?:19|20)\d\d)([-/.])(?P<month>\d{1,2})\2(?P<day>\d{1,2})(?![\d])"
)
_DMY = re.compile(
    r"(?<![\d])(?P<a>\d{1,2})\s?([-/.])\s?(?P<b>\d{1,2})\s?\2\s?(?P<year>\d{4})(?![\d])"
)
_ISO = re.compile(
    r"(?<!\d)((?:19|20)\d\d-\d\d-\d\d)[t ](\d\d:\d\d(?::\d\d)?)(?:\.\d+)?"
    r"\s?(z|[+-]\d\d:?\d\d)?(?![\d:]|\s*(?:[ap]\.?m|[صم](?!\w)|صباح|مساء))"
)
_HIJRI_NUMERIC = re.compile(
    r"(?<!\d)(?:(?P<y1>1[34]\d\d)([-/])(?P<m1>\d{1,2})\2(?P<d1>\d{1,2})"
    r"|(?P<d2>\d{1,2})([-/])(?P<m2>\d{1,2})\6(?P<y2>1[34]\d\d))(?!\d)"
)
_CLOCK = re.compile(
    r"(?<![\d:.])(?P<h>\d{1,2})(?:(?P<sep>[:.h])(?P<m>\d\d)(?::(?P<s>\d\d))?)?\s*"
    r"(?P<half>[ap]\.?m\.?(?![a-z])"
    r"|(?:صباحا|مساءا?|ظهرا|عصرا|ليلا|فجرا|بعد الظهر|قبل الظهر|ص|م)(?!\w))?"
    r"(?![\d:])"
)
HIJRI_YEARS = 15  # dates in digits further from today than this are of another calendar
_ZONES = {
    **dict.fromkeys(("مكه", "مكه المكرمه", "الرياض", "السعوديه"), "Asia/Riyadh"),
    **dict.fromkeys(("ابوظبي", "ابو ظبي", "دبي", "الامارات"), "Asia/Dubai"),
    **dict.fromkeys(("القاهره", "مصر"), "Africa/Cairo"),
    **dict.fromkeys(("بغداد", "العراق"), "Asia/Baghdad"),
    **dict.fromkeys(("بيروت", "لبنان"), "Asia/Beirut"),
    **dict.fromkeys(("دمشق", "سوريا"), "Asia/Damascus"),
    **dict.fromkeys(("القدس", "فلسطين"), "Asia/Hebron"),
    **dict.fromkeys(("صنعاء", "عدن"), "Asia/Aden"),
    **dict.fromkeys(("المغرب", "الرباط"), "Africa/Casablanca"),
    "عمان": "Asia/Amman",
    "الدوحه": "Asia/Qatar",
    "الخرطوم": "Africa/Khartoum",
    "طرابلس": "Africa/Tripoli",
    "تونس": "Africa/Tunis",
    "الجزائر": "Africa/Algiers",
}
# A city counts only after «بتوقيت»: beside a date it is the dateline.
_ZONE = re.compile(
    r"(?P<sign3>[+-])(?P<hours3>\d{1,2})\s*(?:gmt|utc|غرينتش|جرينتش)"
    r"|(?P<greenwich>(?:gmt|utc)(?!\s*[+-])|(?<=\d)z|غرينتش|جرينتش|غرينيتش|(?<!\w)ت\.?\s?غ(?!\w))"
    r"|(?:gmt|utc)\s*(?P<sign>[+-])\s*(?P<hours>\d{1,2})(?::?(?P<minutes>\d\d))?(?!\d)"
    r"|(?<=\d)\s?(?P<sign2>[+-])(?P<hours2>\d\d):?(?P<minutes2>\d\d)(?!\d)"
    rf"|بتوقيت\s+(?P<city>{'|'.join(sorted(_ZONES, key=len, reverse=True))})"
)
_WEEKDAY = re.compile(rf"{_L}(?:يوم\s+)?(?P<weekday>{_W}){_R}")
_COUNTS = ("ثلاث", "اربع", "خمس", "ست", "سبع", "ثماني", "تسع", "عشر")
_COUNT_OF = {
    **{word: n for n, word in enumerate(_COUNTS, 3)},
    **{f"{word}ه": n for n, word in enumerate(_COUNTS, 3)},
}
_AGO = re.compile(
    rf"(?:منذ|قبل)\s+(?:حوالي\s+|نحو\s+)?(?:(?P<n>\d{{1,3}}|{_either(_COUNT_OF)})\s*)?"
    r"(?P<unit>نصف ساعه|ربع ساعه|دقيقتين|دقيقه|دقائق|ساعتين|ساعه|ساعات|يومين|يوم|ايام|اسبوعين"
    r"|اسبوع|اسابيع)(?!\w)"
)
_UNIT_MINUTES = {
    "نصف": 30,
    "ربع": 15,
    "دقي": 1,
    "دقا": 1,
    "ساع": 60,
    "يوم": 1440,
    "ايا": 1440,
    "اسب": 10_080,
    "اسا": 10_080,
}
_DAY_WORDS = re.compile(
    rf"{_L}(?P<word>اول من امس|اول امس|قبل امس|امس الاول|امس|البارحه|اليوم|غدا|بعد غد){_R}"
)
_DAY_OFFSETS = {"امس": -1, "البارحه": -1, "اليوم": 0, "غدا": 1, "بعد غد": 2}
_NAMED_WEEKDAY = re.compile(
    rf"{_L}(?:يوم\s+)?(?P<weekday>{_W})\s*"
    rf"(?P<way>الماضيه?|الفائته?|المنصرمه?|المقبله?|القادمه?|الجاريه?)?{_R}"
)


def read_date(text: str, *, today: datetime, timezone: str = "UTC") -> DateReading | None:
    """The first date in `text`, or None.

    `today` (aware) anchors relative words and missing years; `timezone` is where times without a
    zone of their own belong.
    """
    folded = _fold(text)
    zone = ZoneInfo(timezone)
    local = today.astimezone(zone)
    exact = _ISO.search(folded)
    if exact:
        return _of_iso(exact, zone)
    found = _solar(folded, local.date()) or _numeric(folded) or _hijri(folded, local.date())
    if found is None:
        return _relative(folded, local, zone)
    day, start, end, doubtful = found
    if not _agrees(folded, day, start, end):
        return None
    return _with_time(day, folded, start, end, zone, doubtful=doubtful)


def _fold(text: str) -> str:
    plain = ascii_digits(_MARKS.sub("", unicodedata.normalize("NFKC", text))).translate(_FOLD)
    # "هـ" lost its tatweel above and is "ه" now; white space of every kind is one space.
    return " ".join(plain.lower().split())


def _of_iso(match: re.Match[str], zone: tzinfo) -> DateReading | None:
    day, clock, offset = match.groups()
    try:
        at = datetime.fromisoformat(f"{day}T{clock}{offset or ''}".upper())
        at = (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return DateReading(at, "second" if clock.count(":") == 2 else "minute", match[0])


_Found = tuple[date, int, int, bool]


def _solar(text: str, today: date) -> _Found | None:
    """A day and a month's name, in either order."""
    for pattern in (_YEAR_FIRST, _DAY_MONTH, _MONTH_DAY):
        match = pattern.search(text)
        if match is None:
            continue
        groups = match.groupdict()
        day = int(groups["day"]) if groups.get("day") else _ORDINALS[groups["ordinal"]]
        month = _MONTH_OF[groups["month"]]
        second = groups.get("second")
        # The first of two names is trusted: «يناير/كانون الأول» is a slip in the second.
        doubtful = bool(second) and _MONTH_OF[second or ""] != month
        if groups.get("year"):
            found = _day(int(groups["year"]), month, day)
        else:
            later = pattern.search(text, match.end())
            if later and later["year"]:
                return None  # «من 20 نوفمبر إلى 24 نوفمبر 2026» is no date but a span
            found, doubtful = _last(month, day, today), True
        if found is not None:
            return found, match.start(), match.end(), doubtful
    return None


def _numeric(text: str) -> _Found | None:
    """Day, month and year in digits; Arabic outlets put the day first."""
    match = _YMD.search(text)
    if match:
        found = _day(int(match["year"]), int(match["month"]), int(match["day"]))
        return (found, match.start(), match.end(), False) if found else None
    match = _DMY.search(text)
    if match is None:
        return None
    day, month, year = int(match["a"]), int(match["b"]), int(match["year"])
    american = re.search(r"\d\s?[ap]m\b", text) is not None
    if month > 12 or (american and day <= 12 and day != month):
        if american and month <= 12:
            return None  # 03/04 with AM or PM: nobody can know
        day, month = month, day
    found = _day(year, month, day)
    return (found, match.start(), match.end(), False) if found else None


def _hijri(text: str, today: date) -> _Found | None:
    match = _HIJRI_DATE.search(text)
    by_digits = match is None
    if match:
        day = int(match["day"]) if match["day"] else _ORDINALS[match["ordinal"]]
        month = _HIJRI_OF[match["month"]]
        year = int(match["year"])
    else:
        match = _HIJRI_NUMERIC.search(text)
        if match is None:
            return None
        year = int(match["y1"] or match["y2"])
        month = int(match["m1"] or match["m2"])
        day = int(match["d1"] or match["d2"])
    try:
        solar = Hijri(year, month, day).to_gregorian()
    except (ValueError, OverflowError):
        return None
    if by_digits and abs(solar.year - today.year) > HIJRI_YEARS:
        return None  # 1405/9/3 is Iran's solar calendar
    # Sightings differ by a day from the Umm al-Qura calendar: a Hijri date alone is doubtful.
    return date(solar.year, solar.month, solar.day), match.start(), match.end(), True


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day) if 1900 <= year <= 2100 else None
    except ValueError:
        return None


def _last(month: int, day: int, today: date) -> date | None:
    """The latest such day that is not after tomorrow."""
    for year in (today.year + 1, today.year, today.year - 1):
        found = _day(year, month, day)
        if found and found <= today + timedelta(days=1):
            return found
    return None


def _agrees(text: str, day: date, start: int, end: int) -> bool:
    """Whether a weekday beside the date is the date's own."""
    before, after = text[max(0, start - 25) : start], text[end : end + 15]
    named = list(_WEEKDAY.finditer(before))[-1:] or list(_WEEKDAY.finditer(after))[:1]
    return all(_WEEKDAY_OF[m["weekday"]] == day.weekday() for m in named)


def _with_time(
    day: date, text: str, start: int, end: int, zone: tzinfo, *, doubtful: bool
) -> DateReading:
    """The day with the clock time beside it, if one can be read."""
    for low, high in ((end, end + 60), (max(0, start - 40), start)):
        clock = _clock(text, low, high)
        if clock is None:
            continue
        moment, precision, tail = clock
        named = _zone(_ZONE.search(text, tail, tail + 40))
        at = datetime.combine(day, moment, named or zone)
        return DateReading(at.astimezone(UTC), precision, text[start:end], doubtful)
    at = datetime.combine(day, time(), zone).astimezone(UTC)
    return DateReading(at, "day", text[start:end], doubtful)


def _clock(text: str, low: int, high: int) -> tuple[time, str, int] | None:
    """(time, precision, end) of the first clock time in text[low:high]."""
    for match in _CLOCK.finditer(text, low, high):
        half = (match["half"] or "").replace(".", "")
        if match["m"] is None and not half:
            continue
        if match["m"] is None and half in {"ص", "م"}:
            continue  # "24 م": not a clock
        if match["sep"] == "." and not half and match.start() > low + 3:
            continue  # "17.45" is a clock beside the date, a number further on
        hour, minute, second = (int(match[k] or 0) for k in "hms")
        if half[:1] in {"p", "م", "ع", "ظ"} or half == "بعد الظهر":
            hour += 12 if hour < 12 else 0
        elif half and hour == 12:
            hour = 0
        elif half == "ليلا" and 6 <= hour < 12:
            hour += 12
        try:
            return time(hour, minute, second), "second" if match["s"] else "minute", match.end()
        except ValueError:
            continue
    return None


def _zone(match: re.Match[str] | None) -> tzinfo | None:
    if match is None:
        return None
    if match["greenwich"]:
        return UTC
    if match["city"]:
        return ZoneInfo(_ZONES[match["city"]])
    hours = int(match["hours"] or match["hours2"] or match["hours3"])
    if hours > 14:
        return None
    offset = timedelta(hours=hours, minutes=int(match["minutes"] or match["minutes2"] or 0))
    return timezone(offset if "+" in match.group("sign", "sign2", "sign3") else -offset)


def _relative(text: str, local: datetime, zone: tzinfo) -> DateReading | None:
    """«قبل ساعتين», «أمس الأحد», «الجمعة الماضي»."""
    match = _AGO.search(text)
    if match:
        unit = match["unit"]
        said = match["n"] or ("2" if unit.endswith("ين") else "1")
        number = _COUNT_OF.get(said) or int(said)
        minutes = _UNIT_MINUTES[unit[:3]]
        at = local - timedelta(minutes=minutes * number)
        if minutes >= 1440:
            return _whole_day(at.date(), match[0], zone)
        return DateReading(at.astimezone(UTC), "minute" if minutes < 60 else "hour", match[0])
    word = _DAY_WORDS.search(text)
    if word:
        offset = _DAY_OFFSETS.get(word["word"], -2)
        day = local.date() + timedelta(days=offset)
        if not _agrees(text, day, word.start(), word.end()):
            return None
        return _with_time(day, text, word.start(), word.end(), zone, doubtful=False)
    named = _NAMED_WEEKDAY.search(text)
    if named is None or (named["way"] or "").startswith("الجاري"):
        return None
    if _WEEKDAY.search(text, named.end(), named.end() + 15):
        return None  # «ليل الأحد الاثنين» is on two days
    ahead = (_WEEKDAY_OF[named["weekday"]] - local.weekday()) % 7
    way = named["way"] or ""
    if way.startswith(("المقبل", "القادم")):
        day = local.date() + timedelta(days=ahead or 7)
    else:
        back = (7 - ahead) % 7
        day = local.date() - timedelta(days=back or (7 if way else 0))
    return _with_time(day, text, named.start(), named.end(), zone, doubtful=not way)


def _whole_day(day: date, raw: str, zone: tzinfo) -> DateReading:
    return DateReading(datetime.combine(day, time(), zone).astimezone(UTC), "day", raw)
