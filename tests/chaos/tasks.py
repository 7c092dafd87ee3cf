"""Runs of the chain whose stages are struck: each in a process of its own, as Airflow's tasks are.

The stages are begun again as Airflow begins them: some tries each, then the run is red and the
next one takes up what it owed.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import time
import traceback

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from elasticsearch import Elasticsearch

from rasid.errors import BooksOpen, ConfigError
from rasid.pipeline.archive import WarcReader
from rasid.pipeline.batch import batch
from rasid.pipeline.fetch import fetch
from rasid.pipeline.index import index
from rasid.pipeline.plan import plan
from rasid.pipeline.poll import poll
from rasid.pipeline.read import read
from rasid.pipeline.records import Archived, Run
from rasid.pipeline.settle import settle
from rasid.pipeline.tag import tag
from rasid.search import connect
from rasid.settings import Settings
from tests.pipeline.conftest import Chain


# Processes are forked from one that serves the site in a thread; they only run a stage.
FORKING = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


class Red(AssertionError):
    """A stage ended badly at its last try; the message is its traceback."""


@dataclass
class Tasks:
    """Runs stages in processes of their own, and strikes when `kill` says so.

    `kill` is asked before each try with the stage's name: seconds after which to strike, or None.
    `strike` gets the process; `before` is called before a try that is struck, `mend` after one that
    failed; `within` in the process itself.
    """

    of: Settings
    kill: Callable[[str], float | None] = lambda _: None
    strike: Callable[[int], None] = lambda pid: os.kill(pid, signal.SIGKILL)
    before: Callable[[], object] = lambda: None
    mend: Callable[[], object] = lambda: None
    within: Callable[[Elasticsearch], Elasticsearch] = lambda es: es
    tries: int = 4
    took: dict[str, float] = field(default_factory=dict)
    kills: Counter[str] = field(default_factory=Counter)

    def __call__(self, name: str, work: Callable[[Any], Any]) -> Any:
        """What `work(es)` returns, from the first try that was let finish."""
        said = ""
        for _ in range(self.tries):
            after = self.kill(name)
            if after is not None:
                self.before()
            began = time.monotonic()
            pid, answer = self._fork(work)
            if after is not None:
                time.sleep(after)
                self.strike(pid)
                self.kills[name] += 1
            with os.fdopen(answer, "rb") as pipe:
                told = pipe.read()
            os.waitpid(pid, 0)
            done, said, again = pickle.loads(told) if told else (False, "it was killed", True)
            if done:
                self.took.setdefault(name, time.monotonic() - began)
                return said
            if not again:
                break
            self.mend()
        raise Red(f"{name}: {said}")

    def _fork(self, work: Callable[[Any], Any]) -> tuple[int, int]:
        reads, writes = os.pipe()
        pid = os.fork()
        if pid:
            os.close(writes)
            return pid, reads
        try:
            with connect(self.of) as es:
                answer = (True, work(self.within(es)), True)
        except BaseException as error:  # noqa: BLE001  (the parent says what it was)
            # As rasid.airflow.retry: these two no try mends.
            again = not isinstance(error, BooksOpen | ConfigError)
            answer = (False, traceback.format_exc(), again)
        os.write(writes, pickle.dumps(answer))
        os._exit(0)


def one_run(chain: Chain, tasks: Tasks, run: Run | None = None) -> Run:
    """The chain as monitor_news has it; Red when a stage ends badly."""
    run = run or chain.new_run()
    for _ in stages(chain, tasks, run):
        pass
    return run


def stages(chain: Chain, tasks: Tasks, run: Run) -> Iterator[str]:
    """The same a stage at a time: the name of each when it is over."""
    feeds = tasks("plan", lambda es: plan(es, run, only_due=False))
    yield "plan"
    polls = []
    for n, ids in enumerate(feeds):
        polls.append(
            tasks("poll", lambda es, ids=ids, n=n: asyncio.run(poll(es, run, ids, name=f"{n:04}")))
        )
        yield "poll"
    batches = tasks("batch", lambda es: batch(es, run, polls))
    yield "batch"
    for path in batches:
        path = tasks("fetch", lambda _, path=path: asyncio.run(fetch(run, path)))  # noqa: PLW2901
        yield "fetch"
        path = tasks("read", lambda _, path=path: read(run, path))  # noqa: PLW2901
        yield "read"
        path = tasks("tag", lambda _, path=path: tag(run, path))  # noqa: PLW2901
        yield "tag"
        tasks("index", lambda es, path=path: index(es, run, path))
        yield "index"
    tasks("settle", lambda es: settle(es, run, polls))
    yield "settle"


def check(chain: Chain) -> None:
    """0 lost, 0 twice, books closed, and every article's page and mentions as they should be."""
    runs = chain.documents("runs")
    assert [book["difference"] for book in runs.values() if not book["closed"]] == []
    entries, articles = chain.documents("entries"), chain.documents("articles")
    assert len(entries) == len(articles) == chain.expected
    assert {entry["state"] for entry in entries.values()} == {"settled"}
    assert len({article["canonical_url"] for article in articles.values()}) == chain.expected
    pages = WarcReader()
    for article in articles.values():
        assert pages.page(Archived(**article["archive"])).url == article["url"]
    told = Counter(mention["article_id"] for mention in chain.documents("mentions").values())
    assert told == +Counter({i: article["tags"]["mentions"] for i, article in articles.items()})
    committed = {poll["feed_id"] for poll in chain.documents("polls").values() if poll["committed"]}
    assert committed == set(chain.feeds)


def forget(chain: Chain) -> None:
    """Empty the indices; the store stays."""
    chain.es.delete_by_query(
        index="rasid-*", query={"match_all": {}}, conflicts="proceed", refresh=True
    )
