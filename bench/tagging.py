"""Speed, memory and start of the tagger beside a keyword list and camel-tools on every word.

    python bench/tagging.py [--articles 1000]

Articles of 450 words are put together, always in the same order, from our own texts and, where it
lies beside the checkout, from ../shared/corpus (its wider vocabulary is the harder test). Every row
is a fresh process on one core: `start` is import, loading and one article; `cold` the first pass
over all articles, `warm` the second. Processor time, so that other work on the machine counts
little. The keyword list is pyahocorasick over every form of the same lexicon, without clitics,
clauses, roles or modality; camel-tools is its tokenizer and its Analyzer over the same database.
"""

# ruff: noqa: PLC0415  (imports are a part of what is measured)
from __future__ import annotations

import argparse
import json
import lzma
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time

from collections.abc import Callable, Iterator
from pathlib import Path


ROOT = Path(__file__).parents[1]
CORPUS = ROOT.parent / "shared" / "corpus" / "sentences.txt.xz"
WORDS = 450
# Modules are compiled when they are installed, not at every start.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
ROWS = ("rasid", "rasid, rules alone", "keyword list", "camel-tools")


def own_sentences() -> Iterator[str]:
    """Sentences of the own gold and of the demo's articles, over and over in seeded order."""
    from rasid.tagging.gold import read_gold

    found = [d.text[a:b] for d in read_gold() for a, b in d.sentences]
    for file in sorted((ROOT / "include/demo/articles").glob("*.md")):
        body = file.read_text("utf-8").split("---", 2)[2]
        found += [s for s in re.split(r"(?<=\.)\s+|\n+", body) if s.strip()]
    shuffled = random.Random(7)
    while True:
        shuffled.shuffle(found)
        yield from found


def real_sentences() -> Iterator[str]:
    """Sentences of real news, in the corpus's own (shuffled) order."""
    with lzma.open(CORPUS, "rt", encoding="utf-8") as file:
        yield from map(str.strip, file)


def articles(kind: str, count: int) -> list[str]:
    """`count` texts of about 450 words: a title, then paragraphs of three sentences."""
    sentences = own_sentences() if kind == "own" else real_sentences()
    made = []
    while len(made) < count:
        words, lines = 0, [[next(sentences)]]
        while words < WORDS:
            if len(lines) == 1 or len(lines[-1]) == 3:
                lines.append([])
            lines[-1].append(next(sentences))
            words += len(lines[-1][-1].split())
        made.append("\n".join(" ".join(line) for line in lines))
    return made


def keyword_list() -> Callable[[str], object]:
    import ahocorasick

    from rasid.arabic import fold
    from rasid.settings import settings
    from rasid.tagging.lexicon import SOURCE, open_lexicon, stems_of

    automaton = ahocorasick.Automaton()
    for entry in open_lexicon(SOURCE, settings().cache).entries.values():
        for stem in stems_of(entry):
            automaton.add_word(fold(stem.spelt), (entry.id, len(stem.spelt)))
    automaton.make_automaton()

    def tag(text: str) -> list[tuple[str, int, int]]:
        folded = fold(text)
        found = []
        for last, (name, length) in automaton.iter_long(folded):
            start, end = last + 1 - length, last + 1
            alone = not folded[start - 1 : start].isalpha() and not folded[end : end + 1].isalpha()
            if alone:
                found.append((name, start, end))
        return found

    return tag


def every_word() -> Callable[[str], object]:
    from rasid.arabic import fold
    from rasid.settings import settings
    from rasid.tagging.lexicon import SOURCE, open_lexicon

    cache = settings().cache
    # Its own catalogue would be fetched; ours was put there when the lexicon was compiled.
    os.environ["CAMELTOOLS_DATA"] = str(cache / "camel")
    from camel_tools.morphology.analyzer import Analyzer
    from camel_tools.morphology.database import MorphologyDB
    from camel_tools.tokenizers.word import simple_word_tokenize

    analyzer = Analyzer(MorphologyDB(str(open_lexicon(SOURCE, cache).database)))

    def tag(text: str) -> list[object]:
        return [analyzer.analyze(fold(word)) for word in simple_word_tokenize(text)]

    return tag


def rasid(*, model: bool) -> Callable[[str], object]:
    from rasid.tagging import load_tagger

    return load_tagger(model=model).tag


MADE = {
    "rasid": lambda: rasid(model=True),
    "rasid, rules alone": lambda: rasid(model=False),
    "keyword list": keyword_list,
    "camel-tools": every_word,
}


def measure(row: str, texts: list[str]) -> None:
    """One row, in this process; prints JSON."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    started = time.process_time()
    tag = MADE[row]()
    tag(texts[0])
    out: dict[str, object] = {"start": time.process_time() - started}
    for pass_ in ("cold", "warm"):
        started = time.process_time()
        for text in texts[1:]:
            tag(text)
        out[pass_] = (len(texts) - 1) / (time.process_time() - started)
    out["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(out))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--articles", type=int, default=1000)
    parser.add_argument("--row", nargs=2, metavar=("ROW", "TEXTS"), help="one row, as JSON")
    options = parser.parse_args()
    if options.row:
        measure(options.row[0], json.loads(Path(options.row[1]).read_text("utf-8")))
        return
    # Whoever changes the lexicon pays for compiling it, not every start.
    compiled = "from rasid.tagging import load_tagger; load_tagger()"
    subprocess.run([sys.executable, "-c", compiled], check=True, env=ENVIRONMENT)
    for kind in ("own", *(("real",) if CORPUS.exists() else ())):
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".json") as texts:
            json.dump(articles(kind, options.articles + 1), texts)
            texts.flush()
            table(kind, options.articles, texts.name)


def table(kind: str, count: int, texts: str) -> None:
    print(f"{kind} texts, {count} articles of {WORDS} words, one core:")
    print(f"{'':20}{'start s':>9}{'cold/s':>9}{'warm/s':>9}{'peak MB':>9}   rasid is as fast")
    base: dict[str, float] = {}
    for row in ROWS:
        command = [sys.executable, __file__, "--row", row, texts]
        answer = subprocess.run(
            command, check=True, capture_output=True, text=True, env=ENVIRONMENT
        )
        got = json.loads(answer.stdout)
        base = base or got
        ratio = "" if row == "rasid" else "".join(
            f"{base[pass_] / got[pass_]:8.2f} × {pass_}" for pass_ in ("cold", "warm")
        )  # fmt: skip
        figures = f"{got['start']:9.2f}{got['cold']:9.0f}{got['warm']:9.0f}{got['peak']:9.0f}"
        print(f"{row:20}{figures}{ratio}")


if __name__ == "__main__":
    main()
