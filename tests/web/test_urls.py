"""Identity of addresses: the table of ingestion.md §3.7 and properties that hold for all."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from hypothesis import given, settings
from hypothesis import strategies as st

from rasid.web import canonical_url, entry_id, site


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        (
            "https://marebpress.net/news_details.php?lang=arabic&sid=200123",
            "https://marebpress.net/news_details.php?lang=arabic&sid=200123",
        ),
        ("https://Outlet.TEST/?p=12345", "https://outlet.test/?p=12345"),
        ("http://www.outlet.test/a", "https://outlet.test/a"),
        ("https://m.outlet.test/a", "https://outlet.test/a"),
        ("https://www.m.outlet.test/a", "https://outlet.test/a"),
        ("https://outlet.test/a/amp", "https://outlet.test/a"),
        ("https://outlet.test/a/amp/", "https://outlet.test/a/"),
        ("https://outlet.test/a?amp=1", "https://outlet.test/a"),
        ("https://outlet.test:443/a#comments", "https://outlet.test/a"),
        ("http://outlet.test:8080/a", "http://outlet.test:8080/a"),
        ("https://outlet.test", "https://outlet.test/"),
        ("https://outlet.test/a?", "https://outlet.test/a"),
        ("https://outlet.test/a?utm_source=x&id=7&fbclid=y", "https://outlet.test/a?id=7"),
        ("https://outlet.test/a?at_medium=RSS&ns_mchannel=x&xtor=1", "https://outlet.test/a"),
        ("https://outlet.test/%D8%AE%D8%A8%D8%B1", "https://outlet.test/خبر"),
        ("https://outlet.test/خبر", "https://outlet.test/خبر"),
        ("https://outlet.test/%d8%ae%D8%a8%d8%b1", "https://outlet.test/خبر"),
        ("https://outlet.test/a%2Fb%20c", "https://outlet.test/a%2Fb%20c"),
        ("https://outlet.test/a%2fb c", "https://outlet.test/a%2Fb%20c"),
        ("https://outlet.test/%CE%C8%D1.html", "https://outlet.test/%CE%C8%D1.html"),  # cp1256
        ("https://outlet.test/\u0623\u200f", "https://outlet.test/\u0623"),
        ("https://outlet.test/\u0627\u0654", "https://outlet.test/\u0623"),  # composed
        (" https://outlet.test/a\n", "https://outlet.test/a"),
        ("https://موقع.test/a", "https://xn--4gbrim.test/a"),
        ("https://xn--4gbrim.test/a", "https://xn--4gbrim.test/a"),
        ("mailto:x@outlet.test", ""),
        ("javascript:void(0)", ""),
        ("https://[broken/", ""),
        ("https://outlet.test:99999/", ""),
        ("/relative", ""),
        ("", ""),
    ],
)
def test_canonical_addresses(url: str, canonical: str) -> None:
    assert canonical_url(url) == canonical


def test_a_relative_address_is_joined_to_its_base() -> None:
    assert canonical_url("/a?sid=1", "http://www.outlet.test/rss") == "https://outlet.test/a?sid=1"
    assert (
        canonical_url("//cdn.outlet.test/a", "https://outlet.test/") == "https://cdn.outlet.test/a"
    )


@pytest.mark.parametrize(
    "name",
    [
        "id",
        "nid",
        "sid",
        "cid",
        "newsid",
        "news_id",
        "art",
        "artid",
        "article",
        "articleid",
        "story",
        "storyid",
        "aid",
        "pid",
        "p",
        "k",
        "t",
        "uid",
        "ref",
        "source",
        "num",
        "no",
        "item",
        "doc",
        "catid",
        "section",
        "post",
    ],
)
def test_a_parameter_that_may_name_the_article_is_kept(name: str) -> None:
    one, two = (canonical_url(f"https://outlet.test/n.php?{name}={n}") for n in (1, 2))
    assert one != two


URLS = st.builds(
    "{}://{}{}/{}?{}#{}".format,
    st.sampled_from(["http", "https", "HTTPS"]),
    st.sampled_from(
        ["outlet.test", "www.outlet.test", "m.outlet.test", "WWW.M.Outlet.Test", "m.test"]
    ),
    st.sampled_from(["", ":80", ":443", ":8080"]),
    st.text(max_size=20),
    st.text(max_size=20),
    st.text(max_size=5),
)


@settings(max_examples=500)
@given(st.one_of(URLS, st.text(max_size=60)))
def test_any_text_has_a_canonical_form_and_it_is_its_own(url: str) -> None:
    """Total and idempotent: no text raises, and a canonical URL stays what it is."""
    once = canonical_url(url)
    assert canonical_url(once) == once
    assert len(entry_id(once)) == 32


@settings(max_examples=300)
@given(st.text(alphabet="ابتثجحخدذرزسشصضطظعغفقكلمنهويأإآةىئؤء-_0123456789ab/", min_size=1))
def test_an_arabic_path_and_its_escapes_are_one_article(path: str) -> None:
    raw = canonical_url(f"https://outlet.test/{path}")
    assert canonical_url(f"https://outlet.test/{quote(path)}") == raw
    assert canonical_url(f"https://outlet.test/{quote(path).lower()}") in {raw, raw.lower()}


@settings(max_examples=300)
@given(
    st.dictionaries(st.sampled_from(["sid", "id", "a", "b", "c"]), st.integers(0, 99), min_size=1),
    st.lists(st.sampled_from(["utm_source=x", "fbclid=1", "gclid=2", "utm_campaign="]), max_size=3),
)
def test_tracking_parameters_never_matter_and_others_always_do(query, tracking) -> None:
    own = [f"{k}={v}" for k, v in query.items()]
    plain = canonical_url("https://outlet.test/n?" + "&".join(own))
    assert canonical_url("https://outlet.test/n?" + "&".join(tracking + own)) == plain
    assert all(pair in plain for pair in own)


def test_the_registrable_domain_of_a_host() -> None:
    assert site("feeds.bbci.co.uk") == "bbci.co.uk"
    assert site("www.alquds.com") == "alquds.com"
    assert site("127.0.0.1") == "127.0.0.1"
    assert site("outlet.gov.ly") == "outlet.gov.ly"
