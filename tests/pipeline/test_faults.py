"""The fault list's rows about articles, over real sockets: one run, one page per row.

Each entry ends in exactly the outcome, cause and flags that docs/operating.md names. The rows
about feeds and connections are in tests/web.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import yaml

from rasid.demo.site import Resource
from rasid.reading import page as reading


pytestmark = pytest.mark.node

PAGES = Path(__file__).parents[1] / "data" / "pages"
CONFLICT = ("date_conflict",)  # the pages of tests/data have dates of their own
SENTENCES = (
    "افتتحت البلدية صباح اليوم الجسر الجديد الذي يربط ضفتي النهر بعد عامين من العمل المتواصل،",
    "وحضر الافتتاح عدد كبير من الأهالي الذين انتظروا طويلا هذا المشروع لأنه يختصر الطريق إلى السوق.",
    "وقال المهندس المشرف إن الأعمال المتبقية تقتصر على الإنارة وزراعة الأشجار على الجانبين،",
    "وإنها ستنتهي قبل نهاية الشهر المقبل إن سمحت الأحوال الجوية بذلك.",
)


def article(number: int, *, head: str = "", charset: str = "utf-8", declared: str = "") -> bytes:
    """A page with a text of its own."""
    body = "".join(f"<p>{s} ({number}-{n})</p>" for n, s in enumerate(SENTENCES * 2))
    meta = f'<meta charset="{declared}">' if declared else ""
    return (
        f"<html><head>{meta}<title>خبر رقم {number}</title>{head}</head><body><article>"
        f"<h1>خبر رقم {number}</h1>{body}</article></body></html>"
    ).encode(charset)


@dataclass(frozen=True)
class Row:
    """What the server does, and what it is called; `hours_ago` of the feed's date, None: undated."""

    does: str
    page: bytes
    outcome: str
    cause: str | None = None
    flags: tuple[str, ...] = ()
    status: int = 200
    link: str = ""
    hours_ago: float | None = 1.0


def rows(site: str) -> list[Row]:
    dated = '<meta property="article:published_time" content="2024-01-05T10:00:00Z">'
    canonical = f'<link rel="canonical" href="{site}/sound">'
    printed = f'<link rel="canonical" href="{site}/whole">'
    noise = bytes((n * 7919 + n * n * 31) % 256 for n in range(5000))
    return [
        Row("sound", article(1), "indexed"),
        Row("gone-404", b"x", "dropped", "not_found", status=404),
        Row("gone-410", b"x", "dropped", "gone", status=410),
        Row("forbidden", b"x", "dropped", "forbidden", status=403),
        Row("broken-server", b"x", "waiting", "server_error", status=500),
        Row("home", (PAGES / "32-home.html").read_bytes(), "dropped", "not_an_article", link="/"),
        Row("list", (PAGES / "34-list.html").read_bytes(), "dropped", "not_an_article"),
        Row("soft-404", (PAGES / "35-soft-404.html").read_bytes(), "dropped", "not_an_article"),
        Row("short", (PAGES / "31-short.html").read_bytes(), "quarantined", "no_text", CONFLICT),
        Row(
            "paywall",
            (PAGES / "30-paywalled.html").read_bytes(),
            "indexed",
            None,
            (*CONFLICT, "paywalled"),
        ),
        Row("persian", (PAGES / "36-persian.html").read_bytes(), "dropped", "not_arabic"),
        Row("urdu", (PAGES / "37-urdu.html").read_bytes(), "dropped", "not_arabic"),
        Row("kurdish", (PAGES / "38-kurdish.html").read_bytes(), "dropped", "not_arabic"),
        Row("english", (PAGES / "39-english.html").read_bytes(), "dropped", "not_arabic"),
        Row("undeclared", article(2, charset="cp1256"), "indexed", None, ("charset_repaired",)),
        Row(
            "misdeclared",
            article(3, charset="utf-8", declared="windows-1256"),
            "indexed",
            None,
            ("charset_repaired",),
        ),
        Row("noise", noise, "quarantined", "bad_encoding"),
        Row("undated", article(4), "indexed", None, ("date_missing",), hours_ago=None),
        Row("tomorrow", article(5), "indexed", None, ("date_future",), hours_ago=-72),
        Row("contradicting", article(6, head=dated), "indexed", None, CONFLICT),
        Row("same-text", article(1), "duplicate", "duplicate_text"),
        Row("same-page", article(7, head=canonical), "duplicate", "duplicate_url"),
        # Both come new in the same batch, the copy before what it is a copy of.
        Row("printed", article(9, head=printed), "duplicate", "duplicate_url"),
        Row("whole", article(10), "indexed"),
        Row("crash", article(8), "quarantined", "extract_failed"),
    ]


@pytest.fixture
def ended(chain, monkeypatch):
    """The rows, the entries by what the server does, and the books of a run over all of them.

    A run before it has indexed the sound article, which others repeat.
    """
    table = rows(chain.site.url)
    known = reading.language_of

    def crash(text: str) -> str:
        if "خبر رقم 8" in text:
            raise RecursionError("a parser gave up")
        return known(text)

    monkeypatch.setattr(reading, "language_of", crash)

    def serve(*shown: Row) -> None:
        items = "".join(_item(row, chain) for row in shown)
        for row in shown:
            answer = Resource(row.page, "text/html", status=row.status)
            chain.site.resources[row.link or f"/{row.does}"] = answer
        lost = "<item><title>بلا رابط</title></item>"
        foreign = "<item><title>إعلان</title><link>https://casino.test/win</link></item>"
        chain.site.resources["/rss"] = Resource(
            f'<rss version="2.0"><channel><title>f</title>{items}{lost}{foreign}</channel></rss>'.encode(),
            "application/rss+xml; charset=utf-8",
        )

    feed = {"id": "faults", "outlet": "صحيفة", "url": f"{chain.site.url}/rss", "min_interval": 0}
    chain.registry.write_text(yaml.safe_dump({"feeds": [feed]}, allow_unicode=True), "utf-8")
    serve(table[0])
    chain.run()
    serve(*table)
    books = next(book for book in chain.run() if book.feed_id == "faults")
    found = {e["item"]["title"]: e for e in chain.documents("entries").values()}
    return table, found, books


def _item(row: Row, chain) -> str:
    at = chain.clock - timedelta(hours=row.hours_ago or 0)
    date = "" if row.hours_ago is None else f"<pubDate>{format_datetime(at)}</pubDate>"
    link = chain.site.url + (row.link or f"/{row.does}")
    return f"<item><title>{row.does}</title><link>{link}</link>{date}</item>"


def test_every_row_ends_as_the_list_says(ended):
    table, found, books = ended
    said = {
        row.does: (
            found[row.does]["outcome"] or found[row.does]["state"],
            found[row.does]["cause"],
            tuple(found[row.does]["flags"]),
        )
        for row in table
    }
    assert said == {row.does: (row.outcome, row.cause, row.flags) for row in table}
    # Two items cannot have an entry: they are settled in the books.
    assert len(found) == len(table)
    assert (books.causes["no_link"], books.causes["foreign_host"]) == (1, 1)
    assert books.closed
    assert (books.known, books.new) == (1, len(table) - 1 + 2)
