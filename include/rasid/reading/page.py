"""A page's bytes to an article: decode, extract, date, language; every page has a named outcome."""

from __future__ import annotations

import html
import re
import unicodedata

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from urllib.parse import unquote, urlsplit

import structlog

from lxml import etree
from lxml.html import HtmlElement, HTMLParser, document_fromstring
from resiliparse.extract.html2text import extract_plain_text

from rasid.reading.dates import DateReading, read_date
from rasid.reading.fingerprints import text_hash, title_key
from rasid.reading.language import language_of
from rasid.reading.metadata import Metadata, read_metadata
from rasid.web import canonical_url, decode, site_of


log = structlog.get_logger()

MIN_CHARS = 200  # shorter than this is no article body (mcmetadata's rule)
MANY_TEASERS = 5
TEASERS_AT_END = 3
MENU_LINE = 45  # characters: the lines of menus are shorter on average
CONFLICT = timedelta(hours=36)  # dates of one article that lie further apart contradict each other
FUTURE = timedelta(hours=1)  # clocks of servers differ; zones that are forgotten differ by more

_ANY_DAY = datetime(2020, 1, 1, tzinfo=UTC)  # whether a line is a date does not depend on it
_XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_URL_DATE = re.compile(
    r"/(20\d\d)[/-](\d{1,2})[/-](\d{1,2})(?=[/_.-]|$)|/(20\d\d)(\d\d)(\d\d)(?=[/_.-])"
    r"|/(20\d\d)/[a-z_]+/(\d{1,2})/(\d{1,2})/"
)
_MISSING = re.compile(
    r"(?:^|\W)404(?:\W|$)|not found|الصفحة (?:غير موجودة|المطلوبة غير)|لم يتم العثور"
)
_BYLINE = re.compile(r"(?:كتب|كتبت|بقلم|تحرير|إعداد|نشر(?:ت)? في|تم نشره|آخر تحديث)\b\s*[:：]?")
# Teasers of other articles between the paragraphs: their events are not this article's.
_READ_ALSO = re.compile(
    r"(?:[إا]قر(?:أ|ئي|ؤوا|أوا)|شاهد|طالع|تابع|قد يهمك|يهمك|مواضيع ذات صلة|أخبار ذات صلة)"
    r"(?:\s*[/،-]?\s*(?:أيض[اًا]+|كذلك|المزيد))?\s*[:：|…]|(?:[إا]قرأ|شاهد|قد يهمك) أيض"
)
_TAIL = re.compile(
    r"جميع الحقوق محفوظة|حقوق النشر|©|copyright"
    # What WordPress adds to the items of full-text feeds.
    r"|^(?:ظهرت المقالة|ظهر المقال|The post)\b.*(?:أولاً على|appeared first on)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a page said; `text` has one paragraph a line, `published_at` is UTC.

    `outcome` is ok, no_text, not_arabic, not_an_article, bad_encoding or extract_failed;
    `published_precision` second, minute, hour or day; `method` trafilatura, resiliparse or feed.
    """

    outcome: str
    url: str
    canonical_url: str
    flags: tuple[str, ...] = ()
    title: str = ""
    summary: str = ""
    text: str = ""
    published_at: datetime | None = None
    published_source: str = ""
    published_precision: str = ""
    published_raw: str = ""
    authors: tuple[str, ...] = ()
    charset: str = ""
    charset_source: str = ""
    language: str = ""
    method: str = ""
    text_hash: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class _Dated:
    source: str
    reading: DateReading


def read_page(
    body: bytes,
    *,
    url: str,
    http_charset: str | None = None,
    feed_published: datetime | None = None,
    feed_published_raw: str = "",
    feed_title: str = "",
    timezone: str = "UTC",
    today: datetime,
) -> Reading:
    """Read an HTML page; never raises for what the page is.

    `feed_*` is what the feed said of the article. `today` is when the page was fetched.
    """
    reading = Reading(outcome="", url=url, canonical_url=canonical_url(url))
    try:
        decoded = decode(body, http_charset=http_charset)
        if not decoded.charset:
            return replace(reading, outcome="bad_encoding")
        reading = replace(
            reading,
            charset=decoded.charset,
            charset_source=decoded.source,
            flags=("charset_repaired",) if decoded.repaired else (),
        )
        markup = _XML_DECLARATION.sub("", decoded.text, count=1)
        tree = _parse(markup)
        if tree is None:
            return replace(reading, outcome="no_text")
        page = read_metadata(tree)
        reading = replace(
            reading,
            title=_title(page, feed_title),
            summary=page.summary,
            authors=page.authors,
            canonical_url=_canonical(page.canonical, url),
        )
        refusal = _not_an_article(url, page, tree)
        if refusal:
            return replace(reading, outcome="not_an_article", error=refusal)
        text, method = _extract(tree, markup)
        if language_of(f"{reading.title}\n{text}") != "ar" and len(text) >= MIN_CHARS:
            found = language_of(f"{reading.title}\n{text}")
            return replace(reading, outcome="not_arabic", language=found)
        reading = _dated(
            reading, page, feed_published, feed_published_raw, timezone=timezone, today=today
        )
        if page.paywalled:
            reading = replace(reading, flags=(*reading.flags, "paywalled"))
        return _finished(reading, text, method)
    except Exception as error:  # noqa: BLE001  (a page may trip any parser; the cause is kept)
        log.warning("extract_failed", url=url, error=repr(error))
        return replace(reading, outcome="extract_failed", error=f"{type(error).__name__}: {error}")


def read_fragment(
    markup: str,
    *,
    url: str,
    title: str,
    summary: str = "",
    authors: tuple[str, ...] = (),
    feed_published: datetime | None = None,
    feed_published_raw: str = "",
    timezone: str = "UTC",
    today: datetime,
) -> Reading:
    """Read the article body (HTML) that a full-text feed carries; never raises."""
    reading = Reading(
        outcome="",
        url=url,
        canonical_url=canonical_url(url),
        title=title,
        summary=summary,
        authors=authors,
        charset="utf-8",
        charset_source="feed",
    )
    try:
        text = "\n".join(_lines(extract_plain_text(f"<body>{markup}</body>", main_content=False)))
        reading = _dated(
            reading, Metadata(), feed_published, feed_published_raw, timezone=timezone, today=today
        )
        found = language_of(f"{title}\n{text}")
        if found != "ar" and len(text) >= MIN_CHARS:
            return replace(reading, outcome="not_arabic", language=found)
        return _finished(reading, text, "feed")
    except Exception as error:  # noqa: BLE001
        log.warning("extract_failed", url=url, error=repr(error))
        return replace(reading, outcome="extract_failed", error=f"{type(error).__name__}: {error}")


def _parse(markup: str) -> HtmlElement | None:
    parser = HTMLParser(
        encoding="utf-8", collect_ids=False, remove_comments=True, remove_pis=True, no_network=True
    )
    try:
        return document_fromstring(markup.encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError):
        return None  # nothing in it


def _extract(tree: HtmlElement, markup: str) -> tuple[str, str]:
    """(text, method): trafilatura, and resiliparse where that finds too little or the menus too.

    On pages laid out by tables or bare divs trafilatura falls back to the text of the whole page,
    which shows in its many lines that are no sentences.
    """
    # A tenth of a second and 60 modules, for what reads a page only.
    from trafilatura import bare_extraction  # noqa: PLC0415

    found = bare_extraction(
        tree, fast=True, with_metadata=False, include_comments=False, include_tables=False
    )
    first = _lines(getattr(found, "text", "") or "")
    sentences = sum(map(_is_prose, first))
    if _prose(first) >= MIN_CHARS and len(first) - sentences <= max(5, 2 * sentences):
        return "\n".join(first), "trafilatura"
    second = _lines(extract_plain_text(markup, main_content=True, alt_texts=False, links=False))
    if _worth(second) > _worth(first):
        return "\n".join(second), "resiliparse"
    return "\n".join(first), "trafilatura"


def _lines(text: str) -> list[str]:
    composed = unicodedata.normalize("NFC", text)
    return [line for raw in composed.splitlines() if (line := " ".join(raw.split()))]


def _is_prose(line: str) -> bool:
    """Whether a line is a sentence or more: menus, teasers and table cells are not."""
    return len(line) >= 80 or (len(line) >= 20 and line[-1] in '.!؟?…»"')


def _prose(lines: list[str]) -> int:
    """Characters that stand in sentences."""
    return sum(len(line) for line in lines if _is_prose(line))


def _worth(lines: list[str]) -> int:
    """Characters in sentences less those outside."""
    return 2 * _prose(lines) - sum(map(len, lines))


def _finished(reading: Reading, text: str, method: str) -> Reading:
    """The reading with its text, less the headline, byline, date line and copyright around it."""
    lines = text.split("\n")
    furniture = {title_key(t) for t in (reading.title, *reading.authors)} | {""}
    while lines and (title_key(lines[0]) in furniture or _is_byline(lines[0])):
        lines.pop(0)
    while lines and (_TAIL.search(lines[-1]) or title_key(lines[-1]) in furniture):
        lines.pop()
    # A run of unfinished lines after finished ones is a list of other articles.
    teasers = len(list(takewhile(lambda line: not _is_prose(line), reversed(lines))))
    body = lines[: len(lines) - teasers]
    if teasers >= TEASERS_AT_END and body and sum(map(_is_prose, body)) * 3 >= len(body) * 2:
        lines = body
    lines = [line for line in lines if not _READ_ALSO.match(line) or len(line) > 150]
    text = "\n".join(lines)
    # Some outlets end no paragraph with a full stop, but their lines are longer than a menu's.
    is_article = _prose(lines) >= MIN_CHARS or len(text) >= MENU_LINE * len(lines)
    if len(text) < MIN_CHARS or not is_article:
        return replace(reading, outcome="no_text", text=text, error=f"{len(text)} characters")
    return replace(
        reading, outcome="ok", text=text, method=method, language="ar", text_hash=text_hash(text)
    )


def _is_byline(line: str) -> bool:
    """Whether a line above the text is only a label, «كتب: …» or a date."""
    if len(line) > 60 or line[-1] in ".!؟?…»":
        return False
    if len(line) < 25 or _BYLINE.match(line):
        return True
    return any(c.isdigit() for c in line) and read_date(line, today=_ANY_DAY) is not None


def _title(page: Metadata, feed_title: str) -> str:
    """The page's own title; where the page is unclear, the one that the feed knows too."""
    key = title_key(feed_title)
    if key and not feed_title.rstrip().endswith(("…", "...")):
        for title in page.titles:
            if title_key(title) == key:
                return title
        if any(key in title_key(title) for title in page.titles):
            return feed_title
    return page.title or feed_title


def _canonical(claimed: str, url: str) -> str:
    """The page's own canonical URL when it stays on the site and names a page, else ours."""
    own = canonical_url(url)
    named = canonical_url(claimed, url) if claimed else ""
    if not named or site_of(named) != site_of(url):
        return own
    parts = urlsplit(named)
    return named if parts.path.strip("/") or parts.query else own


def _not_an_article(url: str, page: Metadata, tree: HtmlElement) -> str:
    """Why the page cannot be an article; empty when it may be one."""
    parts = urlsplit(url)
    if not parts.path.strip("/") and not parts.query:
        return "a home page"
    if _MISSING.search(html.unescape(page.title).lower()[:80]):
        return "a soft 404"
    claimed = urlsplit(canonical_url(page.canonical, url) if page.canonical else url)
    if not claimed.path.strip("/") and not claimed.query and page.kind != "article":
        return "its canonical address is the home page"
    if not page.dates and next(tree.iter("h1"), None) is None:
        linked = sum(1 for h in tree.iter("h2", "h3", "h4") if next(h.iter("a"), None) is not None)
        if linked >= MANY_TEASERS:
            return f"a list of {linked} teasers"
    return ""


def _dated(
    reading: Reading,
    page: Metadata,
    feed_published: datetime | None,
    feed_raw: str,
    *,
    timezone: str,
    today: datetime,
) -> Reading:
    """The reading with its publication date: feed, JSON-LD, meta, date line, URL, in this order."""
    found: list[_Dated] = []
    if feed_published is not None:
        found.append(_Dated("feed", DateReading(feed_published, "second", feed_raw)))
    for source, raw in (("feed", feed_raw), *page.dates):
        if raw and not (source == "feed" and found):
            read = read_date(raw, today=today, timezone=timezone)
            if read is not None and not (source == "visible" and read.doubtful):
                found.append(_Dated(source, read))
    found = _finer(found)
    in_url = _date_in(reading.url)
    if in_url is not None:
        found.append(_Dated("url", in_url))
    if not found:
        return replace(reading, flags=(*reading.flags, "date_missing"))
    best = found[0]
    at = best.reading.at
    flags = list(reading.flags)
    if at > today.astimezone(UTC) + FUTURE:
        flags.append("date_future")
    firsts = {d.source: d for d in reversed(found)}
    if any(abs(d.reading.at - at) > CONFLICT for d in firsts.values()):
        flags.append("date_conflict")
    return replace(
        reading,
        published_at=at,
        published_source=best.source,
        published_precision=best.reading.precision,
        published_raw=best.reading.raw,
        flags=tuple(flags),
    )


def _finer(found: list[_Dated]) -> list[_Dated]:
    """With the day of the date line made finer by another line's clock time on that day."""
    visible = [d for d in found if d.source == "visible"]
    if not visible or visible[0].reading.precision != "day":
        return found
    first = visible[0]
    near = (
        d
        for d in visible
        if d.reading.precision != "day"
        and timedelta(0) <= d.reading.at - first.reading.at < timedelta(days=1)
    )
    better = next(near, first)
    return [better if d is first else d for d in found if d is first or d is not better]


def _date_in(url: str) -> DateReading | None:
    match = _URL_DATE.search(unquote(urlsplit(url).path))
    if match is None:
        return None
    year, month, day = (int(n) for n in match.groups() if n)
    try:
        return DateReading(datetime(year, month, day, tzinfo=UTC), "day", match[0])
    except ValueError:
        return None
