"""Search side by side: bulk writing, search, linking, panels and size, on a node of its own.

    python bench/search.py [--articles 200000] [--mentions 400000] [--linked 100000]

Articles are made of the sentences of include/demo (our own), mixed anew for each; mentions of the
gazetteer's places and the lexicon's actors. The node is started in a temporary folder and taken
away at the end. Everything is single-threaded; run it on a machine that is doing nothing else.

- **writing**: the same articles by `write_all` and by plain `streaming_bulk`, in turns, into empty
  indices of the same mapping. Floor: 85 %.
- **size**: the same articles with our analysis and with the stock `arabic` analyzer and no
  sub-fields, each merged to one segment.
- **search**: 95th percentile of queries an analyst would type, articles and mentions. Ceiling
  60 ms.
- **panels**: the slowest panel of all dashboards, the median of three requests that no cache
  answers. Ceiling 300 ms.
- **linking**: `link_incidents` over the first mentions, then over a hundred more. Ceiling 60 s for
  100,000, and the hundred must not cost more than a hundredth of that.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import socket
import statistics
import sys
import tempfile
import time

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path

import yaml

from elasticsearch import Elasticsearch
from elasticsearch.helpers import streaming_bulk

from rasid.kibana import dashboards
from rasid.kibana.requests import request, view
from rasid.search import (
    Query,
    Write,
    connect,
    index_for,
    link_incidents,
    local_node,
    provision,
    search_articles,
    search_mentions,
    write_all,
)
from rasid.search.templates import template
from rasid.settings import INCLUDE, Settings


NOW = datetime.now(UTC).replace(microsecond=0)
QUERIES = (
    "قصف الفاشر",
    "هجوم على حاجز",
    "مسيرة تستهدف مطار",
    '"الدعم السريع"',
    "انسحاب القوات من الحدود",
    "عبوة ناسفة دورية كركوك",
    "الحوثيون صاروخ مأرب",
    "تعزيزات عسكرية",
    "اغتيال قائد",
    "اشتباكات طرابلس -مباراة",
    "كمين قتلى جنود",
    "الجيش يتقدم نحو",
)
WAYS = ("armed_assault", "rocket_shelling", "drone_attack", "ied_mine", "clash", "abduction")
MOVES = ("deploy", "reinforce", "withdraw", "advance")


class Maker:
    """Articles and mentions without end, the same ones each time."""

    def __init__(self) -> None:
        self.dice = random.Random(11)
        texts = [
            p.read_text("utf-8").split("---", 2) for p in sorted(INCLUDE.glob("demo/articles/*.md"))
        ]
        self.titles = [yaml.safe_load(head)["title"] for _, head, _ in texts]
        self.sentences = [
            s for *_, body in texts for s in re.split(r"(?<=[.؟!])\s+", body.strip()) if len(s) > 40
        ]
        places = yaml.safe_load((INCLUDE / "places" / "towns.yaml").read_text("utf-8"))
        self.places = [(p["names"][0], p["lat"], p["lon"]) for p in places if "lat" in p]
        actors = yaml.safe_load((INCLUDE / "lexicon" / "actors.yaml").read_text("utf-8"))
        self.actors = [(a["names"][0], a["id"], a["class"]) for a in actors]

    def _source(self, number: int) -> dict:
        seen = NOW - timedelta(minutes=self.dice.randrange(60 * 24 * 90))
        outlet = f"وسيلة {self.dice.randrange(75)}"
        return {
            "article_id": f"a{number}",
            "outlet": outlet,
            "newsroom": outlet,
            "feed_id": outlet,
            "country": self.dice.choice(["IQ", "YE", "SD", "LY", "LB"]),
            "url": f"https://news.example/{number}",
            "title": self.dice.choice(self.titles),
            "published_at": seen.isoformat(),
            "first_seen_at": seen.isoformat(),
        }

    def articles(self) -> Iterator[Write]:
        """As the index stage writes them, some 250 words each."""
        number = 0
        while True:
            source = self._source(number)
            chosen = self.dice.choices(self.sentences, k=self.dice.randint(7, 14))
            source |= {
                "summary": chosen[0],
                "text": "\n\n".join(chosen),
                "language": "ar",
                "tags": {"attack": number % 5 == 0, "troop_movement": number % 7 == 0},
            }
            yield Write(index_for("articles", NOW), source["article_id"], 1, source)
            number += 1

    def mentions(self) -> Iterator[Write]:
        """Each event told by one to six outlets within a day."""
        number = 0
        while True:
            place, lat, lon = self.dice.choice(self.places)
            actor, actor_id, actor_class = self.dice.choice(self.actors)
            attack = self.dice.random() < 0.7
            at = NOW - timedelta(minutes=self.dice.randrange(60 * 24 * 365))
            for part in range(self.dice.randint(1, 6)):
                told = (at + timedelta(hours=self.dice.random() * 20)).isoformat()
                sentence = self.dice.choice(self.sentences)
                source = self._source(number) | {
                    "mention_id": f"m{number}",
                    "revision": 1,
                    "event": "attack" if attack else "troop_movement",
                    "tag": "militia_attack" if attack else "troop_movement",
                    "kind": self.dice.choice(WAYS if attack else MOVES),
                    "modality": self.dice.choice(["factual"] * 6 + ["denied", "demanded"]),
                    "actor": [actor] if part % 3 else [],
                    "actor_id": [actor_id] if part % 3 else [],
                    "actor_class": actor_class,
                    "place": [place],
                    "place_precision": "town",
                    "location": {"lat": lat, "lon": lon},
                    "killed": {"min": number % 9, "max": number % 9 + part},
                    "sentence": {"text": sentence, "start": 0, "end": len(sentence)},
                    "confidence": round(self.dice.uniform(0.5, 1), 3),
                    "published_at": told,
                    "first_seen_at": told,
                }
                yield Write(index_for("mentions", NOW), source["mention_id"], 1, source)
                number += 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--articles", type=int, default=200_000)
    parser.add_argument("--mentions", type=int, default=400_000)
    parser.add_argument("--linked", type=int, default=100_000)
    options = parser.parse_args()
    rows = []
    with node() as es:
        provision(es)
        sample = list(islice(Maker().articles(), min(options.articles, 12_000)))
        rows.append(writing(es, sample))
        rows.append(size(es, sample))
        maker = Maker()
        fill(es, islice(maker.articles(), options.articles))
        mentions = maker.mentions()
        fill(es, islice(mentions, options.linked))
        rows += linking(es, mentions, options.linked)
        fill(es, islice(mentions, max(0, options.mentions - options.linked - 100)))
        es.indices.refresh(index="rasid-*")
        rows += searching(es)
        rows.append(panels(es))
    told = f"{options.articles:,} articles, {options.mentions:,} mentions"
    print(f"\n{told}\n\n| what | figure | wanted | |\n|---|---|---|---|")
    for what, figure, wanted, good in rows:
        print(f"| {what} | {figure} | {wanted} | {'ok' if good else 'NOT MET'} |")
    sys.exit(not all(row[-1] for row in rows))


def writing(es: Elasticsearch, sample: list[Write]) -> tuple[str, str, str, bool]:
    """Documents a second by both ways, in turns; the index is made anew before each."""

    def plain() -> None:
        actions = (
            {
                "_op_type": "index",
                "_index": write.index,
                "_id": write.id,
                "_source": write.source,
            }
            for write in sample
        )
        for _ in streaming_bulk(es, actions, chunk_size=300, max_chunk_bytes=8 << 20):
            pass

    def ours() -> None:
        write_all(es, sample)

    speeds: dict[str, list[float]] = {"plain": [], "ours": []}
    for turn in range(5):
        for name, way in (("plain", plain), ("ours", ours)):
            es.indices.delete(index="rasid-articles-v*")
            provision(es)
            taken = timed(way)
            if turn:  # the first turn warms the node
                speeds[name].append(len(sample) / taken)
    theirs, own = (statistics.median(speeds[name]) for name in ("plain", "ours"))
    figure = f"{own:,.0f}/s, plain {theirs:,.0f}/s: {own / theirs:.0%}"
    return "articles written", figure, "≥ 85 % of plain streaming_bulk", own / theirs >= 0.85


def size(es: Elasticsearch, sample: list[Write]) -> tuple[str, str, str, bool]:
    """Bytes an article with our analysis and with the stock one."""
    mappings = template("articles")["template"]["mappings"]
    plain = {"type": "text", "analyzer": "arabic"}
    fields = mappings["properties"] | dict.fromkeys(("title", "summary", "text"), plain)
    # Without our normalizer, which the stock index does not have.
    fields = {
        name: {k: v for k, v in field.items() if k != "fields"} for name, field in fields.items()
    }
    fields["tags"] = {"type": "object", "dynamic": True}
    es.indices.create(index="stock", mappings={**mappings, "properties": fields, "_meta": {}})
    actions = ({"_index": "stock", "_id": w.id, "_source": w.source} for w in sample)
    for _ in streaming_bulk(es, actions, chunk_size=300):
        pass
    ours, stock = (merged(es, name) / len(sample) for name in (index_for("articles", NOW), "stock"))
    es.indices.delete(index="stock")
    figure = f"{ours / 1000:.1f} kB, stock analyzer {stock / 1000:.1f} kB: {ours / stock:.1f} ×"
    return "index size per article", figure, "printed", True


def linking(
    es: Elasticsearch, mentions: Iterator[Write], count: int
) -> list[tuple[str, str, str, bool]]:
    """All at once, and a hundred more when all others are linked."""
    whole = timed(lambda: link_incidents(es))
    fill(es, islice(mentions, 100))
    es.indices.refresh(index="rasid-*")
    few = timed(lambda: link_incidents(es))
    incidents = es.count(index="rasid-incidents")["count"]
    return [
        (
            "mentions linked",
            f"{count:,} in {whole:.1f} s, {incidents:,} incidents",
            "100,000 in ≤ 60 s",
            whole * 100_000 / count <= 60,
        ),
        (
            "a hundred more",
            f"{few:.2f} s",
            "≤ 1 s, whatever is there",
            few <= 1,
        ),
    ]


def searching(es: Elasticsearch) -> list[tuple[str, str, str, bool]]:
    """95th percentile of a search of each kind, ten rounds of the queries, filters by turns."""
    filters = ({}, {"since": "7d"}, {"place": "مأرب"}, {"since": "30d", "modality": "factual"})
    rows = []
    for name, search in (("articles", search_articles), ("mentions", search_mentions)):
        taken = [
            timed(partial(search, es, Query(text, **filters[turn % len(filters)])))
            for turn in range(10)
            for text in QUERIES
        ]
        late = statistics.quantiles(taken[len(QUERIES) :], n=20)[-1] * 1000
        middle = statistics.median(taken) * 1000
        figure = f"p95 {late:.0f} ms, median {middle:.0f} ms"
        rows.append((f"search in {name}", figure, "p95 ≤ 60 ms", late <= 60))
    return rows


def panels(es: Elasticsearch) -> tuple[str, str, str, bool]:
    """The slowest panel with an aggregation, uncached."""
    slowest, name = 0.0, ""
    for board in dashboards().values():
        for panel in board["panels"]:
            if panel["type"] != "vis":
                continue
            chart = panel["config"]
            asked = request(chart, board)
            ask = partial(es.search, index=view(chart), request_cache=False, **asked)
            taken = statistics.median(timed(ask) for _ in range(3))
            if taken > slowest:
                slowest, name = taken, str(chart.get("title", panel["id"]))
    return "heaviest panel", f"{slowest * 1000:.0f} ms: {name}", "≤ 300 ms", slowest <= 0.3


def fill(es: Elasticsearch, writes: Iterator[Write]) -> None:
    while part := list(islice(writes, 5000)):
        write_all(es, part)
        print(".", end="", flush=True, file=sys.stderr)
    es.indices.refresh(index="rasid-*")


def merged(es: Elasticsearch, index: str) -> int:
    """Bytes of the index as one segment."""
    patient = es.options(request_timeout=600)
    patient.indices.forcemerge(index=index, max_num_segments=1)
    patient.indices.flush(index=index)
    stats = patient.indices.stats(index=index, metric="store")
    return int(stats["_all"]["primaries"]["store"]["size_in_bytes"])


def timed(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


@contextmanager
def node() -> Iterator[Elasticsearch]:
    """An empty node of this run's own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = Path(tempfile.mkdtemp(prefix="rasid-bench-"))
    home.chmod(0o755)
    own = Settings(home=home, es_port=port)
    made = local_node.local_node(own)
    local_node.start(made)
    try:
        with connect(own) as es:
            yield es
    finally:
        local_node.stop(made)
        shutil.rmtree(made.folder, ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
