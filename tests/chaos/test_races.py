"""Two runs at once, an old run replayed, two taggers racing: the last revision wins, nothing else."""

from __future__ import annotations

import random

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rasid.pipeline import tag as tag_stage
from rasid.pipeline.tag import tagger
from tests.chaos.tasks import FORKING, Tasks, check, one_run, stages
from tests.pipeline.conftest import Chain


pytestmark = [
    pytest.mark.slow,
    pytest.mark.node,
    pytest.mark.timeout(1800),
    FORKING,
    pytest.mark.usefixtures("two_feeds"),
]


class OtherTagger:
    """Another version of the tagger, which finds every second mention only."""

    version = "0ther.9.joint"

    def __init__(self, real: Any) -> None:
        self.real = real

    def tag(self, text: str, **about: Any) -> Any:
        return self.real.tag(text, **about)[::2]


def interleave(draw: random.Random, *runs: Iterator[str]) -> None:
    """A stage of one, a stage of another, as the draw has it, until all are over."""
    going = list(runs)
    while going:
        one = draw.choice(going)
        if next(one, None) is None:
            going.remove(one)


@pytest.mark.parametrize("seed", range(4))
def test_two_runs_at_once(chain, es_settings, seed):
    """As when a person starts `rasid run` beside the schedule: both green, each article once."""
    both = [stages(chain, Tasks(es_settings), chain.new_run()) for _ in range(2)]
    interleave(random.Random(seed), *both)
    one_run(chain, Tasks(es_settings))
    check(chain)


def test_last_weeks_run_replayed(chain, es_settings):
    """*Clear* on a run of a week ago, whole: what newer runs wrote stays as it is."""
    tasks = Tasks(es_settings)
    old = replace(chain.new_run(), started_at=chain.clock - timedelta(days=7))
    one_run(chain, tasks, old)
    one_run(chain, tasks)
    families = ("articles", "mentions", "entries")
    before = {family: chain.documents(family) for family in families}
    one_run(chain, tasks, old)
    assert {family: chain.documents(family) for family in families} == before
    check(chain)


@pytest.mark.parametrize("seed", range(2))
def test_two_versions_of_the_tagger_race(chain: Chain, es_settings, seed, monkeypatch):
    """Whichever indexes last: every article and mention is of the newer run's version."""
    real = tagger()
    older, newer = chain.new_run(), chain.new_run()
    runs = {older.run_id: real, newer.run_id: OtherTagger(real)}

    def tagging(run_id: str, steps: Iterator[str]) -> Iterator[str]:
        while True:
            with monkeypatch.context() as patch:
                patch.setattr(tag_stage, "tagger", lambda: runs[run_id])
                step = next(steps, None)
            if step is None:
                return
            yield step

    draw = random.Random(seed)
    interleave(
        draw, *(tagging(r.run_id, stages(chain, Tasks(es_settings), r)) for r in (older, newer))
    )
    check(chain)
    articles = chain.documents("articles").values()
    taken_up_twice = [a for a in articles if a["run_id"] == newer.run_id]
    assert taken_up_twice
    versions = {(a["run_id"], a["tagger_version"]) for a in articles}
    assert versions <= {(run_id, one.version) for run_id, one in runs.items()}
    for mention in chain.documents("mentions").values():
        of = chain.documents("articles")[mention["article_id"]]
        assert mention["tagger_version"] == of["tagger_version"]
