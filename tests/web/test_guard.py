"""Tricks that lead a fetcher into private networks or eat its memory and time: all refused by name."""

from __future__ import annotations

import asyncio
import gzip
import socket
import time
import zlib

import httpcore
import pytest

from rasid.errors import FetchError
from rasid.web import GuardedClient
from rasid.web.guard import is_public


def fetch(url: str, allow: frozenset[str] = frozenset(), **options) -> str:
    """The outcome of fetching `url`; "ok" when it succeeded."""

    async def main() -> str:
        async with GuardedClient(allow_hosts=allow, user_agent="Rasid/0.1") as client:
            try:
                await client.get(url, min_interval=0.0, respect_robots=False, **options)
            except FetchError as error:
                return error.outcome
            return "ok"

    return asyncio.run(main())


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://127.0.0.1./",
        "http://localhost/",
        "http://localhost./",
        "http://LOCALHOST/",
        "http://2130706433/",  # decimal
        "http://0177.0.0.1/",  # octal
        "http://0x7f.0.0.1/",  # hexadecimal
        "http://0x7f000001/",
        "http://017700000001/",
        "http://127.0.0.1.:80/",
        "http://１２７.0.0.1/",  # full-width digits
        "http://127。0。0。1/",  # ideographic full stops
        "http://0/",
        "http://0.0.0.0/",
        "http://[::1]/",
        "http://[::]/",
        "http://[::ffff:127.0.0.1]/",  # IPv4-mapped
        "http://[::ffff:7f00:1]/",
        "http://[::127.0.0.1]/",  # IPv4-compatible
        "http://[64:ff9b::7f00:1]/",  # NAT64
        "http://[2002:7f00:1::]/",  # 6to4
        "http://[fe80::1]/",
        "http://[fc00::1]/",
        "http://[2001:0:7f00:1::]/",  # Teredo
        "http://10.0.0.1/",
        "http://172.16.0.1/",
        "http://192.168.1.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://100.64.0.1/",  # carrier-grade NAT
        "http://198.18.0.1/",  # benchmarking
        "http://224.0.0.1/",  # multicast
        "http://255.255.255.255/",
        "http://user:secret@127.0.0.1/",
        "http://news.test@127.0.0.1/",
        "http://user:secret@news.test/",  # credentials, wherever they lead
        "http://news.test:22/",
        "http://news.test:25/",
        "http://news.test:6379:80/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "ftp://news.test/",
        "dict://127.0.0.1:11211/stats",
        "data:text/html,x",
        "jar:http://127.0.0.1!/",
        "//127.0.0.1/",
        "http:///etc/passwd",
        "http://",
        "",
        "http://[",
        "http://ex ample.test/",
        "http://\x00/",
        "http://xn--/",
        "http://printer.local/",
        "http://metadata.google.internal/",
        "http://127.0.0.1\r\nHost: news.test/",
    ],
)
def test_an_address_that_is_no_public_server_is_refused(url: str) -> None:
    assert fetch(url) == "private_address"


def test_public_addresses_pass_the_check() -> None:
    for address in ("93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"):
        assert is_public(address)


@pytest.fixture
def names(monkeypatch):
    """A resolver that answers from a table; the n-th lookup gets the n-th answer."""
    table: dict[str, list[list[str]]] = {}
    real = socket.getaddrinfo

    def lookup(host, port, *rest, **named):
        name = host.decode() if isinstance(host, bytes) else host
        if name not in table:
            return real(host, port, *rest, **named)
        answers = table[name]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            (socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port))
            for a in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return table


@pytest.mark.parametrize(
    "addresses",
    [["10.1.2.3"], ["93.184.216.34", "127.0.0.1"], ["93.184.216.34", "::1"], ["::ffff:10.0.0.1"]],
)
def test_a_name_with_a_private_answer_is_refused(names, addresses) -> None:
    names["news.test"] = [addresses]
    assert fetch("http://news.test/") == "private_address"


