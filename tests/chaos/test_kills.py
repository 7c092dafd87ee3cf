"""kill -9 at seeded moments: of the process that works on a stage, and of Elasticsearch under it.

Whatever was killed when: no entry is lost, none is there twice, and the books close.
"""

from __future__ import annotations

import random

from collections import Counter
from collections.abc import Callable

import pytest

from rasid.pipeline.tag import tagger
from rasid.search import connect, provision
from rasid.settings import Settings
from tests.chaos.cluster import Cluster
from tests.chaos.tasks import FORKING, Tasks, check, forget, one_run


pytestmark = [
    pytest.mark.slow,
    pytest.mark.node,
    pytest.mark.timeout(2400),
    FORKING,
]


def once_each(
    names: set[str], draw: random.Random, took: dict[str, float]
) -> Callable[[str], float | None]:
    """Strike each of these stages once, at a moment anywhere between its start and its end."""
    left = set(names)

    def moment(name: str) -> float | None:
        if name not in left:
            return None
        left.remove(name)
        return draw.uniform(0.0, took[name])

    return moment


def test_a_worker_killed_at_forty_moments_loses_nothing_and_does_nothing_twice(chain, es_settings):
    """Every stage of each of five runs dies once."""
    tagger()  # loaded once here, not in every process
    calm = Tasks(es_settings)
    one_run(chain, calm)
    check(chain)
    kills: Counter[str] = Counter()
    for seed in range(5):
        forget(chain)
        tasks = Tasks(es_settings, once_each(set(calm.took), random.Random(seed), calm.took))
        one_run(chain, tasks)
        check(chain)
        kills += tasks.kills
    assert sum(kills.values()) == 40


@pytest.mark.parametrize(
    ("nodes", "runs"), [pytest.param(1, 2, id="single"), pytest.param(3, 2, id="one-of-three")]
)
def test_elasticsearch_killed_under_what_writes_loses_nothing(nodes, runs, chain_of, tmp_path):
    """A single node is down until it is started again; one of three with replicas is not missed."""
    tagger()
    with Cluster.of(nodes, tmp_path / "es") as cluster:
        own = Settings(home=tmp_path, es_url=cluster.url)
        with connect(own) as es:
            provision(es)
            chain = chain_of(es)
            chain.feeds = ("furat", "tihama")
            chain.write_registry()
            calm = Tasks(own)
            one_run(chain, calm)
            check(chain)
            kills = 0
            for seed in range(runs):
                cluster.wait(es)
                forget(chain)
                draw = random.Random(seed)
                tasks = Tasks(
                    own,
                    once_each({"poll", "batch", "index", "settle"}, draw, calm.took),
                    strike=lambda _, draw=draw: cluster.kill(draw.choice(cluster.nodes)),
                    before=lambda: (cluster.start(), cluster.wait(es)),
                    mend=cluster.start if nodes == 1 else lambda: cluster.wait(es, "yellow"),
                )
                one_run(chain, tasks)
                cluster.start()
                cluster.wait(es)
                check(chain)
                kills += sum(tasks.kills.values())
            assert kills == 4 * runs
