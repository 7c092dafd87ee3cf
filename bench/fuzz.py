# ruff: noqa: E501  (whole documents stand in one line)
"""Mutated feeds and pages: no crash, no hang, every one ends in a named outcome.

    python bench/fuzz.py [--cases 20000] [--seed 1]

Half of the cases are feeds, polled through the real client over a mocked transport; half are pages.
Starting points are our own files (tests/data) and the shapes of feed below.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import httpx
import structlog

from rasid.reading import read_page
from rasid.sources import Feed, Validators, poll_feed
from rasid.sources.schedule import FINE, WEIGHTS
from rasid.web import GuardedClient


PAGES = Path(__file__).parents[1] / "tests/data/pages"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SLOW = 5.0  # CPU seconds: nothing here waits, and machines pause
READ = {"ok", "no_text", "not_arabic", "not_an_article", "bad_encoding", "extract_failed"}

ITEM = (
    "<item><title>وصول تعزيزات إلى المدينة</title><link>/n?sid=1</link><guid>/n?sid=1</guid>"
    "<pubDate>Tue, 24 Nov 2026 09:00:00 +0300</pubDate><description>&lt;p&gt;موجز&lt;/p&gt;"
    "</description></item>"
)
FEEDS = [
    f'<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel>{ITEM * 8}</channel></rss>',
    (
        '<feed xmlns="http://www.w3.org/2005/Atom"><title>x</title><entry><id>1</id><link href="/a"/>'
        "<updated>2026-11-24T10:00:00Z</updated><content type='xhtml'><div>نص</div></content></entry>"
        "</feed>"
    ),
    (
        '<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><item>'
        "<link>/b</link><content:encoded><![CDATA[<p>نص</p>]]></content:encoded></item></channel></rss>"
    ),
    '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc>/c</loc></url></urlset>',
    '<!DOCTYPE rss [<!ENTITY x "y">]><rss version="2.0"><channel><title>&x;</title></channel></rss>',
]
NASTY = [
    *(b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"<![CDATA[", b"]]>", b"<!--", b"-->", b"&#x1F;"),
    *(b"&#1114112;", b"<!ENTITY a '&a;&a;'>", b"<?xml encoding='utf-16'?>", b"</", b"<" * 500),
    *(b"<div>" * 2000, b"<p", b"'", b'"', b"&" * 300, "ال".encode("cp1256"), "ﷲ".encode()),
    *(b"\xd8\xa7" * 2000, b"http://[::1", b"%ff%fe", b"9" * 400, b"\xe2\x80\xae", b"\r\n" * 500),
    *(
        b'<meta charset="utf-7">',
        b'<meta charset="rot13">',
        b'<script type="application/ld+json">[',
    ),
    *(b"[" * 3000, b"{" * 3000, b"<table><tr><td>" * 500, "٠".encode() * 500),
]
CHARSETS = ["utf-8", "windows-1256", "utf-16", "hex", "no-such", "", "idna"]


def mutated(body: bytes, rng: random.Random) -> bytes:
    """`body` after one to eight mutations."""
    data = bytearray(body)
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(data) + 1)
        end = min(len(data), at + rng.randint(1, 200))
        kind = rng.randrange(7)
        if kind == 0 and at < len(data):
            data[at] = rng.randrange(256)
        elif kind == 1:
            del data[at:end]
        elif kind == 2:
            data[at:at] = data[at:end] * rng.randint(1, 20)
        elif kind == 3:
            data[at:at] = rng.choice(NASTY)
        elif kind == 4:
            data[at:at] = rng.randbytes(rng.randint(1, 50))
        elif kind == 5:
            del data[at:]
        else:
            other = rng.randrange(len(data) + 1)
            data[at:end] = data[other : other + 100]
    return bytes(data)


async def polled(body: bytes, charset: str) -> str:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/robots.txt":
            return httpx.Response(404)
        return httpx.Response(
            200, content=body, headers={"Content-Type": f"text/xml; charset={charset}"}
        )

    async with GuardedClient(
        allow_hosts=frozenset(), user_agent="Rasid/0.1", transport=httpx.MockTransport(answer)
    ) as client:
        feed = Feed("f", "F", "https://outlet.test/rss", min_interval=0.0)
        return (await poll_feed(client, feed, Validators(), now=NOW)).outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    structlog.configure(processors=[lambda *_: (_ for _ in ()).throw(structlog.DropEvent)])
    rng = random.Random(options.seed)
    feeds = [f.encode() for f in FEEDS] + [FEEDS[0].encode("cp1256", "replace")]
    pages = [p.read_bytes() for p in sorted(PAGES.glob("*.html"))]
    counts: Counter[str] = Counter()
    slowest, bad = 0.0, 0
    for case in range(options.cases):
        charset = rng.choice(CHARSETS)
        is_feed = case % 2 == 0
        body = mutated(rng.choice(feeds if is_feed else pages), rng)
        started = time.process_time()
        try:
            if is_feed:
                outcome = asyncio.run(polled(body, charset))
                named = outcome in FINE or outcome in WEIGHTS
            else:
                reading = read_page(
                    body, url="https://outlet.test/n/1", http_charset=charset, today=NOW
                )
                outcome = reading.outcome
                named = outcome in READ
                if outcome == "extract_failed":
                    print(f"case {case}: {reading.error}")
        except Exception as error:  # noqa: BLE001  (what the bench looks for)
            outcome, named = f"CRASH {type(error).__name__}: {error}", False
        took = time.process_time() - started
        slowest = max(slowest, took)
        counts[f"{'feed' if is_feed else 'page'} {outcome}"] += 1
        if not named or took > SLOW:
            bad += 1
            print(f"case {case}: {outcome}, {took:.1f} s")
    for name, count in counts.most_common():
        print(f"{count:6} {name}")
    print(f"{options.cases} cases, {bad} bad, slowest {slowest:.2f} s")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
