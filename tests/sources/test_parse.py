"""Feed documents of every shape, as text."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rasid.sources import parse_feed
from rasid.sources.parse import parse_date


BASE = "https://outlet.test/rss"

ATOM = """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>الراصد</title>
<entry><title type="html">&lt;b&gt;قصف&lt;/b&gt; مدفعي</title><id>tag:outlet.test,2026:1</id>
<link rel="alternate" href="/n/1"/><updated>2026-11-24T10:00:00+03:00</updated>
<author><name>سلمى الأحمد</name></author>
<content type="html">&lt;p&gt;نص الخبر كاملا&lt;/p&gt;</content></entry></feed>"""

FULL = """<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"
xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>نشرة</title><ttl>30</ttl><item>
<title>عودة الهدوء</title><guid isPermaLink="true">https://outlet.test/n/2</guid>
<dc:creator>هيئة التحرير</dc:creator><description>موجز</description>
<content:encoded><![CDATA[<p>عاد الهدوء إلى الحي.</p>]]></content:encoded></item></channel></rss>"""

RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">
<channel rdf:about="x"><title>قديم</title></channel>
<item rdf:about="https://outlet.test/n/3"><title>خبر</title><link>https://outlet.test/n/3</link></item>
</rdf:RDF>"""

SITEMAP = """<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"
xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"><url><loc>https://outlet.test/n/4</loc>
<news:news><news:publication><news:name>الراصد</news:name></news:publication>
<news:publication_date>2026-11-24T08:00Z</news:publication_date><news:title>انتشار في الحي</news:title>
</news:news></url><url><loc>https://outlet.test/n/5</loc><lastmod>2026-11-23</lastmod></url></urlset>"""


def only(document: str):
    parsed = parse_feed(document, url=BASE)
    assert parsed.outcome == "ok"
    return parsed.items[0]


def test_atom_with_relative_links_and_escaped_titles() -> None:
    item = only(ATOM)
    assert (item.url, item.title) == ("https://outlet.test/n/1", "قصف مدفعي")
    assert item.content == "<p>نص الخبر كاملا</p>"
    assert item.published_at == datetime(2026, 11, 24, 7, tzinfo=UTC)
    assert item.authors == ("سلمى الأحمد",)


def test_rss_with_full_content_and_a_permalink_guid() -> None:
    item = only(FULL)
    assert (item.url, item.guid) == ("https://outlet.test/n/2", "https://outlet.test/n/2")
    assert (item.summary, item.content) == ("موجز", "<p>عاد الهدوء إلى الحي.</p>")
    assert item.authors == ("هيئة التحرير",)
    assert item.published_at is None
    assert parse_feed(FULL, url=BASE).ttl == 30


def test_rdf() -> None:
    assert only(RDF).url == "https://outlet.test/n/3"


def test_a_news_sitemap_is_a_feed_with_titles_and_dates() -> None:
    parsed = parse_feed(SITEMAP, url="https://outlet.test/newssitemap.xml")
    assert [i.title for i in parsed.items] == ["انتشار في الحي", ""]
    assert parsed.items[0].published_at == datetime(2026, 11, 24, 8, tzinfo=UTC)
    assert parsed.items[1].published_at == datetime(2026, 11, 23, tzinfo=UTC)


def test_cards_cut_inside_an_entity_lose_the_stump_only() -> None:
    cut = FULL.replace(
        "<description>موجز", "<description>قتل شخصان &amp;quot;قرب&amp;quot; المدينة &amp;#"
    )
    assert only(cut).summary == 'قتل شخصان "قرب" المدينة'


def test_characters_that_xml_forbids_do_not_break_a_feed() -> None:
    assert only(FULL.replace("عودة", "عو\x0bد\x00ة")).title == "عودة الهدوء"


@pytest.mark.parametrize(
    ("raw", "zone", "expected"),
    [
        ("Tue, 24 Nov 2026 10:00:00 +0300", "UTC", datetime(2026, 11, 24, 7, tzinfo=UTC)),
        ("Tue, 24 Nov 2026 10:00:00 GMT", "Asia/Aden", datetime(2026, 11, 24, 10, tzinfo=UTC)),
        ("2026-11-24 10:00:00", "Asia/Aden", datetime(2026, 11, 24, 7, tzinfo=UTC)),
        ("2026-11-24T10:00:00Z", "Asia/Aden", datetime(2026, 11, 24, 10, tzinfo=UTC)),
        ("24 Nov 2026 10:00:00", "Asia/Aden", datetime(2026, 11, 24, 7, tzinfo=UTC)),
        ("Tue, 24 Nov 2026 10:00:00 AST", "UTC", datetime(2026, 11, 24, 7, tzinfo=UTC)),
        ("Tue, 24 Nov 2026 10:00:00 EET", "Africa/Cairo", datetime(2026, 11, 24, 8, tzinfo=UTC)),
        ("Tue, 24 Nov 2026 10:00:00 -0000", "Asia/Aden", datetime(2026, 11, 24, 10, tzinfo=UTC)),
        ("الثلاثاء 24 نوفمبر", "UTC", None),
        ("0001-01-01T00:00:00", "UTC", None),
        ("9999-12-31T23:59:59-12:00", "UTC", None),
        ("", "UTC", None),
        ("soon", "UTC", None),
    ],
)
def test_feed_dates(raw: str, zone: str, expected: datetime | None) -> None:
    assert parse_date(raw, zone) == expected


@pytest.mark.parametrize(
    "document",
    [
        "<rss version='2.0'><channel><item><title>&#1114112;</title></item></channel>",
        "<urlset><http:><url><loc>https://outlet.test/a</loc></url></urlset>",
        "<rss" + "<div>" * 5000,
        "<feed>" + "<![CDATA[" * 100,
    ],
)
def test_markup_that_breaks_the_parsers_is_data(document: str) -> None:
    """Found by bench/fuzz.py: the libraries raise for these, a poll must not."""
    assert parse_feed(document, url=BASE).outcome in {"ok", "bad_feed", "empty_feed"}
