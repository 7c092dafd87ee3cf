"""What a page says of itself: title, dates, authors, canonical address, paywall."""

from __future__ import annotations

import html
import json
import re

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lxml.html import HtmlElement


_ARTICLE_TYPES = re.compile(r"article|report|posting|newsitem|liveblog", re.IGNORECASE)
_DATE_METAS = (
    "article:published_time",
    "og:article:published_time",
    "datepublished",
    "pubdate",
    "publishdate",
    "publish-date",
    "publish_date",
    "publication_date",
    "parsely-pub-date",
    "sailthru.date",
    "cxenseparse:recs:publishtime",
    "dc.date",
    "dc.date.issued",
    "dcterms.created",
    "article.published",
    "datecreated",
    "date",
)
_AUTHOR_METAS = ("author", "article:author", "dc.creator", "parsely-author", "sailthru.author")
_DATE_HINT = re.compile(r"date|time|publish|posted|created|entry-meta|تاريخ", re.IGNORECASE)
_SIDE = {"nav", "aside", "footer"}
# Marks of the article's own date, also where it stands above the headline.
_OWN_DATE = re.compile(r"publish|posted|entry|article|post-|story|news-?date", re.IGNORECASE)
_TEXT_TAGS = (
    "h1",
    "h2",
    "h3",
    "time",
    "span",
    "div",
    "p",
    "li",
    "small",
    "i",
    "em",
    "b",
    "td",
    "font",
)
_TITLE_PARTS = re.compile(r"\s+(?:\||::|[-–—»«])\s+")
_DIGIT = re.compile(r"\d")
_YEAR = re.compile(r"(?<!\d)(?:19|20|14|١٤|٢٠)[\d]{2}(?!\d)")
HEADLINE_WORDS = 3  # shorter ones are an outlet's or a section's name
NEAR = 12  # elements after the headline among which an unmarked date line is looked for
MOST_DATES = 10
_CONTROL = re.compile(r"[\x00-\x1f]")


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the page wrote; `dates` are raw strings, (source, raw), best first.

    `title` is our choice among all the `titles`.
    """

    title: str = ""
    titles: tuple[str, ...] = ()
    summary: str = ""
    canonical: str = ""
    kind: str = ""  # og:type, lower-case
    dates: tuple[tuple[str, str], ...] = ()
    authors: tuple[str, ...] = ()
    paywalled: bool = False


def read_metadata(tree: HtmlElement) -> Metadata:
    """Metadata of a parsed page."""
    metas: dict[str, str] = {}
    for meta in tree.iter("meta"):
        name = (meta.get("property") or meta.get("name") or meta.get("itemprop") or "").lower()
        content = (meta.get("content") or "").strip()
        if name and content:
            metas.setdefault(name, content)
    articles = list(_json_ld(tree))
    dates = [("json-ld", raw) for a in articles if (raw := _string(a.get("datePublished")))]
    dates += [("meta", metas[name]) for name in _DATE_METAS if name in metas]
    titles = _titles(tree, metas, articles)
    title = _headline(*titles)
    dates += [("visible", raw) for raw in _visible_dates(tree, title)]
    authors = [name for a in articles for name in _names(a.get("author"))]
    authors = authors or [metas[name] for name in _AUTHOR_METAS if name in metas]
    return Metadata(
        title=title,
        titles=(*titles[3], *filter(None, titles[:3])),
        summary=_squeeze(metas.get("og:description") or metas.get("description") or ""),
        canonical=next(
            (e.get("href") or "" for e in tree.iter("link") if _rel(e) == "canonical"),
            metas.get("og:url", ""),
        ),
        kind=metas.get("og:type", "").lower(),
        dates=tuple(dates),
        authors=tuple(
            dict.fromkeys(
                n for a in authors if (n := _squeeze(a)) and "://" not in n and len(n) < 80
            )
        ),
        paywalled=any(
            str(a.get("isAccessibleForFree", "")).lower() in {"false", "no", "0"} for a in articles
        ),
    )


def _rel(link: HtmlElement) -> str:
    return (link.get("rel") or "").strip().lower()


def _squeeze(text: str) -> str:
    return " ".join(html.unescape(text).split())


def _string(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _json_ld(tree: HtmlElement) -> Iterator[dict[str, Any]]:
    """Objects of an article type in the page's JSON-LD, at any depth of its lists and graphs."""
    for script in tree.iter("script"):
        if "ld+json" not in (script.get("type") or "").lower():
            continue
        try:
            # Outlets leave raw line breaks inside strings.
            data = json.loads(_CONTROL.sub(" ", script.text or ""))
        except (ValueError, RecursionError):
            continue
        waiting = [data]
        while waiting:
            node = waiting.pop(0)
            if isinstance(node, list):
                waiting.extend(node)
            elif isinstance(node, dict):
                waiting.extend(v for k, v in node.items() if k in {"@graph", "mainEntity"})
                if _ARTICLE_TYPES.search(str(node.get("@type", ""))):
                    yield node


