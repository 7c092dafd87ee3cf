"""The chain without Airflow: the demo site over real sockets, the real node, a store in a folder."""

from __future__ import annotations

import asyncio

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import yaml

from rasid.demo.site import articles, demo_feeds, serve
from rasid.pipeline.batch import batch
from rasid.pipeline.fetch import fetch
from rasid.pipeline.index import index
from rasid.pipeline.plan import plan
from rasid.pipeline.poll import poll
from rasid.pipeline.read import read
from rasid.pipeline.records import Books, Run
from rasid.pipeline.settle import settle
from rasid.pipeline.tag import tag
from rasid.settings import settings


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from elasticsearch import Elasticsearch

    from rasid.demo.site import Site

FEEDS = ("tihama", "waraq", "furat", "sada")
STAGES = ("plan", "poll", "batch", "fetch", "read", "tag", "index", "settle")


class Chain:
    """Runs of the chain against one site; each run starts a minute after the one before."""

    def __init__(self, es: Elasticsearch, site: Site, registry: Path) -> None:
        self.es = es
        self.site = site
        self.registry = registry
        self.feeds = FEEDS
        self.clock = datetime.now(UTC)
        self.count = 0

    def write_registry(self, *more: dict) -> None:
        """Four of the demo's feeds: full text, windows-1256, Atom, and the one that fails."""
        feeds = [f for f in demo_feeds(self.site.port) if f["id"] in self.feeds]
        body = yaml.safe_dump({"feeds": [*feeds, *more]}, allow_unicode=True)
        self.registry.write_text(body, "utf-8")

    def new_run(self) -> Run:
        self.count += 1
        self.clock += timedelta(minutes=1)
        return Run(f"test__{self.count}", "monitor_news", self.clock)

    def run(self, run: Run | None = None, *, until: str = "settle") -> list[Books]:
        """Every stage up to `until`, as the DAG calls them; the books when it got so far."""
        run = run or self.new_run()
        stop = STAGES.index(until)
        feeds = plan(self.es, run, only_due=False)
        if stop == 0:
            return []
        polls = [
            asyncio.run(poll(self.es, run, ids, name=f"{n:04}")) for n, ids in enumerate(feeds)
        ]
        if stop == 1:
            return []
        batches = batch(self.es, run, polls)
        for path in batches:
            for at, stage in enumerate(
                (
                    lambda p: asyncio.run(fetch(run, p)),
                    lambda p: read(run, p),
                    lambda p: tag(run, p),
                    lambda p: index(self.es, run, p),
                ),
                3,
            ):
                if stop >= at:
                    path = stage(path)  # noqa: PLW2901  (each stage hands the next its path)
        return settle(self.es, run, polls) if until == "settle" else []

    @property
    def expected(self) -> int:
        """How many articles these feeds list."""
        return sum(article.outlet.id in self.feeds for article in articles())

    def documents(self, family: str) -> dict[str, dict]:
        """All documents of a family by id."""
        self.es.indices.refresh(index="rasid-*")
        hits = self.es.search(index=f"rasid-{family}", size=5000)["hits"]["hits"]
        return {hit["_id"]: hit["_source"] for hit in hits}


@pytest.fixture
def chain_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Elasticsearch], Chain]]:
    """Makes a chain over the demo site, in any index, with an empty store."""
    with serve(0, now=datetime.now(UTC)) as site:
        monkeypatch.setenv("RASID_HOME", str(tmp_path / "home"))  # what is known of hosts
        monkeypatch.setenv("RASID_FEEDS", str(tmp_path / "feeds.yaml"))
        monkeypatch.setenv("RASID_STORE", (tmp_path / "store").as_uri())
        monkeypatch.setenv("RASID_ALLOW_HOSTS", f"127.0.0.1:{site.port}")
        settings.cache_clear()

        def make(es: Elasticsearch) -> Chain:
            made = Chain(es, site, tmp_path / "feeds.yaml")
            made.write_registry()
            return made

        yield make
    settings.cache_clear()


@pytest.fixture
def chain(es: Elasticsearch, chain_of: Callable[[Elasticsearch], Chain]) -> Chain:
    """A chain over the demo site with an empty index and an empty store."""
    return chain_of(es)
