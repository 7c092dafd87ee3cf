"""A day of runs every quarter of an hour, with faults: nothing is lost, nothing grows for ever.

The clock is the runs' own; the time that politeness and retries wait for is left out.
"""

from __future__ import annotations

import gc
import random
import sys

from datetime import timedelta

import psutil
import pytest
import structlog

from rasid.demo.site import Resource
from rasid.pipeline.retention import prune_pages, prune_runs
from rasid.pipeline.store import list_folders
from rasid.search.retention import prune
from rasid.settings import settings
from tests.pipeline.press import AGENCY, attack, open_outlets


pytestmark = [pytest.mark.slow, pytest.mark.node, pytest.mark.timeout(3000)]

log = structlog.get_logger()

RUNS = 96
OUTLETS = ("sabah", "nahar", "masa")
STOPS = ("plan", "poll", "batch", "fetch", "read", "tag", "index")
BROKEN = Resource(b"Internal Server Error\n", "text/plain; charset=utf-8", status=500)


def test_a_day_of_runs_with_faults(chain):
    """Each outlet writes; feeds and pages fail now and then; one run in eight dies on its way."""
    draw = random.Random(11)
    outlets = open_outlets(chain, *OUTLETS)
    memory: list[int] = []
    blocks: list[int] = []
    published = died = 0
    for number in range(RUNS):
        chain.clock += timedelta(minutes=14)  # and one that each run takes
        broken = {}
        for outlet in outlets:
            if draw.random() < 0.4:
                killed = draw.choice(("ثلاثة", "خمسة", "سبعة"))
                own = f"وهذا هو الخبر رقم {number} في نشرة اليوم من المراسل في المدينة."
                text = attack(killed, sentences=(*draw.sample(AGENCY, 4), own))
                outlet.put(f"n{number}", f"قتلى في هجوم شرقي مأرب رقم {number} {outlet.id}", text)
                published += 1
            if draw.random() < 0.15:
                what = draw.choice(("rss", f"n{number}"))
                path = outlet.path(what)
                broken[path] = chain.site.resources.get(path)
                chain.site.resources[path] = BROKEN
        if draw.random() < 0.125:
            chain.run(until=draw.choice(STOPS))
            died += 1
        else:
            chain.run()
        for path, was in broken.items():
            chain.site.resources.pop(path)
            if was is not None:
                chain.site.resources[path] = was
        gc.collect()
        memory.append(psutil.Process().memory_info().rss >> 20)
        blocks.append(sys.getallocatedblocks())
    for _ in range(4):  # what waits for another try has it within the hours after
        chain.clock += timedelta(hours=2)
        chain.run()

    entries, articles = chain.documents("entries"), chain.documents("articles")
    assert len(entries) == len(articles) == published
    assert {entry["state"] for entry in entries.values()} == {"settled"}
    books = chain.documents("runs").values()
    assert all(book["closed"] for book in books)
    assert died > 6
    log.info("memory", mb=memory[:: RUNS // 8], blocks=blocks[:: RUNS // 8])
    assert blocks[-1] < 1.05 * blocks[RUNS // 4]
    assert memory[-1] - memory[RUNS // 4] < 100  # megabytes, in one process; Airflow has many

    # What keep_house does at night, when all of it is old: only what is for ever stays.
    later = chain.clock + timedelta(days=401)
    prune(chain.es, now=later)
    prune_runs(chain.es, now=later, days=settings().keep_runs)
    assert prune_pages(chain.es, now=later, days=30)
    assert list_folders(f"{settings().store_root}/runs") == []
    assert len(chain.documents("articles")) == published
    # The newest poll is what is remembered of its feed.
    assert {poll["feed_id"] for poll in chain.documents("polls").values()} == set(OUTLETS)
    assert len(chain.documents("polls")) == len(OUTLETS)
    assert not chain.documents("runs")
