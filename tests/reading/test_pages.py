"""Pages to articles: own pages with known truth, real pages where they are, every encoding."""

from __future__ import annotations

import json
import re

from datetime import UTC, datetime
from pathlib import Path

import pytest

from rasid.reading import Reading, read_fragment, read_page


OWN = Path(__file__).parents[1] / "data" / "pages"
TRUTH = json.loads((OWN / "truth.json").read_text("utf-8"))
ARTICLES = [name for name, truth in TRUTH.items() if truth["outcome"] == "ok"]
SHARED = Path(__file__).parents[2] / "../shared/pages"
real = pytest.mark.skipif(not SHARED.exists(), reason="the shared pages are not on this machine")
TODAY = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)


def read(name: str, body: bytes | None = None, **options) -> Reading:
    body = (OWN / name).read_bytes() if body is None else body
    zone = {"today": TODAY, "timezone": "Asia/Baghdad"}
    return read_page(body, **{"url": TRUTH[name]["url"], **zone, **options})


def reencoded(page: str, charset: str, declared: str | None) -> bytes:
    """`page` in another charset, with that declaration or with none at all."""
    page = re.sub(r"<meta[^>]*charset[^>]*>", "", page, flags=re.IGNORECASE)
    page = re.sub(r"<\?xml[^>]*\?>", "", page)
    if declared:
        page = page.replace("<head>", f'<head><meta charset="{declared}">', 1)
    return page.encode(charset, "xmlcharrefreplace")


@pytest.mark.parametrize("name", TRUTH)
def test_every_page_has_the_outcome_it_deserves(name: str) -> None:
    reading = read(name)
    assert (reading.outcome, reading.error if reading.outcome == "ok" else "") == (
        TRUTH[name]["outcome"],
        "",
    )


@pytest.mark.parametrize("name", ARTICLES)
def test_an_article_is_its_paragraphs_and_nothing_else(name: str) -> None:
    truth = TRUTH[name]
    reading = read(name)
    assert reading.title == truth["title"]
    lines = reading.text.split("\n")
    assert [p for p in truth["paragraphs"] if p not in lines] == []
    assert [line for line in lines if line not in truth["paragraphs"]] == []


@pytest.mark.parametrize("name", ARTICLES)
def test_the_date_is_the_one_shown(name: str) -> None:
    want, reading = TRUTH[name]["published"], read(name)
    if not want:
        assert (reading.published_at, "date_missing" in reading.flags) == (None, True)
        return
    if "T" in want:
        assert reading.published_at.strftime("%Y-%m-%dT%H:%M") == want
    else:
        assert reading.published_precision == "day"
        assert (reading.published_at.timestamp() + 3 * 3600) % 86_400 == 0
        assert (
            datetime.fromtimestamp(reading.published_at.timestamp() + 3 * 3600, UTC).strftime(
                "%Y-%m-%d"
            )
            == want
        )


@pytest.mark.parametrize("name", ARTICLES)
@pytest.mark.parametrize("charset", ["windows-1256", "iso-8859-6"])
@pytest.mark.parametrize("declared", ["own", "none", "utf-8", "http"])
def test_another_encoding_declared_or_not_gives_the_same_text(name, charset, declared) -> None:
    page = (OWN / name).read_text("utf-8")
    body = reencoded(page, charset, {"own": charset, "utf-8": "utf-8"}.get(declared))
    reading = read(name, body, http_charset=charset if declared == "http" else None)
    plain = read(name)
    assert (reading.text, reading.title) == (plain.text, plain.title)
    assert reading.charset == charset
    assert ("charset_repaired" in reading.flags) == (declared in {"none", "utf-8"})


def test_authors_and_the_paywall_come_from_json_ld() -> None:
    reading = read("30-paywalled.html")
    assert reading.authors == tuple(TRUTH["30-paywalled.html"]["authors"])
    assert "paywalled" in reading.flags


def test_the_feeds_date_wins_and_a_contradiction_is_flagged() -> None:
    name = ARTICLES[0]
    day = datetime(2026, 11, 20, 5, tzinfo=UTC)
    agreeing = read(name, feed_published=day)
    assert (agreeing.published_at, agreeing.published_source) == (day, "feed")
    assert "date_conflict" not in agreeing.flags
    other = read(name, feed_published=datetime(2026, 11, 10, tzinfo=UTC))
    assert (other.published_source, "date_conflict" in other.flags) == ("feed", True)


def test_a_date_to_come_is_flagged_and_kept() -> None:
    later = datetime(2026, 12, 24, tzinfo=UTC)
    reading = read(ARTICLES[0], feed_published=later)
    assert (reading.published_at, "date_future" in reading.flags) == (later, True)


def test_an_arabic_date_of_the_feed_is_read() -> None:
    reading = read(ARTICLES[0], feed_published_raw="الجمعة 20 تشرين الثاني 2026 - 08:31")
    assert reading.published_source == "feed"
    assert reading.published_at == datetime(2026, 11, 20, 5, 31, tzinfo=UTC)


