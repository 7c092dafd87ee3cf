"""Troubles that last: the platform comes back by itself, or says what a person has to do."""

from __future__ import annotations

import os
import random
import subprocess
import threading
import time

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from rasid.settings import settings
from tests.chaos.proxy import Proxy, proxy
from tests.chaos.tasks import FORKING, Red, Tasks, check, forget, one_run


pytestmark = [
    pytest.mark.slow,
    pytest.mark.node,
    pytest.mark.timeout(1800),
    FORKING,
    pytest.mark.usefixtures("two_feeds"),
]


# --- Elasticsearch -------------------------------------------------------------------------------


@contextmanager
def weather(door: Proxy, *, seconds: float) -> Iterator[threading.Thread]:
    """Every kind of trouble for so many seconds in all, coming and going at seeded moments."""
    draw = random.Random(0)

    def change() -> None:
        for kind in ("429", "503", "reset", "hang"):
            until = time.monotonic() + seconds / 4
            while time.monotonic() < until:
                for door.trouble in (kind, ""):
                    time.sleep(draw.uniform(0.3, 3.0))

    thread = threading.Thread(target=change)
    thread.start()
    yield thread
    thread.join()


def test_elasticsearch_in_trouble_for_minutes(chain, es_settings):
    """429, 503, cut connections and silence in turns: some runs are red, then all is there."""
    node = next(iter(chain.es.transport.node_pool.all())).config
    reds = 0
    with proxy(node.port) as door:
        own = es_settings.model_copy(update={"es_url": door.url})
        # Less patient than ours, or the test would be as long as its patience.
        tasks = Tasks(own, within=lambda es: es.options(request_timeout=2))
        with weather(door, seconds=120) as trouble:
            while trouble.is_alive():
                try:
                    one_run(chain, tasks)
                except Red:
                    reds += 1
                else:
                    forget(chain)  # it got through; the next begins anew
        assert set(door.met) == {"429", "503", "reset", "hang"}
        assert reds
        one_run(chain, tasks)
        check(chain)


def test_an_index_that_the_flood_stage_made_read_only(chain, es_settings):
    """The run says so; when there is room again, the next one brings what is missing."""
    tasks = Tasks(es_settings, tries=1)  # each takes its half minute of patience
    settings_of = chain.es.indices.put_settings
    settings_of(index="rasid-*", settings={"index.blocks.read_only_allow_delete": True})
    with pytest.raises(Red, match="disk usage exceeded flood-stage watermark"):
        one_run(chain, tasks)
    # Elasticsearch itself takes the block away when the disk has room.
    settings_of(index="rasid-*", settings={"index.blocks.read_only_allow_delete": None})
    one_run(chain, tasks)
    check(chain)


# --- the storage ---------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A store on a disk of its own with hardly any room."""
    if os.getuid():
        pytest.skip("only root may mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no file systems can be mounted here")
    monkeypatch.setenv("RASID_STORE", (disk / "store").as_uri())
    settings.cache_clear()
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_under_the_archive(chain, small_disk, es_settings):
    """The run says where there is no room and leaves no half file; with room it goes on."""
    tasks = Tasks(es_settings)
    with pytest.raises(Red, match=r"No space left on device.*the free space"):
        one_run(chain, tasks)
    assert not list(small_disk.rglob("*.part"))
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    one_run(chain, tasks)
    check(chain)


# --- the clock -----------------------------------------------------------------------------------


@pytest.mark.parametrize("jump", [timedelta(days=-1), timedelta(days=40)])
def test_a_clock_that_jumps(chain, es_settings, jump):
    """A run dies and owes, the clock jumps either way, the next run ends all that is owed."""
    tasks = Tasks(es_settings)
    with pytest.raises(Red, match="it was killed"):
        one_run(chain, Tasks(es_settings, kill=lambda name: 0.0 if name == "index" else None))
    chain.clock += jump
    one_run(chain, tasks)
    check(chain)
