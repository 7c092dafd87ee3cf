"""Relevance: judged queries over the demo's articles, our chain beside the stock analyzer."""

from __future__ import annotations

import math
import statistics

from datetime import UTC, datetime
from pathlib import Path

import pytest

from elasticsearch.helpers import bulk

from rasid.search import Query, Write, index_for, search_articles, write_all
from rasid.settings import INCLUDE


JUDGED = Path(__file__).parents[1] / "data" / "search" / "judged.txt"
NOW = datetime.now(UTC)
STOCK = "stock-articles"
LEAD = 0.05


def judged() -> dict[str, dict[str, int]]:
    lines = [line for line in JUDGED.read_text("utf-8").splitlines() if line[:1] not in ("#", "")]
    split = [line.split(" | ") for line in lines]
    return {
        query: {name: int(grade) for name, grade in (pair.split("=") for pair in answers.split())}
        for query, answers in split
    }


def ndcg(found: list[str], grades: dict[str, int], depth: int = 10) -> float:
    """Järvelin & Kekäläinen 2002, gain 2^grade - 1."""

    def gain(ordered):
        return sum((2**g - 1) / math.log2(rank + 2) for rank, g in enumerate(ordered[:depth]))

    return gain([grades.get(name, 0) for name in found]) / gain(
        sorted(grades.values(), reverse=True)
    )


@pytest.fixture
def articles(es):
    """The demo's articles in our index and, with the same text, under the stock analyzer."""
    stock = {"type": "text", "analyzer": "arabic"}
    es.options(ignore_status=404).indices.delete(index=STOCK)
    es.indices.create(index=STOCK, mappings={"properties": {"title": stock, "text": stock}})
    writes, plain = [], []
    for file in sorted((INCLUDE / "demo" / "articles").glob("*.md")):
        _, front, body = file.read_text("utf-8").split("---", 2)
        title = next(line for line in front.splitlines() if line.startswith("title:"))
        source = {"title": title[6:].strip().strip('"'), "text": body.strip()}
        dated = {**source, "published_at": NOW.isoformat()}
        writes.append(Write(index_for("articles", NOW), file.stem, 1, dated))
        plain.append({"_index": STOCK, "_id": file.stem, **source})
    write_all(es, writes)
    bulk(es, plain)
    es.indices.refresh(index=f"rasid-*,{STOCK}")
    yield es
    es.indices.delete(index=STOCK)


@pytest.mark.node
def test_our_chain_answers_clearly_better_than_the_stock_analyzer(articles):
    ours, stock = [], []
    for text, grades in judged().items():
        hits = search_articles(articles, Query(text, size=10))
        ours.append(ndcg([hit.id for hit in hits], grades))
        fields = {
            "fields": ["title^3", "text"],
            "type": "most_fields",
            "minimum_should_match": "2<75%",
        }
        phrase = {
            "query": text,
            "fields": ["title^3", "text"],
            "type": "phrase",
            "slop": 1,
            "boost": 2,
        }
        query = {
            "bool": {
                "must": {"multi_match": {"query": text, **fields}},
                "should": {"multi_match": phrase},
            }
        }
        found = articles.search(index=STOCK, query=query, size=10)["hits"]["hits"]
        stock.append(ndcg([hit["_id"] for hit in found], grades))
        print(f"{ours[-1]:.2f} {stock[-1]:.2f} {text}")  # noqa: T201
    means = f"ours {statistics.mean(ours):.3f}, stock {statistics.mean(stock):.3f}"
    print(f"{len(ours)} queries, nDCG@10: {means}")  # noqa: T201
    assert len(ours) >= 40
    assert statistics.mean(ours) >= statistics.mean(stock) + LEAD
