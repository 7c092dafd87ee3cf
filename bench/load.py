"""300 feeds, 12,000 entries, mixed faults: one pass of the chain, and a pass over unchanged feeds.

    python bench/load.py [--feeds 300] [--entries 40] [--interval 5] [--tasks 4]

The stages are the pipeline's own functions over real sockets and a node of this bench's own; as in
Airflow, at most `--tasks` batches are worked on at once, each in a process. Every feed has a host
of its own (127.0.x.y). What politeness alone asks for is the interval times the requests of one
host. One feed in ten and one page in ten fail in some way; the books must close all the same.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import random
import resource
import shutil
import socket
import tempfile
import time

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml

from rasid.pipeline.batch import batch
from rasid.pipeline.fetch import fetch
from rasid.pipeline.index import index
from rasid.pipeline.plan import plan
from rasid.pipeline.poll import poll
from rasid.pipeline.read import read
from rasid.pipeline.records import Books, Run
from rasid.pipeline.settle import settle
from rasid.pipeline.tag import tag
from rasid.search import connect, local_node
from rasid.settings import Settings, settings


TEXT = (
    "وصل الوفد إلى أطراف المدينة صباح اليوم ثم زار الجسر القديم والسوق وقال مصدر محلي إن الطريق"
    " العام ما زال مقطوعا بسبب الأمطار التي هطلت ليلا على القرى المجاورة وأضاف أن الأهالي ينتظرون"
    " عودة الكهرباء والماء إلى أحيائهم بعد انقطاع دام أياما وعقد المجلس اجتماعا لبحث الأسعار"
)
# One article in four is of what Rasid looks for.
EVENT = "وشن مسلحون هجوما على حاجز للجيش شرق البلدة أسفر عن مقتل جنديين وإصابة ثلاثة آخرين"
WORDS = TEXT.split()
FAULTY_FEEDS = {
    1: b"HTTP/1.1 500 Error\r\nContent-Length: 0\r\n\r\n",
    2: b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    3: b"HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n<html>login</html> ",
    4: b"HTTP/1.1 302 Found\r\nLocation: /feed\r\nContent-Length: 0\r\n\r\n",
    5: b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n<rss>",
}
FAULTY_PAGES = {
    1: b"HTTP/1.1 500 Error\r\nContent-Length: 0\r\n\r\n",
    2: b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    3: b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n<html><body><p>short</p></body></html>  ",
    4: b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n<html>",
}
CLOSES = (FAULTY_FEEDS[5], FAULTY_PAGES[4])


def document(feed: int, entries: int) -> bytes:
    now = datetime.now(UTC)
    items = "".join(
        f"<item><title>{' '.join(words(feed, n, 8))}</title><link>/n?sid={feed}-{n}</link>"
        f"<pubDate>{now - timedelta(minutes=n):%a, %d %b %Y %H:%M:%S} GMT</pubDate></item>"
        for n in range(entries)
    )
    return f'<rss version="2.0"><channel><title>{feed}</title>{items}</channel></rss>'.encode()


def words(feed: int, entry: int, count: int) -> list[str]:
    """An article's own words, the same each time."""
    return random.Random(feed * 1000 + entry).choices(WORDS, k=count)


def page(feed: int, entry: int) -> bytes:
    title, text = " ".join(words(feed, entry, 8)), words(feed, entry, 300)
    if (feed + entry) % 4 == 0:
        text[60:60] = EVENT.split()
    paragraphs = "".join(f"<p>{' '.join(text[n : n + 30])}.</p>" for n in range(0, 300, 30))
    links = "".join(f'<li><a href="/n?sid={n}">خبر آخر {n}</a></li>' for n in range(60))
    return (
        f'<!DOCTYPE html><html lang="ar" dir="rtl"><head><meta charset="utf-8"><title>{title}'
        f"</title></head><body><nav><ul>{links}</ul></nav><article><h1>{title}</h1>{paragraphs}"
        f"</article><footer><ul>{links}</ul></footer></body></html>"
    ).encode()


