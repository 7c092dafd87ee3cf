"""Manners: intervals, concurrency, robots.txt, dead hosts."""

from __future__ import annotations

import asyncio
import os
import time

import pytest

from rasid.errors import FetchError, PolicyRefused, Unreachable
from rasid.web import GuardedClient, Robots


def client_of(*sites, **options) -> GuardedClient:
    return GuardedClient(
        allow_hosts=frozenset(s.host for s in sites), user_agent="Rasid/0.1", **options
    )


def test_requests_to_one_host_keep_their_interval_and_hosts_do_not_wait_for_each_other(
    serve, reply
) -> None:
    async def main() -> float:
        page = {"/": reply("200 OK", b"x")}
        async with serve(page) as one, serve(page) as two, client_of(one, two) as client:
            started = time.monotonic()
            await asyncio.gather(
                *(client.get(s.url("/"), min_interval=0.3) for s in (one, one, one, two, two, two))
            )
            return time.monotonic() - started

    assert 0.6 <= asyncio.run(main()) < 1.4  # one after the other would take 1.5


def test_at_most_two_requests_to_a_host_run_at_once(serve, reply) -> None:
    running, most = 0, 0

    async def busy(writer, headers):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.05)
        running -= 1
        writer.write(reply("200 OK", b"x"))

    async def main() -> None:
        async with serve({"/": busy}) as site, client_of(site) as client:
            await asyncio.gather(*(client.get(site.url("/"), min_interval=0.0) for _ in range(10)))

    asyncio.run(main())
    assert most == 2


def test_robots_txt_is_asked_once_and_its_crawl_delay_is_kept(serve, reply) -> None:
    async def main():
        routes = {
            "/robots.txt": reply("200 OK", b"User-agent: *\nCrawl-delay: 0.4\nDisallow: /private"),
            "/": reply("200 OK", b"x"),
        }
        async with serve(routes) as site, client_of(site) as client:
            started = time.monotonic()
            await asyncio.gather(*(client.get(site.url("/"), min_interval=0.0) for _ in range(3)))
            elapsed = time.monotonic() - started
            with pytest.raises(PolicyRefused):
                await client.get(site.url("/private/x"))
            return site.asked("/robots.txt"), site.asked("/private/x"), elapsed

    once, never, elapsed = asyncio.run(main())
    assert (once, never) == (1, 0)
    assert elapsed >= 0.8


@pytest.mark.parametrize(
    ("status", "outcome"),
    [("404 Not Found", "ok"), ("403 Forbidden", "ok"), ("500 Error", "server_error")],
)
def test_robots_txt_that_is_missing_allows_and_one_that_fails_forbids_for_now(
    serve, reply, status, outcome
) -> None:
    """RFC 9309 §2.3.1.3 and §2.3.1.4."""

    async def main() -> str:
        routes = {"/robots.txt": reply(status), "/": reply("200 OK", b"x")}
        async with serve(routes) as site, client_of(site) as client:
            try:
                await client.get(site.url("/"), min_interval=0.0)
            except FetchError as error:
                return error.outcome
            return "ok"

    assert asyncio.run(main()) == outcome


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("", False),
        ("User-agent: *\nDisallow:", False),
        ("User-agent: *\nDisallow: /", True),
        ("User-agent: Rasid\nDisallow: /\n\nUser-agent: *\nAllow: /", True),
        ("User-agent: Rasid\nAllow: /\n\nUser-agent: *\nDisallow: /", False),
        ("User-agent: GPTBot\nDisallow: /", False),
        ("User-agent: *\nContent-Signal: search=yes, ai-train=no\nAllow: /", True),
        ("User-agent: *\nContent-Signal: search=yes, ai-input=no", True),
        ("User-agent: *\ncontent-signal:ai-train=yes,search=yes # all welcome", False),
        ("# Content-Signal: ai-train=no", False),
        ("User-agent: *\nDisallow: /أخبار/", True),
        ("\x00\xff<html>not found</html>", False),
    ],
)
def test_what_a_robots_txt_says(text: str, *, refused: bool) -> None:
    robots = Robots.parse(text, "Rasid/0.1 (+about)")
    assert bool(robots.refusal("https://news.test/%D8%A3%D8%AE%D8%A8%D8%A7%D8%B1/1")) == refused


def test_a_dead_host_is_asked_again_after_ten_minutes(serve, reply) -> None:
    now = [1000.0]

    async def main() -> list[str]:
        broken = True

        async def moody(writer, headers):
            if broken:
                writer.transport.abort()
            else:
                writer.write(reply("200 OK", b"x"))

        said = []
        async with serve({"/": moody}) as site, client_of(site, clock=lambda: now[0]) as client:
            for wait in (0, 599, 2):
                now[0] += wait
                try:
                    await client.get(site.url("/"), min_interval=0.0, respect_robots=False)
                    said.append("ok")
                except Unreachable as error:
                    said.append(str(error).rpartition(" did not")[2])
                broken = False
        return said

    assert asyncio.run(main())[1:] == [" answer a moment ago", "ok"]


def test_those_waiting_for_a_host_do_not_wait_on_when_it_asks_for_rest(serve, reply) -> None:
    async def main() -> float:
        async with serve({"/": reply("429 Too Many")}) as site, client_of(site) as client:
            started = time.monotonic()
            await asyncio.gather(
                *(client.get(site.url("/"), min_interval=0.5) for _ in range(20)),
                return_exceptions=True,
            )
            return time.monotonic() - started

    assert asyncio.run(main()) < 5


def test_robots_txt_is_kept_for_a_day_for_other_clients_too(serve, reply, tmp_path) -> None:
    async def main() -> list[int]:
        routes = {
            "/robots.txt": reply("200 OK", b"User-agent: *\nDisallow: /private"),
            "/": reply("200 OK", b"x"),
        }
        asked = []
        async with serve(routes) as site:
            for age in (0, 1, 25):
                for file in tmp_path.iterdir():
                    os.utime(file, (time.time() - age * 3600,) * 2)
                async with client_of(site, memory=tmp_path) as client:
                    await client.get(site.url("/"), min_interval=0.0)
                    with pytest.raises(PolicyRefused):
                        await client.get(site.url("/private"))
                asked.append(site.asked("/robots.txt"))
        return asked

    assert asyncio.run(main()) == [1, 1, 2]