def _names(author: Any) -> list[str]:
    if isinstance(author, list):
        return [name for one in author for name in _names(one)]
    if isinstance(author, dict):
        return _names(author.get("name"))
    return [author] if isinstance(author, str) else []


def _titles(
    tree: HtmlElement, metas: dict[str, str], articles: list[dict[str, Any]]
) -> tuple[str, str, str, list[str]]:
    """<title>, og:title, JSON-LD's headline and the <h1> headings."""
    return (
        _squeeze("".join(tree.xpath("//title[1]//text()"))),
        _squeeze(metas.get("og:title", "")),
        _squeeze(_string(articles[0].get("headline"))) if articles else "",
        [_squeeze(h.text_content()) for h in tree.iter("h1")],
    )


def _headline(page: str, shared: str, headline: str, headings: list[str]) -> str:
    """The heading that <title> or og:title repeats, else the shortest of them.

    og:title and <title> carry the outlet's name before or after the headline.
    """
    headings = [h for h in headings if len(h.split()) >= HEADLINE_WORDS]
    for heading in headings:
        if heading in page or heading in shared:
            return heading
    if len(headings) == 1:
        return headings[0]
    named = [t for t in (headline, shared, page) if t]
    named = [t for t in named if len(t.split()) >= HEADLINE_WORDS] or named
    if named == [page]:
        # «outlet :: headline» or the reverse: the headline is the longer part.
        return max(_TITLE_PARTS.split(page), key=len)
    return min(named, key=len, default="")


def _visible_dates(tree: HtmlElement, title: str) -> Iterator[str]:
    """Short texts that look like the date line, those after the headline first, ten at most.

    Before the headline, where many sites show the date of the day, only what calls itself the
    article's date counts.
    """
    before: list[str] = []
    after: list[str] = []
    unmarked = -1  # elements since the headline, once it has passed
    for element in tree.iter(*_TEXT_TAGS):
        if element.tag == "h1" or (title and _squeeze(element.text or "") == title):
            unmarked = 0
            continue
        marks = " ".join(element.get(k) or "" for k in ("class", "id", "itemprop"))
        hinted = element.tag == "time" or _DATE_HINT.search(marks) is not None
        if unmarked >= 0:
            unmarked += 1
        elif not (hinted and _OWN_DATE.search(marks)):
            continue
        if not hinted and unmarked > NEAR:
            continue
        text = element.get("datetime") or _squeeze(element.text_content()[:300])
        if not 4 < len(text) < 120 or not (_YEAR if not hinted else _DIGIT).search(text):
            continue
        if any(a.tag in _SIDE for a in element.iterancestors()):
            continue
        (after if unmarked >= 0 else before).append(text)
        if len(after) >= MOST_DATES:
            break
    yield from (after + before)[:MOST_DATES]
