"""Recall, precision and speed of near-duplicate finding on 5,000 articles with 300 made copies.

    python bench/duplicates.py [--articles 5000] [--copies 300]

Articles are made of sentences of ../shared/corpus (real, unordered). A copy is what agencies'
clients make: a lead of its own, the last 0–25 % cut, 4 % of the words changed, spelling varied.
A pair counts as found when it shares a band key and its similarity is 0.4 or more, which is what
`rasid` asks of the index.
"""

from __future__ import annotations

import argparse
import lzma
import random
import sys
import time

from collections import defaultdict
from itertools import islice
from pathlib import Path

from rasid.reading import SAME_STORY, fingerprint, similarity


CORPUS = Path(__file__).parents[1] / "../shared/corpus/sentences.txt.xz"


def articles(count: int, rng: random.Random) -> list[str]:
    """Articles of 8–16 sentences, every sentence used once."""
    with lzma.open(CORPUS, "rt", encoding="utf-8") as file:
        lines = [line.strip() for line in islice(file, count * 14) if len(line) > 60]
    rng.shuffle(lines)
    made = []
    while len(made) < count and len(lines) >= 16:
        size = rng.randint(8, 16)
        made.append("\n".join(lines[:size]))
        del lines[:size]
    return made


def copy_of(text: str, words: list[str], rng: random.Random) -> str:
    """The article as another outlet would print it."""
    kept = text.split()
    kept = kept[: int(len(kept) * rng.uniform(0.75, 1.0))]
    kept = [rng.choice(words) if rng.random() < 0.04 else w for w in kept]
    lead = " ".join(rng.choices(words, k=rng.randint(15, 30)))
    copy = f"{lead}\n{' '.join(kept)}"
    return copy.replace("أ", "ا").replace("ة", "ه") if rng.random() < 0.3 else copy


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
    originals = rng.sample(range(len(texts)), options.copies)
    truth = {(o, len(texts) + n) for n, o in enumerate(originals)}
    texts += [copy_of(texts[o], words, rng) for o in originals]

    started = time.process_time()
    prints = [fingerprint(text) for text in texts]
    speed = len(texts) / (time.process_time() - started)

    index: dict[str, list[int]] = defaultdict(list)
    candidates = set()
    for number, keys in enumerate(prints):
        for key in keys:
            candidates.update((other, number) for other in index[key])
            index[key].append(number)
    found = {(a, b) for a, b in candidates if similarity(texts[a], texts[b]) >= SAME_STORY}
    hits = len(found & truth)
    print(
        f"{len(texts)} articles of {sum(len(t.split()) for t in texts) // len(texts)} words:"
        f" {speed:.0f} fingerprints per CPU second; {len(candidates)} candidate pairs,"
        f" recall by bands {len(candidates & truth) / len(truth):.4f};"
        f" found recall {hits / len(truth):.4f}, precision {hits / max(len(found), 1):.4f}"
    )
    for a, b in sorted(found - truth)[:5]:
        print(f"false pair, similarity {similarity(texts[a], texts[b]):.2f}")
    for a, b in sorted(truth - found)[:5]:
        print(f"missed pair, similarity {similarity(texts[a], texts[b]):.2f}")


if __name__ == "__main__":
    main()
