"""Linking copies end to end: 5,000 articles and 300 agency copies through the index stage.

    python bench/stories.py [--articles 5000] [--copies 300]

Articles and copies are those of bench/duplicates.py, a copy by another newsroom than its original,
in random order, 100 a batch. Runs on a node of its own, or on the empty cluster of RASID_ES_URL.
Recall and precision count pairs of articles with one story id.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import socket
import sys
import tempfile
import time

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import yaml

from duplicates import CORPUS, articles, copy_of

from rasid.pipeline import index as stage
from rasid.pipeline.records import Entry, Run
from rasid.pipeline.store import write_records
from rasid.reading import text_hash
from rasid.search import connect, local_node, provision
from rasid.settings import Settings, settings
from rasid.sources import entry_id


NEWSROOMS = 20
BATCH = 100
NOW = datetime.now(UTC).replace(microsecond=0)


@contextmanager
def cluster() -> Iterator[Any]:
    """The empty cluster of RASID_ES_URL, emptied again at the end, or a node of our own."""
    if settings().es_url:
        with connect(settings()) as es:
            if es.count(index="rasid-*")["count"]:
                sys.exit("The cluster of RASID_ES_URL holds Rasid's data; this would delete it.")
            yield es
            es.indices.delete(index="rasid-*-v1*")
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with tempfile.TemporaryDirectory() as home:
        own = Settings(home=Path(home), es_port=port)
        node = local_node.local_node(own)
        local_node.start(node)
        try:
            with connect(own) as es:
                yield es
        finally:
            local_node.stop(node)
            # As root it may lie outside the temporary folder, which the node's user cannot enter.
            shutil.rmtree(node.folder, ignore_errors=True)


def entry_of(number: int, text: str, newsroom: int, at: datetime) -> Entry:
    """An entry as it leaves `tag`."""
    url = f"https://n{newsroom}.example/{number}"
    item = dict.fromkeys(("title", "published_raw", "updated_raw", "content"), "")
    article = {
        "canonical_url": url,
        "title": text[:60],
        "summary": "",
        "text": text,
        "authors": [],
        "published_at": at.isoformat(),
        "published_source": "feed",
        "published_precision": "second",
        "published_raw": "",
        "fetched_at": NOW.isoformat(),
        "language": "ar",
        "text_hash": text_hash(text),
        "charset": "utf-8",
        "charset_source": "meta",
        "method": "trafilatura",
        "tagger_version": "bench.1.1",
    }
    item |= {"published_at": at.isoformat()}
    return Entry(entry_id(url), f"n{newsroom}", url, url, NOW, item, article=article)


def timed(spent: dict[str, float], name: str) -> None:
    """Count the seconds of a function of the index stage."""
    real: Callable[..., Any] = getattr(stage, name)

    def measured(*arguments: Any, **named: Any) -> Any:
        began = time.perf_counter()
        try:
            return real(*arguments, **named)
        finally:
            spent[name] += time.perf_counter() - began

    setattr(stage, name, measured)


def pairs_of(groups: Sequence[Sequence[int]]) -> set[tuple[int, int]]:
    return {pair for group in groups for pair in combinations(sorted(group), 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, default=5000)
    parser.add_argument("--copies", type=int, default=300)
    options = parser.parse_args()
    if not CORPUS.exists():
        sys.exit(f"{CORPUS} is not on this machine")
    rng = random.Random(7)
    texts = articles(options.articles, rng)
    words = " ".join(texts[:200]).split()
    rooms = [rng.randrange(NEWSROOMS) for _ in texts]
    originals = rng.sample(range(len(texts)), options.copies)
    truth = {(o, len(texts) + n) for n, o in enumerate(originals)}
    for original in originals:
        texts.append(copy_of(texts[original], words, rng))
        rooms.append((rooms[original] + 1) % NEWSROOMS)
    numbers = list(range(len(texts)))
    rng.shuffle(numbers)
    entries = [
        entry_of(n, texts[n], rooms[n], NOW - timedelta(minutes=rng.randrange(1440)))
        for n in numbers
    ]
    number_of = {entry.entry_id: n for entry, n in zip(entries, numbers, strict=True)}

    with tempfile.TemporaryDirectory() as folder, cluster() as es:
        feeds = [
            {"id": f"n{n}", "outlet": f"n{n}", "url": f"https://n{n}.example/rss"}
            for n in range(NEWSROOMS)
        ]
        registry = Path(folder, "feeds.yaml")
        registry.write_text(yaml.safe_dump({"feeds": feeds}), "utf-8")
        os.environ |= {"RASID_FEEDS": str(registry), "RASID_STORE": Path(folder, "store").as_uri()}
        settings.cache_clear()
        provision(es)
        run = Run("bench", "bench", NOW)
        paths = [
            write_records(run.path(f"tagged/{n:04}.jsonl.gz"), Entry, entries[n : n + BATCH])
            for n in range(0, len(entries), BATCH)
        ]
        spent: dict[str, float] = defaultdict(float)
        for name in ("place", "join_late", "write_all", "write_entries"):
            timed(spent, name)
        began, cpu = time.perf_counter(), time.process_time()
        for path in paths:
            stage.index(es, run, path)
        took, cpu = time.perf_counter() - began, time.process_time() - cpu

        es.indices.refresh(index="rasid-articles")
        groups: dict[str, list[int]] = defaultdict(list)
        for hit in es.search(
            index="rasid-articles", size=10_000, source_includes=["story_id"], sort=["_doc"]
        )["hits"]["hits"]:
            groups[hit["_source"]["story_id"]].append(number_of[hit["_id"]])
    found = pairs_of(list(groups.values()))
    hits = len(found & truth)
    parts = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in spent.items())
    print(
        f"{len(entries)} articles in {took:.1f} s, {len(entries) / took:.0f}/s"
        f" ({cpu:.1f} CPU seconds of ours): {parts}; recall {hits / len(truth):.4f},"
        f" precision {hits / max(len(found), 1):.4f}"
    )


if __name__ == "__main__":
    main()
