"""The one way out to the network: polite, bounded in time and size, and never into private nets."""

from __future__ import annotations

import asyncio
import math
import os
import ssl
import time
import zlib

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from rasid.errors import (
    BadEncoding,
    Challenge,
    FetchError,
    Forbidden,
    ForeignHost,
    Gone,
    HostBusy,
    NotFound,
    PolicyRefused,
    PrivateAddress,
    RedirectLoop,
    ServerError,
    Throttled,
    TimedOut,
    TlsError,
    TooLarge,
    Truncated,
    Unreachable,
)
from rasid.settings import settings
from rasid.web.guard import GuardedTransport, check_url
from rasid.web.hosts import Host, Hosts
from rasid.web.robots import Robots
from rasid.web.urls import site


MAX_REDIRECTS = 8
DEAD_SECONDS = 600.0  # a host that does not answer is not asked again for 10 minutes (§3.2)
PAUSE_SECONDS = 30.0  # a host that says 429 is left in peace at least so long
MAX_RETRY_AFTER = 86_400.0
ROBOTS_DAY = 86_400.0  # RFC 9309 §2.4: not used longer than a day
CONNECT_SECONDS = 10.0
SLOW_ANSWERS = 3  # so many time-outs in a row make a host dead

_REDIRECTS = {301, 302, 303, 307, 308}
_SERVER_ERRORS = {500, 502, 503, 504, 522, 524}
_PASSING = (ServerError, Throttled, TimedOut, Unreachable, Truncated)


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer: status 200–299 or 304, body decompressed; `elapsed` in seconds."""

    url: str
    final_url: str
    status: int
    headers: dict[str, str]
    body: bytes
    redirects: tuple[str, ...]
    fetched_at: datetime
    elapsed: float

    @property
    def http_charset(self) -> str | None:
        """The charset of the Content-Type header, if it names one."""
        _, _, rest = self.headers.get("content-type", "").lower().partition("charset=")
        return rest.partition(";")[0].strip(" \"'") or None


def polite_client(*, patience: float = math.inf) -> GuardedClient:
    """The client as the settings have it, sharing its memory of hosts with all other processes."""
    return GuardedClient(
        allow_hosts=settings().allowed_hosts,
        user_agent=settings().user_agent,
        memory=settings().home / "hosts",
        patience=patience,
    )


class GuardedClient:
    """Async context manager around one httpx client.

    `allow_hosts` are `host` or `host:port` whose private addresses a person allowed. Clients of
    all processes share in the folder `memory` what they know of hosts: pace, rests, dead hosts,
    and robots.txt for a day. After `patience` seconds nothing is begun any more: who still waits
    for a host's turn is told HostBusy. `transport` and `clock` (seconds of the epoch) replace the
    network and the time in tests.
    """

    def __init__(
        self,
        *,
        allow_hosts: frozenset[str],
        user_agent: str,
        memory: Path | None = None,
        patience: float = math.inf,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._allow = allow_hosts
        self._agent = user_agent
        self._clock = clock
        self._ends_at = clock() + patience
        self._hosts = Hosts(memory)
        self._keeps = memory is not None
        self._robots_of: dict[str, asyncio.Task[Robots]] = {}
        self._client = httpx.AsyncClient(
            transport=transport or GuardedTransport(allow_hosts),
            headers={
                "User-Agent": user_agent,
                "Accept-Language": "ar, en;q=0.5",
                # Only what can be unpacked in bounded steps.
                "Accept-Encoding": "gzip, deflate",
            },
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._robots_of.values():
            task.cancel()
        await self._client.aclose()

    async def get(
        self,
        url: str,
        *,
        headers: dict[str, str] | None = None,
        max_bytes: int = 15 << 20,
        deadline: float = 30.0,
        min_interval: float = 5.0,
        respect_robots: bool = True,
        sites: frozenset[str] = frozenset(),
    ) -> Fetched:
        """Fetch `url`, following at most 8 redirects; 304 is an answer.

        `deadline` counts the seconds spent on the network, not those spent waiting for the host's
        turn. With `sites` (registrable domains) a redirect to any other is not followed. Raises
        FetchError with the outcome of ingestion.md §8.
        """
        redirects: list[str] = []
        current = _parse(url)
        spent = 0.0
        visited = b""
        while True:
            check_url(current, self._allow)
            interval = min_interval
            if respect_robots:
                robots = await self._robots(current)
                refusal = robots.refusal(str(current))
                if refusal:
                    raise PolicyRefused(f"{current.host}: {refusal}")
                interval = max(interval, robots.crawl_delay)
            # A redirect within one host is part of the same visit.
            same_visit = visited == current.netloc
            async with self._turn(current, 0.0 if same_visit else interval) as host:
                visited = current.netloc
                started_at = time.monotonic()
                with self._learned(current, host), _named():
                    async with asyncio.timeout(max(deadline - spent, 0.001)):
                        answer = await self._request(current, headers or {}, max_bytes)
            spent += time.monotonic() - started_at
            if answer.status not in _REDIRECTS:
                return replace(answer, url=url, redirects=tuple(redirects), elapsed=spent)
            location = answer.headers.get("location", "")
            redirects.append(str(current))
            if not location:
                raise RedirectLoop("a redirect without an address", status=answer.status)
            if len(redirects) > MAX_REDIRECTS:
                raise RedirectLoop(f"over {MAX_REDIRECTS} redirects", status=answer.status)
            current = _join(current, location)
            check_url(current, self._allow)
            if sites and site(current.host) not in sites:
                raise ForeignHost(f"redirects to {current.host}", status=answer.status)

    def _refuse_if_resting(self, host: Host, url: httpx.URL) -> None:
        now = self._clock()
        if now < host.paused_until:
            raise Throttled(f"{url.host} is paused", retry_after=host.paused_until - now)
        if now < host.dead_until:
            kind = TimedOut if host.dead_of == TimedOut.outcome else Unreachable
            raise kind(f"{url.host} did not answer a moment ago")

    @asynccontextmanager
    async def _turn(self, url: httpx.URL, interval: float) -> AsyncIterator[Host]:
        """Wait for this host's turn: at most two at once, `interval` seconds apart."""
        name = _name(url)
        async with self._hosts.queue(name):
            # Looked at before and after the pause: a host that has just begun to rest must not
            # cost everybody in the queue an interval.
            with self._hosts.known(name) as host:
                now = self._clock()
                self._refuse_if_resting(host, url)
                start = max(now, host.free_at) if interval else now
                if start > self._ends_at:
                    raise HostBusy(f"{url.host} has no time left for us", retry_after=start - now)
                if interval:
                    host.free_at = start + interval
            if start > now:
                await asyncio.sleep(start - now)
                with self._hosts.known(name) as host:
                    self._refuse_if_resting(host, url)
            async with self._hosts.slot(name):
                yield host

    @contextmanager
    def _learned(self, url: httpx.URL, before: Host) -> Iterator[None]:
        """Remembers of the host what its answer tells: that it rests, or does not answer."""
        try:
            yield
        except FetchError as error:
            with self._hosts.known(_name(url)) as host:
                self._learn(host, error)
            raise
        if before.slow_answers:
            with self._hosts.known(_name(url)) as host:
                host.slow_answers = 0

    def _learn(self, host: Host, error: FetchError) -> None:
        now = self._clock()
        if isinstance(error, Throttled):
            host.paused_until = now + max(error.retry_after or 0.0, PAUSE_SECONDS)
        elif isinstance(error, TimedOut) and error.status is None:
            host.slow_answers += 1
        elif error.status is not None:
            host.slow_answers = 0
        no_connection = isinstance(error.__cause__, httpx.ConnectTimeout)
        if isinstance(error, Unreachable) or no_connection or host.slow_answers >= SLOW_ANSWERS:
            host.dead_until, host.dead_of = now + DEAD_SECONDS, error.outcome
            host.slow_answers = 0

    async def _robots(self, url: httpx.URL) -> Robots:
        """The host's robots.txt, fetched once per client."""
        name = _name(url)
        task = self._robots_of.get(name)
        if task is None:
            task = self._robots_of[name] = asyncio.create_task(self._fetch_robots(url))
        try:
            return await asyncio.shield(task)
        except FetchError:
            self._robots_of.pop(name, None)
            raise

    async def _fetch_robots(self, url: httpx.URL) -> Robots:
        """RFC 9309 §2.3.1: no file allows everything; an unreachable one forbids for now."""
        kept = self._kept(url)
        if kept is not None and kept.exists() and time.time() - kept.stat().st_mtime < ROBOTS_DAY:
            return Robots.parse(kept.read_text("utf-8"), self._agent)
        address = str(url.copy_with(path="/robots.txt", query=None, fragment=None))
        try:
            answer = await self.get(
                address, max_bytes=1 << 20, deadline=15.0, min_interval=0.0, respect_robots=False
            )
        except (*_PASSING, PrivateAddress):
            raise
        except FetchError:
            text = ""
        else:
            text = answer.body.decode("utf-8", "replace")
        if kept is not None:
            fresh = kept.with_suffix(f".{os.getpid()}")  # appears whole, whoever else writes it
            fresh.write_text(text, "utf-8")
            fresh.replace(kept)
        return Robots.parse(text, self._agent)

    def _kept(self, url: httpx.URL) -> Path | None:
        origin = f"{url.scheme}://{_name(url)}"
        return self._hosts.file(origin, "robots.txt") if self._keeps else None

    async def _request(self, url: httpx.URL, headers: dict[str, str], max_bytes: int) -> Fetched:
        request = self._client.build_request(
            "GET", url, headers=headers, timeout=httpx.Timeout(None, connect=CONNECT_SECONDS)
        )
        response = await self._client.send(request, stream=True, follow_redirects=False)
        try:
            fetched_at = datetime.now(UTC)
            status = response.status_code
            if status not in _REDIRECTS and status != 304 and not 200 <= status < 300:
                raise _refusal(response)
            body = (
                b"" if status in _REDIRECTS or status == 304 else await _body(response, max_bytes)
            )
        finally:
            await response.aclose()
        return Fetched(
            url=str(url),
            final_url=str(url),
            status=status,
            headers={k.lower(): v for k, v in response.headers.items()},
            body=body,
            redirects=(),
            fetched_at=fetched_at,
            elapsed=0.0,
        )


