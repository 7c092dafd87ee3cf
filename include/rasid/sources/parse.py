"""Feed text to items: RSS, RDF and Atom by feedparser, news sitemaps by lxml.

feedparser gets text that we decoded, with every switch that alters content off. `bozo` says nothing
about usefulness; a missing `version` says that it is no feed (ingestion.md §3.1).
"""

from __future__ import annotations

import html
import io
import re

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin
from zoneinfo import ZoneInfo

import feedparser

from lxml import etree

from rasid.web.urls import canonical_url, entry_id


MAX_ITEMS = 2000  # of one feed, as Media Cloud's rss-fetcher has it

_XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_COMMENTS = re.compile(r"<!--.*?-->|<\?.*?\?>", re.DOTALL)
_ROOT = re.compile(r"<([A-Za-z][\w.:-]*)")
_FEED_ROOTS = {"rss", "feed", "rdf:rdf", "rdf", "channel"}
_HTML_ROOTS = {"html", "head", "body", "meta", "script", "div"}
_TAGS = re.compile(r"<[^>]*>")
_CUT_ENTITY = re.compile(r"&#?\w{0,8}$")  # cards cut in the middle of an entity (Shafaq)
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class FeedItem:
    """One item of a feed; `content` is HTML, `summary` plain text."""

    url: str
    canonical_url: str
    entry_id: str
    guid: str = ""
    title: str = ""
    summary: str = ""
    content: str = ""
    published_at: datetime | None = None
    published_raw: str = ""
    updated_raw: str = ""  # tells that an article changed; not read as a date
    authors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a document held. `outcome` is ok, empty_feed, not_a_feed, bad_feed or unsafe_xml.

    `dropped` are (outcome, what) of items that cannot be followed; `ttl` minutes.
    """

    outcome: str
    title: str = ""
    items: tuple[FeedItem, ...] = ()
    dropped: tuple[tuple[str, str], ...] = ()
    flags: tuple[str, ...] = ()
    ttl: float | None = None
    error: str = ""


def parse_feed(text: str, *, url: str, timezone: str = "UTC") -> Parsed:
    """Read the feed `text` that was fetched from `url`; never raises for what it holds."""
    text = _ILLEGAL.sub("", _XML_DECLARATION.sub("", text.lstrip("\ufeff"), count=1)).lstrip()
    prolog, root = _prolog(text)
    if "<!entity" in prolog.lower():
        # Entity bombs and external entities both need a declaration; no real feed has one.
        return Parsed("unsafe_xml", error="the document declares entities")
    if root in _HTML_ROOTS or "<!doctype html" in prolog.lower():
        return Parsed("not_a_feed", error="an HTML page")
    try:
        if root in {"urlset", "sitemapindex"}:
            return _parse_sitemap(text, url, timezone)
        return _parse_feed(text, root, url, timezone)
    except Exception as error:  # noqa: BLE001  (broken markup trips feedparser and lxml variously)
        return Parsed("bad_feed", error=f"{type(error).__name__}: {error}"[:300])


def _parse_feed(text: str, root: str, url: str, timezone: str) -> Parsed:
    document = feedparser.parse(
        io.BytesIO(text.encode("utf-8", "replace")),
        response_headers={"content-type": "application/xml; charset=utf-8"},
        sanitize_html=False,
        resolve_relative_uris=False,
    )
    if not document.get("version"):
        if "<html" in text[:4096].lower() or root not in _FEED_ROOTS:
            return Parsed("not_a_feed", error=f"root element {root or 'none'}")
        return Parsed("bad_feed", error=_reason(document))
    head = document.feed
    items, dropped = _items(_of_entry(e, url, timezone) for e in document.entries[:MAX_ITEMS])
    malformed = bool(document.bozo) and not isinstance(
        document.get("bozo_exception"), feedparser.CharacterEncodingOverride
    )
    return Parsed(
        outcome="ok" if document.entries else "bad_feed" if malformed else "empty_feed",
        title=plain_text(head.get("title", "")),
        items=items,
        dropped=dropped,
        flags=("malformed",) if malformed and document.entries else (),
        ttl=_number(head.get("ttl")),
        error=_reason(document) if malformed else "",
    )


def parse_date(raw: str, timezone: str = "UTC") -> datetime | None:
    """A feed's date (RFC 822 or ISO 8601); `timezone` is for those that carry none."""
    # AST is Arabia's time here, not the Atlantic's; -0000 is UTC (RFC 5322 §3.3).
    raw = raw.strip().replace(" AST", " +0300").replace(" -0000", " +0000")
    if not raw:
        return None
    found: datetime | None = None
    try:
        found = datetime.fromisoformat(raw)
    except ValueError:
        try:
            found = parsedate_to_datetime(raw)
        except (ValueError, IndexError, TypeError, OverflowError):
            return None
    try:
        if found.tzinfo is None:
            found = found.replace(tzinfo=ZoneInfo(timezone))
        # Within what every store and calendar can hold.
        return found.astimezone(UTC) if 1990 <= found.year <= 2100 else None
    except (ValueError, OverflowError):
        return None


