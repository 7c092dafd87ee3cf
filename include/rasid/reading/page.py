"""A page's bytes to an article: decode, extract, date, language; every page has a named outcome."""

from __future__ import annotations

import html
import re
import unicodedata

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote, urlsplit

import structlog

from lxml import etree
from lxml.html import HtmlElement, HTMLParser, document_fromstring
from resiliparse.extract.html2text import extract_plain_text
from trafilatura import bare_extraction

from rasid.reading.dates import DateReading, read_date
from rasid.reading.fingerprints import text_hash, title_key
from rasid.reading.language import language_of
from rasid.reading.metadata import Metadata, read_metadata
from rasid.web import canonical_url, decode, site_of


log = structlog.get_logger()

MIN_CHARS = 200  # shorter than this is no article body (mcmetadata's rule)
CONFLICT = timedelta(hours=36)  # dates of one article that lie further apart contradict each other
FUTURE = timedelta(hours=1)  # clocks of servers differ; zones that are forgotten differ by more

_XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_URL_DATE = re.compile(
    r"/(20\d\d)[/-](\d{1,2})[/-](\d{1,2})(?=[/_.-]|$)|/(20\d\d)(\d\d)(\d\d)(?=[/_.-])"
    r"|/(20\d\d)/[a-z_]+/(\d{1,2})/(\d{1,2})/"
)
_MISSING = re.compile(
    r"(?:^|\W)404(?:\W|$)|not found|الصفحة (?:غير موجودة|المطلوبة غير)|لم يتم العثور|غير متوفرة?\s*$"
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
            title=page.title or feed_title,
            summary=page.summary,
            authors=page.authors,
            canonical_url=_canonical(page.canonical, url),
        )
        refusal = _not_an_article(url, page)
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
        text = _tidy(extract_plain_text(f"<body>{markup}</body>", main_content=False), title)
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
    """(text, method): trafilatura, and resiliparse when that finds too little."""
    found = bare_extraction(
        tree, fast=True, with_metadata=False, include_comments=False, include_tables=True
    )
    text = _tidy(getattr(found, "text", "") or "", "")
    if len(text) >= MIN_CHARS:
        return text, "trafilatura"
    second = _tidy(extract_plain_text(markup, main_content=True, alt_texts=False, links=False), "")
    return (second, "resiliparse") if len(second) > len(text) else (text, "trafilatura")


def _tidy(text: str, title: str) -> str:
    lines = (" ".join(line.split()) for line in unicodedata.normalize("NFC", text).splitlines())
    kept = [line for line in lines if line]
    if kept and title and title_key(kept[0]) == title_key(title):
        kept = kept[1:]
    return "\n".join(kept)


def _finished(reading: Reading, text: str, method: str) -> Reading:
    lines = text.split("\n")
    if len(lines) > 1 and title_key(lines[0]) == title_key(reading.title):
        text = "\n".join(lines[1:])
    if len(text) < MIN_CHARS:
        return replace(reading, outcome="no_text", text=text, error=f"{len(text)} characters")
    return replace(
        reading, outcome="ok", text=text, method=method, language="ar", text_hash=text_hash(text)
    )


def _canonical(claimed: str, url: str) -> str:
    """The page's own canonical URL when it stays on the site and names a page, else ours."""
    own = canonical_url(url)
    named = canonical_url(claimed, url) if claimed else ""
    if not named or site_of(named) != site_of(url):
        return own
    parts = urlsplit(named)
    return named if parts.path.strip("/") or parts.query else own


def _not_an_article(url: str, page: Metadata) -> str:
    """Why the page cannot be an article; empty when it may be one."""
    parts = urlsplit(url)
    if not parts.path.strip("/") and not parts.query:
        return "a home page"
    if _MISSING.search(html.unescape(page.title).lower()[:80]):
        return "a soft 404"
    claimed = urlsplit(canonical_url(page.canonical, url) if page.canonical else url)
    if not claimed.path.strip("/") and not claimed.query and page.kind != "article":
        return "its canonical address is the home page"
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


def _date_in(url: str) -> DateReading | None:
    match = _URL_DATE.search(unquote(urlsplit(url).path))
    if match is None:
        return None
    year, month, day = (int(n) for n in match.groups() if n)
    try:
        return DateReading(datetime(year, month, day, tzinfo=UTC), "day", match[0])
    except ValueError:
        return None