async def handle(
    number: int, entries: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    try:
        while line := await reader.readline():
            path, known = line.split()[1].decode(), False
            while (row := await reader.readline()) not in {b"\r\n", b""}:
                known |= row.lower().startswith(b"if-none-match")
            answer = reply(number, entries, path, known=known)
            writer.write(answer)
            await writer.drain()
            if answer in CLOSES:
                break
    except ConnectionError:
        pass
    finally:
        writer.close()


def reply(number: int, entries: int, path: str, *, known: bool) -> bytes:
    if path == "/robots.txt":
        return FAULTY_PAGES[2]
    if path == "/feed":
        fault = FAULTY_FEEDS.get(number % 50)
        if fault:
            return fault
        if known:
            return b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n'
        return whole(document(number, entries))
    entry = int(path.rpartition("-")[2])
    return FAULTY_PAGES.get((number + entry) % 40) or whole(page(number, entry))


def whole(body: bytes) -> bytes:
    return f'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: {len(body)}\r\n\r\n'.encode() + body


def address(feed: int) -> str:
    return f"127.0.{feed // 250}.{feed % 250 + 1}"


def serve(feeds: int, entries: int, port: int, ready: object) -> None:
    """The outlets, in a process of their own."""

    async def main() -> None:
        for n in range(feeds):
            await asyncio.start_server(
                lambda r, w, n=n: handle(n, entries, r, w), address(n), port, backlog=50
            )
        ready.set()
        await asyncio.Event().wait()

    asyncio.run(main())


@contextmanager
def outlets(feeds: int, entries: int) -> Iterator[int]:
    """The port on which every outlet's address answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ready = multiprocessing.Event()
    server = multiprocessing.Process(target=serve, args=(feeds, entries, port, ready), daemon=True)
    server.start()
    ready.wait(30)
    try:
        yield port
    finally:
        server.terminate()


@contextmanager
def scratch(feeds: int, port: int, interval: float) -> Iterator[None]:
    """A node, a store and a registry of this bench's own, for this process and its children."""
    home = Path(tempfile.mkdtemp(prefix="rasid-load-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        es_port = probe.getsockname()[1]
    node = local_node.local_node(Settings(home=home, es_port=es_port))
    local_node.start(node)
    registry = home / "feeds.yaml"
    entries = [
        {
            "id": f"f{n}",
            "outlet": f"منبر {n}",
            "url": f"http://{address(n)}:{port}/feed",
            "min_interval": interval,
            "timeout": 10.0,
        }
        for n in range(feeds)
    ]
    registry.write_text(yaml.safe_dump({"feeds": entries}, allow_unicode=True))
    os.environ |= {
        "RASID_HOME": str(home),
        "RASID_ES_PORT": str(es_port),
        "RASID_ES_URL": "",
        "RASID_STORE": (home / "store").as_uri(),
        "RASID_FEEDS": str(registry),
        "RASID_ALLOW_HOSTS": ",".join(f"{address(n)}:{port}" for n in range(feeds)),
    }
    settings.cache_clear()
    try:
        yield
    finally:
        local_node.stop(node)
        shutil.rmtree(node.folder, ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)


@dataclass(frozen=True)
class Spent:
    """What a process used up to the end of a task: processor seconds, most memory in MB."""

    process: int
    seconds: float
    memory: int


def spent() -> Spent:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return Spent(os.getpid(), used.ru_utime + used.ru_stime, used.ru_maxrss // 1024)


def poll_task(run: Run, ids: list[str], name: str) -> tuple[str, Spent]:
    with connect(settings()) as es:
        path = asyncio.run(poll(es, run, ids, name=name))
    return path, spent()


def article_task(run: Run, path: str) -> tuple[dict[str, float], Spent]:
    """One batch through the four stages; seconds by stage, of the processor for read and tag."""
    took = {}
    for stage, work in (
        ("fetch", lambda p: asyncio.run(fetch(run, p))),
        ("read", lambda p: read(run, p)),
        ("tag", lambda p: tag(run, p)),
        ("index", lambda p: indexed(run, p)),
    ):
        started = time.process_time() if stage in {"read", "tag"} else time.perf_counter()
        path = work(path)
        ended = time.process_time() if stage in {"read", "tag"} else time.perf_counter()
        took[stage] = ended - started
    return took, spent()


def indexed(run: Run, path: str) -> str:
    with connect(settings()) as es:
        index(es, run, path)
    return path


def one_pass(number: int, tasks: ProcessPoolExecutor) -> tuple[list[Books], Counter[str]]:
    """As monitor_news goes; the books, and figures by stage."""
    run = Run(f"load__{number}", "monitor_news", datetime.now(UTC))
    figures: Counter[str] = Counter()

    @contextmanager
    def timed(stage: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        figures[f"{stage}, s"] += time.perf_counter() - started

    with connect(settings()) as es:
        with timed("plan"):
            groups = plan(es, run, only_due=False)
        with timed("poll"):
            names = [f"{n:04}" for n in range(len(groups))]
            asked = list(tasks.map(poll_task, [run] * len(groups), groups, names))
        with timed("batch"):
            paths = batch(es, run, [path for path, _ in asked])
        with timed("fetch to index"):
            done = list(tasks.map(article_task, [run] * len(paths), paths))
        with timed("settle"):
            books = settle(es, run, [path for path, _ in asked])
    for took, _ in done:
        figures.update({f"  {stage}, sum": seconds for stage, seconds in took.items()})
    used = [*(spent for _, spent in asked), *(spent for _, spent in done)]
    most = {spent.process: spent.seconds for spent in sorted(used, key=lambda s: s.seconds)}
    figures["batches"] = len(paths)
    figures["processor seconds of the tasks so far"] = sum(most.values())
    figures["most memory of a task, MB"] = max(spent.memory for spent in used)
    return books, figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feeds", type=int, default=300)
    parser.add_argument("--entries", type=int, default=40)
    parser.add_argument("--interval", type=float, default=5.0, help="seconds between requests")
    parser.add_argument("--tasks", type=int, default=4, help="at once, each a process")
    options = parser.parse_args()
    polite = options.interval * options.entries
    with (
        outlets(options.feeds, options.entries) as port,
        scratch(options.feeds, port, options.interval),
        ProcessPoolExecutor(
            options.tasks, mp_context=multiprocessing.get_context("spawn")
        ) as tasks,
    ):
        for number, name in enumerate(("first", "unchanged")):
            started = time.perf_counter()
            books, figures = one_pass(number, tasks)
            wall = time.perf_counter() - started
            total = next(book for book in books if book.feed_id == "*")
            print(f"{name} pass: {wall:.0f} s wall; load of the machine {os.getloadavg()[0]:.0f}")
            if number == 0:
                print(f"  politeness alone: {polite:.0f} s; {wall / polite:.2f} times that")
            closed = all(book.closed for book in books)
            print(f"  closed: {closed}; seen {total.seen}, new {total.new}")
            print(f"  {total.outcomes}, waiting {total.waiting}; {total.causes}")
            for what, figure in figures.items():
                print(f"  {what}: {figure:.1f}")


if __name__ == "__main__":
    main()
