"""The demo site over a real loopback socket: feeds of eight shapes, pages, validators, counts."""

from __future__ import annotations

import json

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import feedparser
import httpx
import pytest
import yaml

from lxml import html

from rasid.demo.site import (
    DEMO,
    MONTHS,
    OUTLETS,
    PORT,
    Site,
    articles,
    demo_feeds,
    expectations,
    serve,
    stories,
)
from rasid.errors import ConfigError


NOW = datetime(2026, 11, 24, 21, 30, tzinfo=UTC)
HEALTHY = [outlet.id for outlet in OUTLETS]


@pytest.fixture(scope="module")
def site():
    with serve(0, now=NOW) as running:
        yield running


@pytest.fixture(scope="module")
def client(site: Site):
    with httpx.Client(base_url=site.url) as session:
        yield session


def fetch(site: Site, client: httpx.Client, feed_id: str) -> httpx.Response:
    return client.get(next(f["url"] for f in demo_feeds(site.port) if f["id"] == feed_id))


def parsed(response: httpx.Response) -> feedparser.FeedParserDict:
    return feedparser.parse(response.content, response_headers=dict(response.headers))


def written(feed_id: str) -> set[str]:
    return {article.title for article in articles() if article.outlet.id == feed_id}


@pytest.mark.parametrize(
    ("feed_id", "version"),
    [
        ("sahel", "rss20"),
        ("furat", "atom10"),
        ("tihama", "rss20"),
        ("waraq", "rss20"),
        ("atlas", "rss20"),
        ("nile", "rss20"),
    ],
)
def test_feedparser_finds_every_article_of_a_healthy_feed(site, client, feed_id, version):
    feed = parsed(fetch(site, client, feed_id))
    assert version == feed.version
    assert len(written(feed_id)) == len(feed.entries) >= 6
    if feed_id != "waraq":
        assert not feed.bozo
        assert written(feed_id) == {entry.title for entry in feed.entries}
        assert all(entry.published_parsed for entry in feed.entries)
        newest_first = [entry.published_parsed for entry in feed.entries]
        assert all(a >= b for a, b in pairwise(newest_first))


def test_the_old_outlet_sends_windows_1256_and_names_no_charset_anywhere(site, client):
    story = next(s for s in stories(NOW, site.url) if s.article.outlet.id == "waraq")
    for response in (fetch(site, client, "waraq"), client.get(story.url)):
        assert "charset" not in response.headers["content-type"]
        assert b"charset" not in response.content
        assert b"encoding" not in response.content
        with pytest.raises(UnicodeDecodeError):
            response.content.decode("utf-8")
        assert story.article.title in response.content.decode("windows-1256")


def test_the_full_text_feed_holds_whole_articles(site, client):
    for entry in parsed(fetch(site, client, "tihama")).entries:
        story = next(s for s in stories(NOW, site.url) if s.article.title == entry.title)
        body = html.fromstring(entry.content[0].value).text_content()
        assert all(paragraph in body for paragraph in story.paragraphs)


def test_one_feed_links_to_percent_encoded_arabic_paths_that_answer(site, client):
    for entry in parsed(fetch(site, client, "atlas")).entries:
        assert "%D8" in entry.link
        assert entry.link.isascii()
        assert client.get(entry.link).status_code == 200


def test_campaign_parameters_of_a_link_do_not_change_the_page(site, client):
    link = parsed(fetch(site, client, "sahel")).entries[0].link
    assert "utm_source" in link
    assert client.get(link).content == client.get(link.partition("?")[0]).content


def test_one_feed_fails_and_one_is_a_web_page(site, client):
    assert fetch(site, client, "sada").status_code == 500
    page = fetch(site, client, "miraa")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert parsed(page).version == ""


@pytest.mark.parametrize("feed_id", sorted({*HEALTHY} - {"waraq"}))
def test_validators_are_honoured(site, client, feed_id):
    first = fetch(site, client, feed_id)
    url, etag, modified = first.url, first.headers["etag"], first.headers["last-modified"]

    def status(**headers: str) -> int:
        answer = client.get(url, headers={k.replace("_", "-"): v for k, v in headers.items()})
        assert answer.headers["etag"] == etag
        assert (answer.status_code == 304) == (answer.content == b"")
        return answer.status_code

    assert status(if_none_match=etag) == 304
    assert status(if_none_match=f'"other", W/{etag}') == 304
    assert status(if_modified_since=modified) == 304
    assert status(if_modified_since="Thu, 01 Jan 2015 00:00:00 GMT") == 200
    assert status(if_modified_since="not a date") == 200
    # RFC 9110 §13.1.3: If-Modified-Since is ignored beside If-None-Match.
    assert status(if_none_match='"other"', if_modified_since=modified) == 200