def test_the_canonical_address_must_stay_on_the_site() -> None:
    page = (OWN / ARTICLES[0]).read_text("utf-8")
    own = TRUTH[ARTICLES[0]]["url"]
    stolen = page.replace(f'href="{own}"', 'href="https://thief.test/1"').encode()
    assert read(ARTICLES[0], stolen).canonical_url == own
    moved = page.replace(f'href="{own}"', 'href="/news/77?utm_source=x"').encode()
    assert read(ARTICLES[0], moved).canonical_url == "https://nashra.test/news/77"


@pytest.mark.parametrize("body", [b"", b" ", b"<", b"<html></html>", b"\xff\xfe", b"<!-- -->"])
def test_a_page_with_nothing_in_it_has_no_text(body: bytes) -> None:
    assert read(ARTICLES[0], body).outcome == "no_text"


def test_bytes_that_are_no_text_are_bad_encoding() -> None:
    noise = bytes((n * 7919 + n * n * 31) % 256 for n in range(5000))
    assert read(ARTICLES[0], noise).outcome == "bad_encoding"


def test_a_full_text_feed_gives_the_article_itself() -> None:
    paragraphs = TRUTH[ARTICLES[0]]["paragraphs"]
    reading = read_fragment(
        "".join(f"<p>{p}</p>" for p in paragraphs),
        url="https://nashra.test/news/9?utm_medium=rss",
        title="عنوان",
        feed_published=TODAY,
        today=TODAY,
    )
    assert (reading.outcome, reading.method) == ("ok", "feed")
    assert reading.text.split("\n") == paragraphs
    assert reading.canonical_url == "https://nashra.test/news/9"


def real_pages() -> list[tuple[str, str, str]]:
    """(file, url, day) of the real Arabic pages whose date is known."""
    known = json.loads((SHARED / "dates.expected.json").read_text("utf-8"))
    pages = [(v["file"], url, v["date"]) for url, v in known.items() if "aryanews" not in url]
    cnn = json.loads((SHARED / "test_cnn_arabic.expected.json").read_text("utf-8"))
    return [
        *pages,
        ("test_cnn_arabic.html", cnn["url"], "2013-08-04"),
        (
            "LBCGroup_2026_01_08.html",
            "https://www.lbcgroup.tv/news/lifestyle/898682/x/ar",
            "2026-01-08",
        ),
        ("assabah.com.tn.article.html", "http://www.assabah.com.tn/article/164913/x", ""),
    ]


@real
def test_real_pages_are_read_with_their_dates() -> None:
    for file, url, day in real_pages():
        reading = read_page(
            (SHARED / file).read_bytes(), url=url, timezone="Asia/Dubai", today=TODAY
        )
        assert (file, reading.outcome) == (file, "ok")
        if day:
            local = datetime.fromtimestamp(reading.published_at.timestamp() + 4 * 3600, UTC)
            assert (file, local.strftime("%Y-%m-%d")) == (file, day)


@real
def test_real_pages_have_their_expected_text() -> None:
    lbci = json.loads((SHARED / "LBCGroup.expected.json").read_text("utf-8"))["V1"]
    paragraphs = lbci["body"]["sections"][0]["paragraphs"]
    page = (SHARED / "LBCGroup_2026_01_08.html").read_bytes()
    reading = read_page(page, url="https://www.lbcgroup.tv/news/1", today=TODAY)
    assert [p for p in paragraphs if " ".join(p.split()) not in reading.text] == []
    assert reading.published_at == datetime(2026, 1, 8, 11, 42, 50, tzinfo=UTC)
    (assabah,) = json.loads((SHARED / "assabah.expected.json").read_text("utf-8")).values()
    page = (SHARED / assabah["file"]).read_bytes()
    reading = read_page(page, url="http://www.assabah.com.tn/article/1", today=TODAY)
    assert all(piece in reading.text for piece in assabah["with"])
    assert not any(piece in reading.text for piece in assabah["without"])
    assert reading.title == " ".join(assabah["title"].split())
    cnn = json.loads((SHARED / "test_cnn_arabic.expected.json").read_text("utf-8"))
    page = (SHARED / "test_cnn_arabic.html").read_bytes()
    reading = read_page(page, url=cnn["url"], today=TODAY)
    assert cnn["expected"]["cleaned_text"] in reading.text


@real
def test_the_persian_page_is_refused() -> None:
    page = (SHARED / "persian_control.html").read_bytes()
    reading = read_page(page, url="https://control.test/News/1", today=TODAY)
    assert (reading.outcome, reading.language) == ("not_arabic", "fa")


@real
@pytest.mark.parametrize("charset", ["windows-1256", "iso-8859-6"])
@pytest.mark.parametrize("declared", [True, False])
def test_real_pages_in_other_encodings_give_the_same_text(charset: str, declared) -> None:
    for file, url, _ in real_pages():
        page = (SHARED / file).read_bytes().decode("utf-8")
        body = reencoded(page, charset, charset if declared else None)
        plain = read_page(page.encode(), url=url, today=TODAY)
        other = read_page(body, url=url, today=TODAY)
        assert (file, other.text, other.charset) == (file, plain.text, charset)
