"""Speed and memory of `read_page` beside `trafilatura.extract` with metadata, on the same pages.

    python bench/reading.py [--rounds 5] [--memory 10000]

Pages: tests/data/pages and, where it lies beside the checkout, ../shared/pages. Decoding is part of
both (trafilatura detects the charset itself). Figures are medians of the rounds, one core.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time

from datetime import UTC, datetime
from pathlib import Path

from trafilatura import extract

from rasid.reading import read_page


ROOT = Path(__file__).parents[1]
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def pages() -> dict[str, list[tuple[str, bytes]]]:
    """Pages by set."""
    own = sorted((ROOT / "tests/data/pages").glob("*.html"))
    real = sorted((ROOT / "../shared/pages").glob("*.html"))
    return {
        "own": [(f.name, f.read_bytes()) for f in own],
        "real": [(f.name, f.read_bytes()) for f in real],
    }


def ours(body: bytes) -> object:
    return read_page(body, url="https://outlet.test/news/1", today=NOW)


def theirs(body: bytes) -> object:
    return extract(body, url="https://outlet.test/news/1", with_metadata=True)


def timed(read, bodies: list[bytes], rounds: int) -> float:
    """Median milliseconds per page."""
    took = []
    for _ in range(rounds):
        started = time.process_time()
        for body in bodies:
            read(body)
        took.append((time.process_time() - started) * 1000 / len(bodies))
    return statistics.median(took)


def quality() -> str:
    """Precision and recall of the body in words, over the own articles, for both."""
    truth = json.loads((ROOT / "tests/data/pages/truth.json").read_text("utf-8"))
    rows = []
    for name, read in (
        ("rasid", lambda b: ours(b).text),
        ("trafilatura", lambda b: extract(b) or ""),
    ):
        hit = got = want = 0
        for file, page in truth.items():
            if page["outcome"] != "ok":
                continue
            words = read((ROOT / "tests/data/pages" / file).read_bytes()).split()
            true = " ".join(page["paragraphs"]).split()
            left = list(true)
            for word in words:
                if word in left:
                    left.remove(word)
                    hit += 1
            got += len(words)
            want += len(true)
        rows.append(f"{name}: precision {hit / got:.4f}, recall {hit / want:.4f}")
    return "; ".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", type=int, default=0, help="pages to read for the memory check")
    options = parser.parse_args()
    sets = pages()
    for name, found in sets.items():
        if not found:
            continue
        bodies = [body for _, body in found]
        timed(ours, bodies, 1), timed(theirs, bodies, 1)  # caches and imports
        mine, other = timed(ours, bodies, options.rounds), timed(theirs, bodies, options.rounds)
        size = sum(map(len, bodies)) / len(bodies) / 1000
        print(
            f"{name}: {len(bodies)} pages of {size:.0f} kB: rasid {mine:.1f} ms a page,"
            f" trafilatura {other:.1f} ms: {other / mine:.2f} times as fast"
        )
    print("own pages:", quality())
    if options.memory:
        bodies = [body for found in sets.values() for _, body in found]
        peaks = []
        for n in range(options.memory):
            ours(bodies[n % len(bodies)])
            if n % (options.memory // 10) == 0:
                peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
        print(f"peak MB after each tenth of {options.memory} pages: {peaks}")


if __name__ == "__main__":
    main()
