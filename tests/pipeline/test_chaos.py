"""kill -9 at seeded moments of the process that works on a stage.

Each stage runs in a process of its own, as Airflow's tasks do, and is begun again when it died.
Whatever was killed when: no entry is lost, none is there twice, and the books close.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import random
import signal
import time
import traceback

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from rasid.pipeline.archive import WarcReader
from rasid.pipeline.batch import batch
from rasid.pipeline.fetch import fetch
from rasid.pipeline.index import index
from rasid.pipeline.plan import plan
from rasid.pipeline.poll import poll
from rasid.pipeline.read import read
from rasid.pipeline.records import Archived, Run
from rasid.pipeline.settle import settle
from rasid.pipeline.tag import tag, tagger
from rasid.search import connect
from rasid.settings import Settings
from tests.pipeline.conftest import Chain


pytestmark = [
    pytest.mark.slow,
    pytest.mark.node,
    pytest.mark.timeout(1800),
    # Processes are forked from one that serves the site in a thread; they only run a stage.
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]

TRIES = 60


@dataclass
class Tasks:
    """Runs stages in processes of their own, and kills them when `kill` says so.

    It is asked before each try with the stage's name: seconds after which to strike, or None.
    """

    of: Settings
    kill: Callable[[str], float | None] = lambda _: None
    took: dict[str, float] = field(default_factory=dict)
    kills: Counter[str] = field(default_factory=Counter)

    def __call__(self, name: str, work: Callable[[Any], Any]) -> Any:
        """What `work(es)` returns, from the first try that was let finish."""
        for _ in range(TRIES):
            after = self.kill(name)
            began = time.monotonic()
            pid, answer = self._fork(work)
            if after is not None:
                time.sleep(after)
                os.kill(pid, signal.SIGKILL)
                self.kills[name] += 1
            with os.fdopen(answer, "rb") as pipe:
                told = pipe.read()
            os.waitpid(pid, 0)
            done, result = pickle.loads(told) if told else (False, "")
            if done:
                self.took.setdefault(name, time.monotonic() - began)
                return result
            # What fails while nothing was killed is a defect, not chaos.
            assert self.kills, result
        raise AssertionError(f"{name} was never let finish in {TRIES} tries")

    def _fork(self, work: Callable[[Any], Any]) -> tuple[int, int]:
        reads, writes = os.pipe()
        pid = os.fork()
        if pid:
            os.close(writes)
            return pid, reads
        try:
            with connect(self.of) as es:
                answer = (True, work(es))
        except BaseException:  # noqa: BLE001  (the parent says what it was)
            answer = (False, traceback.format_exc())
        os.write(writes, pickle.dumps(answer))
        os._exit(0)


def one_run(chain: Chain, tasks: Tasks) -> Run:
    """The chain as monitor_news has it."""
    run = chain.new_run()
    feeds = tasks("plan", lambda es: plan(es, run, only_due=False))
    polls = [
        tasks("poll", lambda es, ids=ids, n=n: asyncio.run(poll(es, run, ids, name=f"{n:04}")))
        for n, ids in enumerate(feeds)
    ]
    for path in tasks("batch", lambda es: batch(es, run, polls)):
        path = tasks("fetch", lambda _, path=path: asyncio.run(fetch(run, path)))  # noqa: PLW2901
        path = tasks("read", lambda _, path=path: read(run, path))  # noqa: PLW2901
        path = tasks("tag", lambda _, path=path: tag(run, path))  # noqa: PLW2901
        tasks("index", lambda es, path=path: index(es, run, path))
    tasks("settle", lambda es: settle(es, run, polls))
    return run


def check(chain: Chain, run: Run) -> None:
    """0 lost, 0 twice, books closed, and every article's page and mentions as they should be."""
    books = chain.documents("runs")[f"{run.run_id}|*"]
    assert books["closed"], books["difference"]
    entries, articles = chain.documents("entries"), chain.documents("articles")
    assert len(entries) == len(articles) == chain.expected == books["outcomes"]["indexed"]
    assert {entry["state"] for entry in entries.values()} == {"settled"}
    assert len({article["canonical_url"] for article in articles.values()}) == chain.expected
    pages = WarcReader()
    for article in articles.values():
        assert pages.page(Archived(**article["archive"])).url == article["url"]
    told = Counter(mention["article_id"] for mention in chain.documents("mentions").values())
    assert (
        told
        == Counter({name: article["tags"]["mentions"] for name, article in articles.items()})
        - Counter()
    )
    committed = {poll["feed_id"] for poll in chain.documents("polls").values() if poll["committed"]}
    assert committed == set(chain.feeds)


def forget(chain: Chain) -> None:
    chain.es.delete_by_query(
        index="rasid-*", query={"match_all": {}}, conflicts="proceed", refresh=True
    )


def test_a_worker_killed_at_forty_moments_loses_nothing_and_does_nothing_twice(chain, es_settings):
    """Every stage of each run dies once, at a moment anywhere between its start and its end."""
    tagger()  # loaded once here, not in every process
    calm = Tasks(es_settings)
    check(chain, one_run(chain, calm))
    kills: Counter[str] = Counter()
    for seed in range(20):
        if sum(kills.values()) >= 40:
            break
        forget(chain)
        draw = random.Random(seed)
        dead: set[str] = set()

        def moment(name: str, draw=draw, dead=dead) -> float | None:
            if name in dead:
                return None
            dead.add(name)
            return draw.uniform(0.0, calm.took[name])

        tasks = Tasks(es_settings, moment)
        check(chain, one_run(chain, tasks))
        kills += tasks.kills
    assert sum(kills.values()) >= 40
