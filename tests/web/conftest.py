"""A real HTTP server on the loopback that can misbehave in every way news servers do."""

from __future__ import annotations

import asyncio
import ssl

from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest


Behaviour = bytes | Callable[[asyncio.StreamWriter, dict[str, str]], Awaitable[None]]


def answer(status: str, body: bytes = b"", **headers: str) -> bytes:
    """The bytes of a whole HTTP answer; header names are given with `_` for `-`."""
    lines = [f"HTTP/1.1 {status}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if "Content_Length" not in headers and "Transfer_Encoding" not in headers:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass
class Site:
    """Answers by path; `seen` are the (path, headers) that were asked for, in order."""

    routes: dict[str, Behaviour]
    port: int = 0
    scheme: str = "http"
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def url(self, path: str) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}{path}"

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def asked(self, path: str) -> int:
        return sum(1 for p, _ in self.seen if p == path)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                path = line.split()[1].decode()
                headers = {}
                while (row := await reader.readline()) not in {b"\r\n", b""}:
                    name, _, value = row.decode("latin-1").partition(":")
                    headers[name.lower()] = value.strip()
                self.seen.append((path, headers))
                behaviour = self.routes.get(path, answer("404 Not Found"))
                if isinstance(behaviour, bytes):
                    writer.write(behaviour)
                else:
                    await behaviour(writer, headers)
                await writer.drain()
                if writer.is_closing():
                    return
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(routes: dict[str, Behaviour], tls: ssl.SSLContext | None = None):
    site = Site(routes, scheme="https" if tls else "http")
    server = await asyncio.start_server(site.handle, "127.0.0.1", 0, ssl=tls)
    site.port = server.sockets[0].getsockname()[1]
    try:
        yield site
    finally:
        server.close()


@pytest.fixture
def serve():
    """`async with serve({path: behaviour}) as site`."""
    return serving


@pytest.fixture
def reply():
    """Builds the bytes of an HTTP answer."""
    return answer
