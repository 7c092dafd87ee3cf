"""Refuses addresses that no news site has: private networks, loopback, link-local, odd spellings.

The check sits in the network backend, below httpx, so that it sees every address that is really
connected to: each redirect, each DNS answer, each reconnect. The connection is then made to the
address that was checked, not to the name, so a second DNS answer cannot slip in (rebinding).
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket

from collections.abc import Iterable
from typing import Any

import httpcore
import httpx

from httpcore import AsyncNetworkBackend, AsyncNetworkStream

from rasid.errors import PrivateAddress, Unreachable


_SHARED_PREFIXES = (
    ipaddress.ip_network("64:ff9b::/96"),  # NAT64 (RFC 6052): the last 32 bits are an IPv4 address
    ipaddress.ip_network("::/96"),  # IPv4-compatible (deprecated by RFC 4291)
)

# Names that resolvers answer without the public DNS (RFC 6761, RFC 6762, RFC 8375).
_LOCAL_NAMES = {"localhost", "local", "internal", "arpa"}


def is_public(address: str) -> bool:
    """Whether `address` (IPv4 or IPv6) is on the public internet, also inside an IPv6 wrapper."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if inner is None and any(ip in net for net in _SHARED_PREFIXES):
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
        if inner is not None:
            ip = inner
    return ip.is_global and not ip.is_multicast


def check_url(url: httpx.URL, allow_hosts: frozenset[str]) -> None:
    """Raise PrivateAddress for a URL that is refused whatever DNS says about its host."""
    if url.scheme not in {"http", "https"}:
        raise PrivateAddress(f"{url.scheme or 'no'} scheme")
    if not url.host:
        raise PrivateAddress("no host")
    if url.userinfo:
        raise PrivateAddress("credentials in the URL")
    port = url.port or (443 if url.scheme == "https" else 80)
    if is_allowed(url.host, port, allow_hosts):
        return
    if port < 1024 and port not in {80, 443}:
        raise PrivateAddress(f"port {port} is another service's")
    name = url.host.rstrip(".").lower()
    if name.rpartition(".")[2] in _LOCAL_NAMES or "%" in name:
        raise PrivateAddress(f"{name} is no public name")
    try:
        public = is_public(name)
    except ValueError:
        if _is_disguised_ipv4(name):
            raise PrivateAddress(f"{name} is an odd spelling of an IPv4 address") from None
    else:
        if not public:
            raise PrivateAddress(f"{name} is no public address")


def is_allowed(host: str, port: int, allow_hosts: frozenset[str]) -> bool:
    """Whether a person allowed this host, as `host` or `host:port`."""
    return host in allow_hosts or f"{host}:{port}" in allow_hosts


def _is_disguised_ipv4(host: str) -> bool:
    """Decimal, octal, hexadecimal and short forms, which the resolver accepts as IPv4."""
    try:
        socket.inet_aton(host)
    except OSError:
        return False
    return True


class GuardedBackend(AsyncNetworkBackend):
    """httpcore's network, behind the address check."""

    def __init__(self, allow_hosts: frozenset[str]) -> None:
        self._allow = allow_hosts
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  (httpcore's signature)
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> AsyncNetworkStream:
        """Connect to the first address of `host` that answers, all of them being public."""
        addresses = await _resolve(host, port)
        if not is_allowed(host, port, self._allow):
            for address in addresses:
                if not is_public(address):
                    raise PrivateAddress(f"{host} leads to {address}")
        failure: Exception = Unreachable(f"{host} has no address")
        for address in addresses[:3]:
            try:
                return await self._network.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except httpcore.ConnectError as error:
                failure = error
        raise failure

    async def sleep(self, seconds: float) -> None:
        """As httpcore asks."""
        await asyncio.sleep(seconds)


async def _resolve(host: str, port: int) -> list[str]:
    """Addresses of `host`, IPv4 first; Unreachable when the resolver has none."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"DNS: {error}") from error
    found.sort(key=lambda answer: answer[0] != socket.AF_INET)
    return list(dict.fromkeys(str(answer[4][0]) for answer in found))


class GuardedTransport(httpx.AsyncHTTPTransport):
    """httpx's transport over a pool whose connections are guarded."""

    def __init__(self, allow_hosts: frozenset[str]) -> None:
        # httpx offers no parameter for the network backend; replacing the pool is what its own
        # constructor does last. trust_env: a proxy from the environment would dodge the guard.
        context = httpx.create_ssl_context(trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=40,
            max_keepalive_connections=20,
            # Servers drop idle connections after 5 s or more, about when we come back: a reused
            # connection that dies under a request would look like a dead host.
            keepalive_expiry=2.0,
            network_backend=GuardedBackend(allow_hosts),
        )
