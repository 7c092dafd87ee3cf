"""Older articles of a source, for backfills: WordPress REST where it is open, else sitemaps.

A page at a time, with a cursor between pages, so that a backfill can stop anywhere and go on.
"""

from __future__ import annotations

import json

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode, urljoin, urlsplit

from rasid.errors import FetchError, NotFound
from rasid.sources.parse import FeedItem, item_of, parse_feed, plain_text, sitemaps_in
from rasid.sources.registry import Feed
from rasid.web import Fetched, GuardedClient, Robots, decode


PER_PAGE = 100  # WordPress allows no more
_SITEMAPS = ("/sitemap.xml", "/sitemap_index.xml", "/wp-sitemap.xml")


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Items of one step; `cursor` fetches the next, "" when all is told. `total` where known."""

    items: tuple[FeedItem, ...]
    cursor: str
    total: int | None = None


async def history_page(
    client: GuardedClient, feed: Feed, *, since: datetime, until: datetime, cursor: str = ""
) -> HistoryPage:
    """One step of `feed`'s articles published from `since` to `until`; FetchError when it fails.

    NotFound when the source offers neither WordPress REST nor a sitemap.
    """
    way, _, rest = cursor.partition(":")
    if way != "sitemap":
        try:
            return await _wordpress(client, feed, since, until, int(rest or 1))
        except NotFound:
            if cursor:
                raise
        except FetchError as error:
            # Closed for strangers, or no JSON behind that address: no WordPress for us.
            if cursor or error.outcome not in {"forbidden", "foreign_host", "redirect_loop"}:
                raise
    waiting = rest.split("\n") if rest else await _sitemaps(client, feed)
    return await _sitemap(client, feed, since, until, waiting)


async def _wordpress(
    client: GuardedClient, feed: Feed, since: datetime, until: datetime, page: int
) -> HistoryPage:
    """https://developer.wordpress.org/rest-api/reference/posts/."""
    query = {
        "after": since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        "before": until.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        "dates_are_gmt": "true",
        "per_page": PER_PAGE,
        "page": page,
        "orderby": "date",
        "order": "asc",
        "_fields": "link,date_gmt,title,excerpt",
    }
    address = urljoin(feed.url, "/wp-json/wp/v2/posts") + "?" + urlencode(query)
    answer = await _get(client, feed, address)
    try:
        posts = json.loads(answer.body)
        items = tuple(_post(post, feed) for post in posts)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise NotFound("no WordPress posts there") from error
    pages = _count(answer.headers.get("x-wp-totalpages", ""))
    more = page < pages if pages is not None else len(items) == PER_PAGE
    total = _count(answer.headers.get("x-wp-total", ""))
    cursor = f"wordpress:{page + 1}" if more else ""
    return HistoryPage(tuple(i for i in items if i.canonical_url), cursor, total)


def _post(post: dict[str, dict[str, str]], feed: Feed) -> FeedItem:
    raw = str(post.get("date_gmt") or "")
    return item_of(
        str(post["link"]),
        feed.url,
        title=plain_text(post["title"]["rendered"]),
        summary=plain_text(post["excerpt"]["rendered"]) if "excerpt" in post else "",
        published_at=datetime.fromisoformat(raw).replace(tzinfo=UTC) if raw else None,
        published_raw=raw,
    )


async def _sitemaps(client: GuardedClient, feed: Feed) -> list[str]:
    """Addresses of the source's sitemaps: those its robots.txt names, else a usual one."""
    try:
        answer = await _get(client, feed, urljoin(feed.url, "/robots.txt"))
        named = list(Robots.parse(answer.body.decode("utf-8", "replace"), "").rules.sitemaps)
    except NotFound:
        named = []
    if named:
        return named
    for path in _SITEMAPS:
        try:
            return [(await _get(client, feed, urljoin(feed.url, path))).final_url]
        except NotFound:
            continue
    raise NotFound("neither WordPress posts nor a sitemap")


async def _sitemap(
    client: GuardedClient, feed: Feed, since: datetime, until: datetime, waiting: list[str]
) -> HistoryPage:
    """Items of the first waiting sitemap; an index adds its own to the queue.

    Those are marked by "+": an index may not name indexes (sitemaps.org), and one that does could
    lead us in circles.
    """
    address, *waiting = waiting
    try:
        answer = await _get(client, feed, address.removeprefix("+"))
    except NotFound:  # indexes name sitemaps that are gone
        return HistoryPage((), _cursor(waiting))
    text = decode(answer.body, http_charset=answer.http_charset).text
    # A sitemap changed before `since` has nothing newer; one without a date may have.
    named = [] if address.startswith("+") else sitemaps_in(text)
    inner = [f"+{loc}" for loc, changed in named if changed is None or changed >= since]
    parsed = parse_feed(text, url=answer.final_url, timezone=feed.timezone)
    items = tuple(i for i in parsed.items if _within(i, feed, since, until))
    return HistoryPage(items, _cursor([*inner, *waiting]))


def _cursor(waiting: list[str]) -> str:
    return "sitemap:" + "\n".join(waiting) if waiting else ""


def _within(item: FeedItem, feed: Feed, since: datetime, until: datetime) -> bool:
    """Whether a sitemap's item may be an article of that time; one without a date may not."""
    is_page = bool(urlsplit(item.url).path.strip("/") or urlsplit(item.url).query)
    at = item.published_at
    return is_page and at is not None and since <= at <= until and feed.owns(item.url)


async def _get(client: GuardedClient, feed: Feed, address: str) -> Fetched:
    return await client.get(
        address,
        deadline=feed.timeout,
        min_interval=feed.min_interval,
        max_bytes=50 << 20,  # the limit of the sitemap protocol
        respect_robots=feed.respects_robots,
        sites=feed.sites,
    )


def _count(value: str) -> int | None:
    return int(value) if value.isdecimal() else None
