"""The 96 runs of a day under the real scheduler on Postgres, one after another, with faults.

Feeds and pages fail now and then, task processes are killed. Nothing is lost or there twice, what
runs all day needs no more memory at night than in the morning, and the rows that a day leaves in
Airflow's database go when they are old.
"""

from __future__ import annotations

import random
import re

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
import sqlalchemy
import structlog

from rasid.airflow.upkeep import clean_database
from rasid.demo.site import Resource, Site
from tests.pipeline.press import AGENCY, attack, open_outlets
from tests.team.conftest import PARTS, Team


pytestmark = [
    pytest.mark.slow,
    pytest.mark.node,
    pytest.mark.timeout(3600),
    pytest.mark.filterwarnings("ignore"),
]
log = structlog.get_logger()

RUNS = 96
KILLED = (7, 30, 52, 81)  # runs of which one task process is killed; each waits 30 s to try again
OUTLETS = ("sabah", "nahar", "masa")
BROKEN = Resource(b"Internal Server Error\n", "text/plain; charset=utf-8", status=500)
TABLES = ("dag_run", "task_instance", "xcom", "log", "asset_event", "rendered_task_instance_fields")


@dataclass
class Newsroom:
    """What the outlets of tests/pipeline/press.py need: a site, a registry, the time."""

    site: Site
    registry: Path

    @property
    def clock(self) -> datetime:
        return datetime.now(UTC)


def tasks_of(scheduler: psutil.Process) -> list[psutil.Process]:
    """The processes that run a task's code, not those that watch over them."""
    found = []
    for process in scheduler.children(recursive=True):
        try:
            if re.match(r"airflow worker -- [0-9a-f]{8}-", " ".join(process.cmdline())):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def killing(scheduler: psutil.Process, draw: random.Random) -> tuple[Callable[[], None], list[int]]:
    """Something to do while a run goes on: kill one task process; the list has its pid then."""
    killed: list[int] = []

    def kill() -> None:
        running = tasks_of(scheduler)
        if running and not killed:
            victim = draw.choice(running)
            victim.kill()
            killed.append(victim.pid)

    return kill, killed


def test_a_day_of_scheduled_runs(team: Team, es_session: Any) -> None:
    draw = random.Random(17)
    room = Newsroom(team.site, team.home / "feeds.yaml")
    outlets = open_outlets(room, *OUTLETS)
    for part in PARTS:
        team.start(part)
    scheduler = psutil.Process(team.processes["scheduler"].pid)
    memory: list[dict[str, int]] = []
    published, kills = 0, 0
    for number in range(RUNS):
        broken = {}
        for outlet in outlets:
            if draw.random() < 0.4:
                own = f"وهذا هو الخبر رقم {number} في نشرة اليوم من المراسل في المدينة."
                text = attack("خمسة", sentences=(*draw.sample(AGENCY, 4), own))
                outlet.put(f"n{number}", f"قتلى في هجوم شرقي مأرب رقم {number} {outlet.id}", text)
                published += 1
            if draw.random() < 0.1:
                broken[outlet.path("rss")] = room.site.resources[outlet.path("rss")]
        room.site.resources.update(dict.fromkeys(broken, BROKEN))
        meanwhile, killed = killing(scheduler, draw)
        trouble = meanwhile if number in KILLED else lambda: None
        state, _ = team.run(only_due=False, meanwhile=trouble)
        kills += len(killed)
        assert state == "success", number
        room.site.resources.update(broken)
        memory.append(
            {n: psutil.Process(p.pid).memory_info().rss >> 20 for n, p in team.processes.items()}
        )
    team.run(only_due=False)  # what a broken feed kept back last time

    es_session.indices.refresh(index="rasid-*")
    assert kills == len(KILLED)
    assert published == es_session.count(index="rasid-articles")["count"]
    settled = {"term": {"outcome": "indexed"}}
    assert published == es_session.count(index="rasid-entries", query=settled)["count"]
    assert published == es_session.count(index="rasid-entries")["count"]
    still_open = {"term": {"closed": False}}
    assert not es_session.count(index="rasid-runs", query=still_open)["count"]

    log.info("memory", mb=memory[:: RUNS // 8])
    for part in PARTS:
        assert memory[-1][part] < 1.15 * memory[RUNS // 4][part], part

    url = team.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    full = rows(url)
    clean_database(url, before=datetime.now(UTC))
    left = rows(url)
    log.info("rows", of_a_day=full, when_old=left)
    assert full["dag_run"] > RUNS
    for table in TABLES:
        assert left[table] <= 0.02 * full[table], table


def rows(url: str) -> dict[str, int]:
    """How many rows Airflow's growing tables have."""
    engine = sqlalchemy.create_engine(url)
    try:
        with engine.connect() as connection:
            return {
                table: connection.execute(sqlalchemy.text(f"select count(*) from {table}")).scalar()
                for table in TABLES
            }
    finally:
        engine.dispose()
