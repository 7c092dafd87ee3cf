"""Backfill: older articles by WordPress REST or sitemaps, page by page."""

from __future__ import annotations

import asyncio
import json

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from rasid.errors import FetchError
from rasid.sources import Feed, history_page
from rasid.web import GuardedClient


FEED = Feed("f", "F", "https://outlet.test/ar/feed", min_interval=0.0)
SINCE, UNTIL = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 10, tzinfo=UTC)


def told(answer) -> list:
    """All pages of the history that a transport answering by path and query tells."""

    async def main() -> list:
        transport = httpx.MockTransport(answer)
        async with GuardedClient(
            allow_hosts=frozenset(), user_agent="Rasid/0.1", transport=transport
        ) as client:
            pages, cursor = [], ""
            while True:
                page = await history_page(client, FEED, since=SINCE, until=UNTIL, cursor=cursor)
                pages.append(page)
                cursor = page.cursor
                if not cursor:
                    return pages

    return asyncio.run(main())


def post(n: int) -> dict:
    return {
        "link": f"https://outlet.test/n/{n}",
        "date_gmt": f"2026-11-0{n}T10:00:00",
        "title": {"rendered": f"خبر &#8211; {n}"},
        "excerpt": {"rendered": "<p>موجز</p>"},
    }


def test_wordpress_is_asked_page_by_page_for_the_days_wanted() -> None:
    asked = []

    def wordpress(request: httpx.Request) -> httpx.Response:
        if request.url.path != "/wp-json/wp/v2/posts":
            return httpx.Response(404)
        query = parse_qs(urlsplit(str(request.url)).query)
        asked.append((query["after"][0], query["before"][0], query["page"][0]))
        posts = [post(int(query["page"][0]))]
        headers = {"X-WP-Total": "3", "X-WP-TotalPages": "3"}
        return httpx.Response(200, content=json.dumps(posts), headers=headers)

    pages = told(wordpress)
    items = [item for page in pages for item in page.items]
    assert [i.url for i in items] == [f"https://outlet.test/n/{n}" for n in (1, 2, 3)]
    assert (items[0].title, items[0].summary) == ("خبر – 1", "موجز")
    assert items[0].published_at == datetime(2026, 11, 1, 10, tzinfo=UTC)
    assert pages[0].total == 3
    assert asked == [("2026-11-01T00:00:00", "2026-11-10T00:00:00", n) for n in "123"]


INDEX = """<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
<sitemap><loc>https://outlet.test/old.xml</loc><lastmod>2025-01-01</lastmod></sitemap>
<sitemap><loc>https://outlet.test/new.xml</loc><lastmod>2026-11-09</lastmod></sitemap>
<sitemap><loc>https://outlet.test/undated.xml</loc></sitemap></sitemapindex>"""
NEW = """<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
<url><loc>https://outlet.test/</loc><lastmod>2026-11-05</lastmod></url>
<url><loc>https://outlet.test/n/1</loc><lastmod>2026-11-05T10:00:00Z</lastmod></url>
<url><loc>https://outlet.test/n/2</loc><lastmod>2026-12-05</lastmod></url>
<url><loc>https://outlet.test/n/3</loc></url>
<url><loc>https://casino.test/n/4</loc><lastmod>2026-11-05</lastmod></url></urlset>"""


@pytest.mark.parametrize("named", [True, False])
def test_sitemaps_are_walked_where_there_is_no_wordpress(named) -> None:
    asked = []
    files = {"/undated.xml": NEW.replace("/n/1", "/n/9"), "/new.xml": NEW}
    files["/map-of-news.xml" if named else "/sitemap_index.xml"] = INDEX
    if named:
        files["/robots.txt"] = "Sitemap: https://outlet.test/map-of-news.xml"

    def site(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        body = files.get(request.url.path)
        return httpx.Response(404) if body is None else httpx.Response(200, content=body)

    items = [item.url for page in told(site) for item in page.items]
    assert items == ["https://outlet.test/n/1", "https://outlet.test/n/9"]
    assert "/old.xml" not in asked


def test_a_source_that_offers_neither_says_so() -> None:
    with pytest.raises(FetchError) as caught:
        told(lambda _: httpx.Response(404))
    assert caught.value.outcome == "not_found"


def test_an_index_that_names_itself_is_no_circle() -> None:
    circle = INDEX.replace("/undated.xml", "/sitemap.xml").replace("/new.xml", "/sitemap.xml")
    files = {"/sitemap.xml": circle}

    def site(request: httpx.Request) -> httpx.Response:
        body = files.get(request.url.path)
        return httpx.Response(404) if body is None else httpx.Response(200, content=body)

    assert [page.items for page in told(site)] == [(), (), ()]
