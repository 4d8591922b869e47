"""Connect to exactly the address that was checked.

A name is resolved once for all requests of a run, its addresses are checked, and the
connection goes to one of these: DNS rebinding changes nothing. TLS
still verifies the name of the host, and `Host` is what was asked for.

Proxies of the environment (HTTP_PROXY) are not used: a proxy looks names up by itself, after any
check of ours. Certificates of the environment (SSL_CERT_FILE, SSL_CERT_DIR) are. There are no cookies,
no .netrc and no log of addresses, so httpcore2 is used as it is and not through httpx2's client.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from types import TracebackType
from typing import Self

import httpcore2
import httpx2

from digestd.fetching.ssrf_guard import Address, is_forbidden, is_public

Resolve = Callable[[str], Awaitable[Sequence[Address]]]
"""The addresses of a name. Raises NotFoundError."""

CONNECTIONS = 20
"""At once, over all hosts; one per host (see host_scheduler)."""
CONNECT_SECONDS = 10.0
ADDRESSES = 4
SLOW = httpcore2.TimeoutException
LOST = (httpcore2.NetworkError, SLOW, httpcore2.RemoteProtocolError, OSError)
"""Errors that a retry may cure."""
BROKEN = (httpcore2.LocalProtocolError, httpcore2.UnsupportedProtocol, httpx2.InvalidURL)


class NotFoundError(OSError):
    """The name has no address, or the lookup failed."""


class PrivateAddressError(Exception):
    """A name from outside leads to a private address."""


@dataclass(frozen=True, slots=True)
class OutgoingRequest:
    """A request to send. `chosen`: the operator named this host, so it may be private."""

    method: str
    url: httpx2.URL
    headers: Mapping[str, str]
    body: bytes | None = None
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class ResponseStream:
    """An answer: status, headers, and the body in pieces."""

    status: int
    headers: httpx2.Headers
    pieces: AsyncIterator[bytes]


class Network:
    """Connections, opened when needed: `async with Network(…) as network`."""

    def __init__(self, seconds: float, resolve: Resolve | None = None) -> None:
        self._timeout = {"connect": CONNECT_SECONDS, "read": seconds, "write": seconds, "pool": seconds}
        self._names = _Names(resolve or resolve_name)
        self._pools: dict[bool, httpcore2.AsyncConnectionPool] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            await pool.aclose()

    @asynccontextmanager
    async def send(self, outgoing: OutgoingRequest) -> AsyncIterator[ResponseStream]:
        """Send one request. Raises PrivateAddressError, what is in LOST, and what is in BROKEN."""
        url = outgoing.url
        headers = {"Host": url.netloc.decode("ascii"), **outgoing.headers}
        if outgoing.body is not None:
            headers["Content-Length"] = str(len(outgoing.body))
        request = httpcore2.Request(
            outgoing.method,
            httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=[(name.encode("ascii"), value.encode("latin-1")) for name, value in headers.items()],
            content=outgoing.body,
            extensions={"timeout": self._timeout},
        )
        response = await self._pool(outgoing.chosen).handle_async_request(request)
        try:
            yield ResponseStream(response.status, httpx2.Headers(response.headers), response.aiter_stream())
        finally:
            await response.aclose()

    def _pool(self, chosen: bool) -> httpcore2.AsyncConnectionPool:
        if chosen not in self._pools:
            self._pools[chosen] = httpcore2.AsyncConnectionPool(
                ssl_context=httpx2.create_ssl_context(),
                max_connections=CONNECTIONS,
                network_backend=_Checked(self._names, _refuse_forbidden if chosen else _refuse_private),
            )
        return self._pools[chosen]


async def resolve_name(name: str) -> list[Address]:
    """Return the addresses that the system's resolver finds."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotFoundError(f"{name} is not found") from error
    return [ip_address(str(address[4][0])) for address in found]


class _Names:
    """Caches name lookups."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._known: dict[str, tuple[Address, ...]] = {}

    async def addresses(self, name: str) -> tuple[Address, ...]:
        try:
            return (ip_address(name),)
        except ValueError:
            pass
        if name not in self._known:
            found = tuple(dict.fromkeys(await self._resolve(name)))
            if not found:
                raise NotFoundError(f"{name} is not found")
            self._known[name] = found
        return self._known[name]


class _Checked(httpcore2.AsyncNetworkBackend):
    """Resolves a name, checks all its addresses and connects to the first that answers."""

    def __init__(self, names: _Names, check: Callable[[str, Sequence[Address]], None]) -> None:
        self._names = names
        self._check = check
        self._backend = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        addresses = (await self._names.addresses(host))[:ADDRESSES]
        self._check(host, addresses)
        each = (timeout or CONNECT_SECONDS) / len(addresses)
        for address in addresses[:-1]:
            try:
                return await self._backend.connect_tcp(str(address), port, each, local_address, socket_options)
            except (httpcore2.NetworkError, httpcore2.TimeoutException):
                continue
        return await self._backend.connect_tcp(str(addresses[-1]), port, each, local_address, socket_options)


def _refuse_private(host: str, addresses: Sequence[Address]) -> None:
    if not all(map(is_public, addresses)):
        raise PrivateAddressError(f"{host}, which is inside this network")


def _refuse_forbidden(host: str, addresses: Sequence[Address]) -> None:
    if any(map(is_forbidden, addresses)):
        raise PrivateAddressError(f"{host}, where no source can be")
