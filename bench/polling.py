"""300 feeds of 40 entries behind real sockets, one in ten failing in some way: a poll, and another.

    python bench/polling.py [--feeds 300] [--entries 40] [--interval 0]

The second pass asks the same unchanged feeds with their validators. Every feed has a host of its
own (127.0.0.x), so that politeness binds as it does outside.
"""

from __future__ import annotations

import argparse
import asyncio
import time

from collections import Counter
from datetime import UTC, datetime

from rasid.sources import Feed, FeedPoll, Validators, poll_feed
from rasid.web import GuardedClient


FAULTS = {
    1: b"HTTP/1.1 500 Error\r\nContent-Length: 0\r\n\r\n",
    2: b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    3: b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>",
    4: b"HTTP/1.1 302 Found\r\nLocation: /feed\r\nContent-Length: 0\r\n\r\n",
    5: b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n<rss>",
}


def document(feed: int, entries: int) -> bytes:
    items = "".join(
        f"<item><title>خبر رقم {n} من المصدر {feed}</title><link>/n?sid={feed}-{n}</link>"
        "<description>وصلت التعزيزات إلى أطراف المدينة صباحا ثم انتشرت حول الجسر</description>"
        "<pubDate>Tue, 24 Nov 2026 09:00:00 +0300</pubDate></item>"
        for n in range(entries)
    )
    return f'<rss version="2.0"><channel><title>{feed}</title>{items}</channel></rss>'.encode()


async def handle(
    number: int, entries: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    body = document(number, entries)
    try:
        while line := await reader.readline():
            path, known = line.split()[1], False
            while (row := await reader.readline()) not in {b"\r\n", b""}:
                known |= row.lower().startswith(b"if-none-match")
            fault = FAULTS.get(number % 50)
            if path == b"/robots.txt":
                writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            elif fault:
                writer.write(fault)
                if number % 50 == 5:
                    break
            elif known:
                writer.write(b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n')
            else:
                head = f'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: {len(body)}\r\n\r\n'
                writer.write(head.encode() + body)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feeds", type=int, default=300)
    parser.add_argument("--entries", type=int, default=40)
    parser.add_argument("--interval", type=float, default=0.0, help="seconds between requests")
    options = parser.parse_args()
    feeds, servers = [], []
    for n in range(options.feeds):
        address = f"127.0.{n // 250}.{n % 250 + 1}"
        server = await asyncio.start_server(
            lambda r, w, n=n: handle(n, options.entries, r, w), address, 0
        )
        servers.append(server)
        port = server.sockets[0].getsockname()[1]
        url = f"http://{address}:{port}/feed"
        feeds.append(Feed(f"f{n}", f"F{n}", url, min_interval=options.interval, timeout=10.0))
    allowed = frozenset(f.url.split("/")[2] for f in feeds)
    known: dict[str, Validators] = {}
    for name in ("first", "unchanged"):
        started, cpu = time.perf_counter(), time.process_time()
        async with GuardedClient(allow_hosts=allowed, user_agent="Rasid/0.1") as client:
            now = datetime.now(UTC)
            polls: list[FeedPoll] = await asyncio.gather(
                *(poll_feed(client, f, known.get(f.id, Validators()), now=now) for f in feeds)
            )
        known = {p.feed_id: p.validators for p in polls if p.outcome in {"ok", "not_modified"}}
        print(
            f"{name}: {len(polls)} feeds, {sum(len(p.items) for p in polls)} entries,"
            f" {time.perf_counter() - started:.1f} s ({time.process_time() - cpu:.1f} s CPU,"
            f" the servers' included): {dict(Counter(p.outcome for p in polls))}"
        )
    for server in servers:
        server.close()


if __name__ == "__main__":
    asyncio.run(main())