def _refusal(response: httpx.Response) -> FetchError:
    """The error for a status that brings no answer."""
    status = response.status_code
    wait = _retry_after(response.headers.get("retry-after", ""))
    if status == 429 or (status == 503 and wait is not None):
        return Throttled(f"HTTP {status}", status=status, retry_after=wait)
    if response.headers.get("cf-mitigated") == "challenge":
        return Challenge("bot wall", status=status)
    kind: type[FetchError] = NotFound
    if status == 410:
        kind = Gone
    elif status in {401, 403, 451}:
        kind = Forbidden
    elif status == 408:
        kind = TimedOut
    elif status in _SERVER_ERRORS or status >= 500:
        kind = ServerError
    return kind(f"HTTP {status}", status=status, retry_after=wait)


@contextmanager
def _named() -> Iterator[None]:
    """Gives what the network raises its name."""
    try:
        yield
    except httpx.ConnectTimeout as error:
        raise TimedOut("no connection in time") from error
    except (TimeoutError, httpx.TimeoutException) as error:
        raise TimedOut("no whole answer within the deadline") from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise PrivateAddress(str(error)) from error
    except (httpx.TransportError, OSError) as error:
        said = str(error)
        if _is_tls(error):
            raise TlsError(said) from error
        if "without sending complete" in said or "incomplete chunked" in said:
            raise Truncated(said) from error
        if isinstance(error, httpx.RemoteProtocolError) and "too l" in said.lower():
            raise TooLarge(f"headers: {said}") from error  # "too long", "too large"
        raise Unreachable(f"{type(error).__name__}: {said}") from error


