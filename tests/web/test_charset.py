"""The charset ladder: what bytes say counts for more than what is declared of them."""

from __future__ import annotations

import pytest

from hypothesis import given
from hypothesis import strategies as st

from rasid.web import decode


TEXT = (
    "قالت مصادر محلية إن القافلة وصلت إلى أطراف المدينة في ساعة متأخرة من الليل، وإن السكان"
    " خرجوا إلى الشوارع على الرغم من البرد؛ ولم يعلن أحد عن سقوط ضحايا حتى الآن."
)


def page(declared: str | None = None) -> str:
    meta = f'<meta charset="{declared}">' if declared else ""
    return f"<html><head>{meta}<title>خبر</title></head><body><p>{TEXT}</p></body></html>"


@pytest.mark.parametrize("encoded", ["utf-8", "windows-1256", "iso-8859-6"])
@pytest.mark.parametrize(
    "declared",
    [None, "utf-8", "windows-1256", "iso-8859-6", "iso-8859-1", "windows-1252", "no-such", "rot13"],
)
@pytest.mark.parametrize("http", [None, "utf-8", "windows-1256", "x-user-defined"])
def test_arabic_is_read_whatever_is_declared(encoded, declared, http) -> None:
    text = page(declared)
    decoded = decode(text.encode(encoded), http_charset=http)
    assert (decoded.text, decoded.charset) == (text, encoded)


@pytest.mark.parametrize(
    ("body", "http", "source", "repaired"),
    [
        (page("utf-8").encode(), None, "meta", False),
        (page().encode(), "utf-8", "http", False),
        (page().encode(), None, "utf-8", False),
        (page("windows-1256").encode(), None, "utf-8", True),
        (page("windows-1256").encode("cp1256"), None, "meta", False),
        (page("utf-8").encode("cp1256"), "windows-1256", "http", False),
        (page("windows-1256").encode("cp1256"), "utf-8", "meta", True),
        (page().encode("cp1256"), None, "windows-1256", True),
        (b"\xef\xbb\xbf" + page("windows-1256").encode(), None, "bom", False),
        (page().encode("utf-16"), None, "bom", False),
    ],
)
def test_the_source_of_the_charset_is_told(body, http, source, repaired) -> None:
    decoded = decode(body, http_charset=http)
    assert (decoded.source, decoded.repaired) == (source, repaired)
    assert TEXT in decoded.text


@pytest.mark.parametrize(
    ("was", "read_as"), [("utf-8", "cp1256"), ("cp1256", "cp1252"), ("cp1256", "latin-1")]
)
def test_mojibake_that_was_saved_as_utf8_is_undone(was: str, read_as: str) -> None:
    spoilt = page().encode(was, "ignore").decode(read_as, "ignore")
    decoded = decode(spoilt.encode())
    assert "القافلة وصلت" in decoded.text
    assert decoded.repaired


def test_a_letter_cut_in_half_does_not_spoil_the_page() -> None:
    body = page("utf-8").encode()
    cut = body[: body.index("القافلة".encode()) + 1] + body[body.index(" وصلت".encode()) :]
    decoded = decode(cut)
    assert (decoded.charset, decoded.repaired) == ("utf-8", True)
    assert "وصلت إلى أطراف المدينة" in decoded.text


@pytest.mark.parametrize(
    ("text", "charset", "declared"),
    [
        ("L'été dernier à Genève", "latin-1", "iso-8859-1"),
        ("Über die Straße gehen", "cp1252", "windows-1252"),
        ("Ночью в городе было тихо", "cp1251", "windows-1251"),
    ],
)
def test_other_languages_keep_what_they_declare(text: str, charset: str, declared: str) -> None:
    body = f'<meta charset="{declared}"><p>{text}</p>'.encode(charset)
    assert text in decode(body).text


def test_an_arabic_article_about_paris_in_windows_1256_keeps_its_french() -> None:
    text = page("windows-1256").replace("<p>", "<p>Café de Paris — ")
    assert decode(text.encode("cp1256")).text == text


@pytest.mark.parametrize("headline", ["خبر عاجل", "انفجار", "قصف مدفعي"])
def test_a_lone_headline_without_a_common_word_is_read(headline: str) -> None:
    assert (
        decode(f"<title>{headline}</title>".encode("cp1256")).text == f"<title>{headline}</title>"
    )


def test_bytes_that_fit_nothing_have_no_charset() -> None:
    assert decode(bytes((n * 7919 + n * n * 31) % 256 for n in range(5000))).charset == ""


@given(st.binary(max_size=300), st.sampled_from([None, "utf-8", "hex", "utf-7", "idna", "\x00"]))
def test_no_bytes_make_it_fail(body: bytes, http: str | None) -> None:
    assert isinstance(decode(body, http_charset=http).text, str)
