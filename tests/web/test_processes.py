"""Manners across processes: the tasks of a run are processes, and a host sees one visitor."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time

from functools import partial

import pytest

from rasid.errors import FetchError, HostBusy
from rasid.web import GuardedClient, Hosts


INTERVAL = 0.5
PROCESSES = 3

# What a task does: fetch so many pages of a host; prints the outcomes.
TASK = """
import asyncio, json, sys
from pathlib import Path
from rasid.errors import FetchError
from rasid.web import GuardedClient, Hosts

host, memory, pages, interval, deadline = sys.argv[1:]

async def main():
    async with GuardedClient(
        allow_hosts=frozenset({host}), user_agent="Rasid/0.1", memory=Path(memory)
    ) as client:
        async def one(n):
            try:
                await client.get(
                    f"http://{host}/page", min_interval=float(interval), deadline=float(deadline)
                )
            except FetchError as error:
                return error.outcome
            return "ok"
        return await asyncio.gather(*(one(n) for n in range(int(pages))))

print(json.dumps(asyncio.run(main())))
"""


async def task(site, memory, *, pages: int, interval=0.0, deadline=10.0) -> list[str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", TASK, site.host, str(memory)),
        *(str(n) for n in (pages, interval, deadline)),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    return json.loads(out)


def test_processes_keep_one_interval_together(serve, reply, tmp_path) -> None:
    asked: list[float] = []

    async def page(writer, headers):
        asked.append(time.monotonic())
        writer.write(reply("200 OK", b"x"))

    async def main() -> list[list[str]]:
        async with serve({"/page": page}) as site:
            tasks = (task(site, tmp_path, pages=4, interval=INTERVAL) for _ in range(PROCESSES))
            return await asyncio.gather(*tasks)

    assert asyncio.run(main()) == [["ok"] * 4] * PROCESSES
    gaps = [after - before for before, after in itertools.pairwise(asked)]
    assert len(gaps) == 4 * PROCESSES - 1
    # Each starts at its turn, though a busy machine wakes some late. Had each process a pace of
    # its own, two gaps of three would be none.
    assert sum(gap > INTERVAL / 2 for gap in gaps) >= len(gaps) * 0.7
    assert sum(gaps) >= INTERVAL * len(gaps) * 0.98


def test_processes_share_two_requests_at_once(serve, reply, tmp_path) -> None:
    running, most = 0, 0

    async def busy(writer, headers):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.2)
        running -= 1
        writer.write(reply("200 OK", b"x"))

    async def main() -> list[list[str]]:
        async with serve({"/page": busy}) as site:
            return await asyncio.gather(*(task(site, tmp_path, pages=5) for _ in range(PROCESSES)))

    assert asyncio.run(main()) == [["ok"] * 5] * PROCESSES
    assert most == 2


def test_a_task_that_dies_leaves_its_slots_to_others(serve, reply, tmp_path) -> None:
    """flock(2): a lock ends with its process, however that ends."""
    asked = asyncio.Event()

    async def main() -> tuple[list[str], float]:
        async def never(writer, headers):
            asked.set()
            await asyncio.sleep(60)

        async with serve({"/page": never}) as site:
            holder = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", TASK, site.host, str(tmp_path), "2", "0", "60"),
                stdout=asyncio.subprocess.DEVNULL,
            )
            await asked.wait()
            holder.kill()
            await holder.wait()
            site.routes["/page"] = reply("200 OK", b"x")
            started = time.monotonic()
            return await task(site, tmp_path, pages=1), time.monotonic() - started

    outcomes, seconds = asyncio.run(main())
    assert outcomes == ["ok"]
    assert seconds < 20


@pytest.mark.parametrize(
    ("status", "outcome"), [("429 Too Many", "throttled"), ("reset", "unreachable")]
)
def test_a_host_that_rests_or_is_dead_is_so_for_the_next_process(
    serve, reply, tmp_path, status, outcome
) -> None:
    async def reset(writer, headers):
        writer.transport.abort()

    async def main() -> tuple[list[str], list[str], int]:
        behaviour = reset if status == "reset" else reply(status)
        async with serve({"/page": behaviour}) as site:
            first = await task(site, tmp_path, pages=1)
            site.routes["/page"] = reply("200 OK", b"x")
            return first, await task(site, tmp_path, pages=3), site.asked("/page")

    assert asyncio.run(main()) == ([outcome], [outcome] * 3, 1)


def test_who_waits_longer_than_the_patience_is_told_and_the_host_is_not_blamed(
    serve, reply, tmp_path
) -> None:
    async def main():
        async with serve({"/page": reply("200 OK", b"x")}) as site:

            def client(patience: float) -> GuardedClient:
                return GuardedClient(
                    allow_hosts=frozenset({site.host}),
                    user_agent="Rasid/0.1",
                    memory=tmp_path,
                    patience=patience,
                )

            async with client(4.0) as hurried:
                ask = partial(hurried.get, site.url("/page"), respect_robots=False)
                answers = await asyncio.gather(
                    *(ask(min_interval=2.5) for _ in range(5)), return_exceptions=True
                )
            async with client(60.0) as patient:
                await patient.get(site.url("/page"), min_interval=2.5)
            return [a for a in answers if isinstance(a, FetchError)]

    refused = asyncio.run(main())
    assert len(refused) == 3
    assert all(isinstance(error, HostBusy) and error.retry_after > 0 for error in refused)


def test_a_host_may_be_forgotten(serve, reply, tmp_path) -> None:
    async def reset(writer, headers):
        writer.transport.abort()

    async def main() -> list[str]:
        async with serve({"/page": reset}) as site:
            first = await task(site, tmp_path, pages=1)
            site.routes["/page"] = reply("200 OK", b"x")
            Hosts(tmp_path).forget(site.host)
            return first + await task(site, tmp_path, pages=1)

    assert asyncio.run(main()) == ["unreachable", "ok"]


def test_a_memory_that_was_cut_short_is_begun_anew(serve, reply, tmp_path) -> None:
    async def main() -> list[str]:
        async with serve({"/page": reply("200 OK", b"x")}) as site:
            await task(site, tmp_path, pages=1)
            for file in tmp_path.glob("*.json"):
                file.write_text('{"free_at": 17')
            return await task(site, tmp_path, pages=1)

    assert asyncio.run(main()) == ["ok"]