def test_a_name_that_changes_its_answer_is_connected_where_it_was_checked(
    names, monkeypatch
) -> None:
    """DNS rebinding: a public answer to the check, a private one to the connection."""
    names["news.test"] = [["93.184.216.34"], ["127.0.0.1"]]
    connected = []

    async def connect(self, host, *rest):
        connected.append(host)
        raise httpcore.ConnectError("no network in tests")

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect)
    assert fetch("http://news.test/") == "unreachable"
    assert connected == ["93.184.216.34"]
    assert fetch("http://news.test/") == "private_address"


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:9/",
        "http://2130706433/",
        "http://[::1]/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "//169.254.169.254/",
        "http://user:x@127.0.0.1/",
        "http://rebound.test/",
    ],
)
def test_a_chain_of_redirects_into_a_private_net_is_refused(serve, reply, names, target) -> None:
    names["rebound.test"] = [["192.168.0.1"]]

    async def main():
        routes = {
            "/": reply("302 Found", Location="/2"),
            "/2": reply("307 Temporary", Location="/3"),
            "/3": reply("301 Moved", Location=target),
        }
        async with (
            serve(routes) as site,
            GuardedClient(allow_hosts=frozenset({site.host}), user_agent="Rasid/0.1") as client,
        ):
            try:
                await client.get(site.url("/"), min_interval=0.0, respect_robots=False)
            except FetchError as error:
                return error.outcome, site.asked("/3")

    assert asyncio.run(main()) == ("private_address", 1)


def served(serve, behaviour, **options) -> str:
    async def main() -> str:
        async with (
            serve({"/": behaviour}) as site,
            GuardedClient(allow_hosts=frozenset({site.host}), user_agent="Rasid/0.1") as client,
        ):
            try:
                await client.get(site.url("/"), min_interval=0.0, respect_robots=False, **options)
            except FetchError as error:
                return error.outcome
            return "ok"

    return asyncio.run(main())


def bomb(name: str) -> tuple[str, bytes]:
    """(content encoding, body) of 64 MB of zeros in a few kilobytes."""
    zeros = b"\0" * (64 << 20)
    if name == "zlib":
        return "deflate", zlib.compress(zeros)
    if name == "bare deflate":
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        return "deflate", packer.compress(zeros) + packer.flush()
    packed = gzip.compress(zeros)
    return "gzip", gzip.compress(packed + zeros) if name == "gzip in gzip" else packed


@pytest.mark.parametrize("name", ["gzip", "zlib", "bare deflate", "gzip in gzip"])
def test_a_zip_bomb_is_too_large_before_it_is_unpacked(serve, reply, name) -> None:
    encoding, body = bomb(name)
    started = time.monotonic()
    assert served(serve, reply("200 OK", body, Content_Encoding=encoding)) == "too_large"
    assert time.monotonic() - started < 5


def test_encodings_stacked_to_hide_a_bomb_are_refused(serve, reply) -> None:
    body = gzip.compress(gzip.compress(b"x"))
    assert served(serve, reply("200 OK", body, Content_Encoding="gzip, gzip")) == "bad_encoding"


def test_endless_bodies_end_at_the_cap(serve) -> None:
    async def endless(writer, headers):
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(100_000):
            writer.write(b"x" * 65_536)
            await writer.drain()

    assert served(serve, endless) == "too_large"


def test_a_flood_of_headers_is_too_large(serve) -> None:
    async def flood(writer, headers):
        writer.write(b"HTTP/1.1 200 OK\r\n")
        for n in range(100_000):
            writer.write(b"X-%d: %s\r\n" % (n, b"y" * 500))
            await writer.drain()

    assert served(serve, flood) == "too_large"


def test_one_header_without_end_is_too_large(serve) -> None:
    async def flood(writer, headers):
        writer.write(b"HTTP/1.1 200 OK\r\nX: ")
        for _ in range(10_000):
            writer.write(b"y" * 10_000)
            await writer.drain()

    assert served(serve, flood) == "too_large"


@pytest.mark.parametrize("part", ["headers", "body", "interim answers"])
def test_a_drip_of_bytes_ends_at_the_deadline(serve, part) -> None:
    async def drip(writer, headers):
        if part == "body":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
        piece = b"HTTP/1.1 100 Continue\r\n\r\n" if part == "interim answers" else b"H"
        for letter in [b"HTTP/1.1 200 OK\r\nX: "] if part == "headers" else [b""]:
            writer.write(letter)
        for _ in range(400):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.02)

    started = time.monotonic()
    assert served(serve, drip, deadline=0.4) == "timeout"
    assert time.monotonic() - started < 5


def test_a_body_behind_a_length_that_lies_is_cut_there(serve, reply) -> None:
    """A second answer smuggled behind the first is never read as an answer."""
    smuggled = reply("200 OK", b"first", Content_Length="5") + reply("200 OK", b"second")
    assert served(serve, smuggled) == "ok"


def test_a_host_a_person_allowed_is_reached_and_no_other_port_of_it(serve, reply) -> None:
    assert served(serve, reply("200 OK", b"x")) == "ok"
    assert fetch("http://127.0.0.1:1/", frozenset({"127.0.0.1:2"})) == "private_address"


def test_a_proxy_of_the_environment_is_not_used(serve, reply, monkeypatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert served(serve, reply("200 OK", b"x")) == "ok"