def _is_tls(error: BaseException | None) -> bool:
    """Whether a TLS failure is at the bottom: httpx calls it a ConnectError."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False


async def _body(response: httpx.Response, max_bytes: int) -> bytes:
    """The body, decompressed in bounded steps; TooLarge as soon as it passes `max_bytes`."""
    if response.is_stream_consumed:  # a test's transport answered with ready content
        if len(response.content) > max_bytes:
            raise TooLarge(f"over {max_bytes} bytes")
        return response.content
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in {"gzip", "x-gzip", "deflate"}:
        # 47: zlib or gzip, told by the header; -15: the bare deflate that some servers send.
        unpacker = zlib.decompressobj(47)
    elif encoding in {"identity", "", "none", "utf-8"}:
        unpacker = None
    else:
        raise BadEncoding(f"content-encoding {encoding}")
    whole = bytearray()
    async for chunk in response.aiter_raw():
        if unpacker is None:
            whole += chunk
        else:
            try:
                whole += unpacker.decompress(chunk, max_bytes + 1 - len(whole))
            except zlib.error as error:
                if whole or encoding != "deflate":
                    raise BadEncoding(f"{encoding}: {error}") from error
                unpacker = zlib.decompressobj(-15)
                whole += unpacker.decompress(chunk, max_bytes + 1)
        if len(whole) > max_bytes:
            raise TooLarge(f"over {max_bytes} bytes")
    if unpacker is not None and whole and not unpacker.eof:
        raise Truncated(f"the {encoding} stream has no end")
    return bytes(whole)


def _retry_after(value: str) -> float | None:
    """Seconds of a Retry-After header (a number or a date), 24 hours at most."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            when = parsedate_to_datetime(value)
        except ValueError:
            return None
        seconds = (when - datetime.now(when.tzinfo or UTC)).total_seconds()
    return min(max(seconds, 0.0), MAX_RETRY_AFTER) if seconds == seconds else None  # noqa: PLR0124


def _name(url: httpx.URL) -> str:
    """What a host is known by: its name, and its port when it is not the usual one."""
    return url.netloc.decode()


def _parse(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
        _ = parsed.host  # decodes international names, which may fail
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise PrivateAddress(f"no usable URL: {error}") from error
    return parsed


def _join(base: httpx.URL, location: str) -> httpx.URL:
    try:
        joined = base.join(location)
        _ = joined.host
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise RedirectLoop(f"a redirect to no usable URL: {error}") from error
    return joined