def test_the_feed_without_validators_is_the_same_at_each_request(site, client):
    first, second = (fetch(site, client, "waraq") for _ in range(2))
    assert not {"etag", "last-modified"} & {*first.headers}
    assert first.content == second.content


def test_two_sites_started_at_one_moment_say_the_same(site, client):
    with serve(0, now=NOW) as other, httpx.Client(base_url=other.url) as second:
        for outlet in OUTLETS:
            ours, theirs = client.get(outlet.feed).content, second.get(outlet.feed).content
            assert ours.replace(site.url.encode(), other.url.encode()) == theirs


def test_every_page_holds_its_headline_text_and_visible_date(site, client):
    for story in stories(NOW, site.url):
        outlet = story.article.outlet
        response = client.get(story.url)
        assert response.status_code == 200
        text = html.fromstring(response.content.decode(outlet.charset)).text_content()
        for part in (story.article.title, story.article.author, *story.paragraphs):
            assert part in text, (story.article.slug, part)
        assert outlet.day(story.published) in text


def test_dates_are_counted_back_from_the_start_and_lie_in_the_last_three_days(site):
    for story in stories(NOW, site.url):
        assert 0 < (NOW - story.published).total_seconds() < 72 * 3600


def test_weekdays_in_a_text_follow_the_day_of_publication(site):
    story = next(s for s in stories(NOW, "") if s.article.slug == "drone-strike-nabatieh-road")
    assert story.published.isoformat() == "2026-11-24T21:12:00+02:00"
    assert "صباح الثلاثاء" in story.paragraphs[0]
    assert not any("{" in part for s in stories(NOW, "") for part in (s.summary, *s.paragraphs))


def test_month_names_are_twelve_of_each_kind():
    assert {12} == {len(names) for names in MONTHS.values()}


def test_requests_are_counted_by_decoded_path_and_query(client):
    with serve(0, now=NOW) as fresh:
        story = next(s for s in stories(NOW, fresh.url) if s.article.outlet.id == "atlas")
        for url in (story.url, story.url, f"{fresh.url}/tihama/?p=1", f"{fresh.url}/_requests"):
            client.get(url)
        expected = {story.article.path: 2, "/tihama/?p=1": 1}
        assert expected == fresh.requests()
        assert expected == json.loads(client.get(f"{fresh.url}/_requests").content)


def test_the_site_listens_on_the_loopback_interface_only(site):
    assert site.server.server_address[0] == "127.0.0.1"


def test_a_closed_site_frees_its_port():
    with serve(0, now=NOW) as first:
        port = first.port
    serve(port, now=NOW).close()


def test_robots_allow_and_the_home_page_lists_the_outlets(client):
    assert client.get("/robots.txt").text == "User-agent: *\nAllow: /\n"
    home = client.get("/").text
    for outlet in OUTLETS:
        assert outlet.name in home
        assert client.get(f"/{outlet.id}/").status_code == 200
    assert client.get("/nothing").status_code == 404


def test_the_written_registry_is_the_one_of_the_code():
    assert yaml.safe_load((DEMO / "feeds.yaml").read_text("utf-8")) == {"feeds": demo_feeds(PORT)}
    assert len(demo_feeds()) == 8


def test_expectations_name_pages_of_the_site(client):
    assert len(articles()) == len({item.path for item in expectations()})
    assert all(client.get(item.path).status_code == 200 for item in expectations()[:8])


def test_a_malformed_article_is_named(tmp_path: Path, monkeypatch):
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles" / "broken.md").write_text("---\nid: 1\n---\nنص\n", "utf-8")
    monkeypatch.setattr("rasid.demo.site.DEMO", tmp_path)
    articles.cache_clear()
    try:
        with pytest.raises(ConfigError, match=r"broken\.md"):
            articles()
    finally:
        articles.cache_clear()