def _prolog(text: str) -> tuple[str, str]:
    """What stands before the root element, without comments, and the root's lower-case name."""
    bare = _COMMENTS.sub("", text[:100_000])
    match = _ROOT.search(bare)
    if match is None:
        return bare, ""
    return bare[: match.start()], match[1].lower()


def _reason(document: Any) -> str:
    return str(document.get("bozo_exception", "no version"))[:300]


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _items(found: Any) -> tuple[tuple[FeedItem, ...], tuple[tuple[str, str], ...]]:
    """Items with an address, each once; and what was dropped."""
    items: dict[str, FeedItem] = {}
    dropped: list[tuple[str, str]] = []
    for item in found:
        if not item.canonical_url:
            dropped.append(("no_link", item.url or item.guid or item.title))
        elif item.entry_id in items:
            dropped.append(("duplicate_url", item.url))
        else:
            items[item.entry_id] = item
    return tuple(items.values()), tuple(dropped)


def _of_entry(entry: Any, base: str, timezone: str) -> FeedItem:
    link = str(entry.get("link") or "").strip()
    guid = str(entry.get("id") or "").strip()
    if not link and guid.lower().startswith(("http://", "https://")):
        link = guid
    raw = str(entry.get("published") or entry.get("updated") or entry.get("created") or "")
    contents = [c.get("value") or "" for c in entry.get("content") or ()]
    summary = str(entry.get("summary") or "")
    content = max(contents, key=len, default="")
    return item_of(
        link,
        base,
        guid=guid,
        title=plain_text(str(entry.get("title") or "")),
        # Without a description of its own feedparser repeats the content as summary.
        summary="" if content and summary == content else plain_text(summary),
        content=content,
        published_at=parse_date(raw, timezone),
        published_raw=raw,
        # Asked for first: feedparser gives out the published date for a missing updated one.
        updated_raw=str(entry["updated"]) if "updated" in entry else "",
        authors=tuple(
            dict.fromkeys(name for a in entry.get("authors") or () if (name := a.get("name")))
        ),
    )


def item_of(link: str, base: str, **values: Any) -> FeedItem:
    """An item with its identity; `canonical_url` is "" when the link cannot be followed."""
    canonical = canonical_url(link, base) if link else ""
    try:
        url = urljoin(base, link) if canonical else link
    except ValueError:
        url, canonical = link, ""
    return FeedItem(
        url=url,
        canonical_url=canonical,
        entry_id=entry_id(canonical) if canonical else "",
        **values,
    )


def plain_text(markup: str) -> str:
    """Text of a title or summary, which carry HTML, escaped HTML, or neither."""
    text = markup
    if "<" in text:
        text = _TAGS.sub(" ", text)
    if "&" in text:
        text = html.unescape(_CUT_ENTITY.sub("", text))
        if "<" in text:
            text = _TAGS.sub(" ", text)
    return " ".join(text.split())


def sitemaps_in(text: str) -> list[tuple[str, datetime | None]]:
    """(address, last change) of the sitemaps that a sitemap index names; [] for anything else."""
    root = _xml(text)
    if root is None or not str(root.tag).endswith("sitemapindex"):
        return []
    found = []
    for node in root.iter("{*}sitemap"):
        values = _children(node)
        if values.get("loc"):
            found.append((values["loc"], parse_date(values.get("lastmod", ""))))
    return found


def _parse_sitemap(text: str, url: str, timezone: str) -> Parsed:
    """A sitemap: Google News titles and dates where given. A sitemap index has no items."""
    root = _xml(text)
    if root is None:
        return Parsed("bad_feed", error="broken sitemap")
    found = []
    for node in root.iter("{*}url"):
        values = _children(node)
        raw = values.get("publication_date") or values.get("lastmod") or ""
        found.append(
            item_of(
                values.get("loc", ""),
                url,
                title=plain_text(values.get("title", "")),
                published_at=parse_date(raw, timezone),
                published_raw=raw,
                updated_raw=values.get("lastmod", ""),
            )
        )
    items, dropped = _items(found)
    return Parsed("ok" if found else "empty_feed", items=items, dropped=dropped)


def _xml(text: str) -> Any:
    """Root of a sitemap, broken ones as far as they go; None when there is nothing."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, recover=True, huge_tree=False
    )
    bare = _XML_DECLARATION.sub("", text.lstrip("\ufeff"), count=1).strip()
    return etree.fromstring(bare.encode("utf-8", "replace"), parser) if bare else None


def _children(node: Any) -> dict[str, str]:
    """Texts of the elements below `node` by local name, such as loc, lastmod, publication_date."""
    return {
        etree.QName(child).localname: (child.text or "").strip()
        for child in node.iter()
        if isinstance(child.tag, str)
    }
