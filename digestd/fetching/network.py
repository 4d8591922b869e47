"""Connect to public addresses only, and to exactly the address that was checked.

The guard against SSRF.

A name is resolved once for all requests of a run, its addresses are checked, and the connection goes to one of these:
DNS rebinding changes nothing. TLS still verifies the name of the host, and `Host` is what was asked for. The networks
that are not public are those of IANA's registries of special-purpose addresses (RFC 6890 and its updates), written out
here because Python's `is_global` has changed its mind between releases (python/cpython#113171). An IPv6 address that
carries an IPv4 address is judged by both.

Proxies of the environment (HTTP_PROXY) are not used: a proxy looks names up by itself, after any check of ours.
Certificates of the environment (SSL_CERT_FILE, SSL_CERT_DIR) are. There are no cookies, no .netrc and no log of
addresses, so httpcore2 is used as it is and not through httpx2's client.
"""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from types import TracebackType
from typing import Self

import httpcore2
import httpx2

Address = IPv4Address | IPv6Address
WEB_PORTS = frozenset({80, 443})
"""Ports that a redirect may use: the web and no other service."""
_PRIVATE_4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # carriers' own (CGNAT)
            "127.0.0.0/8",  # this machine
            "169.254.0.0/16",  # this link, and the clouds' metadata
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # AMT
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",  # private
            "192.175.48.0/24",  # AS112
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
        ),
    )
)
_PUBLIC_6 = IPv6Network("2000::/3")
"""Address blocks assigned to the public internet. Everything else is special or unassigned."""
_PRIVATE_6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments, Teredo among them
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4
            "2620:4f:8000::/48",  # AS112
            "3fff::/20",  # documentation
        ),
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
_MAPPED = IPv6Network("::ffff:0:0/96")
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})
_LOCAL_LABELS = frozenset(
    [
        *("localhost", "local", "internal", "intranet", "private", "corp", "home", "lan", "localdomain"),
        *("arpa", "onion", "test", "invalid", "example", "alt"),
    ]
)
"""Last parts of names that mean something here or nothing at all (RFC 6761, 6762, 8375, 9476; ICANN's `internal`)."""
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
Resolve = Callable[[str], Awaitable[Sequence[Address]]]
"""The addresses of a name. Raises NotFoundError."""
MAX_CONNECTIONS = 20
"""At once, over all hosts; one per host (see host_scheduler)."""
CONNECT_SECONDS = 10.0
MAX_ADDRESSES = 4
TIMEOUT_ERRORS = httpcore2.TimeoutException
NETWORK_ERRORS = (httpcore2.NetworkError, TIMEOUT_ERRORS, httpcore2.RemoteProtocolError, OSError)
"""Errors that a retry may cure."""
REQUEST_ERRORS = (httpcore2.LocalProtocolError, httpcore2.UnsupportedProtocol, httpx2.InvalidURL)


class NotFoundError(OSError):
    """The name has no address, or the lookup failed."""


class PrivateAddressError(Exception):
    """A name from outside leads to a private address."""


class ForbiddenAddressError(Exception):
    """A host that the operator named has an address that no source may have."""


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
        self._names = _NameCache(resolve or resolve_name)
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
        """Send one request.

        Raises PrivateAddressError, ForbiddenAddressError, and what is in NETWORK_ERRORS and REQUEST_ERRORS.
        """
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
                max_connections=MAX_CONNECTIONS,
                network_backend=_CheckedBackend(self._names, _refuse_forbidden if chosen else _refuse_private),
            )
        return self._pools[chosen]


async def resolve_name(name: str) -> list[Address]:
    """Return the addresses that the system's resolver finds."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotFoundError(f"{name} is not found") from error
    return [ip_address(str(address[4][0])) for address in found]


def is_public(address: Address) -> bool:
    """Return True for an address on the public internet."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _PRIVATE_4)
    if address.scope_id is not None:
        return False
    if address in _NAT64 or address in _MAPPED:
        return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    if address not in _PUBLIC_6 or any(address in network for network in _PRIVATE_6):
        return False
    if int(address) >> 32 & 0xFFFFFFFF in _ISATAP:
        return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    return True


def is_forbidden(address: Address) -> bool:
    """Return True for an address that nobody may name as a source.

    Link-local (cloud metadata), multicast, unspecified and reserved addresses.
    """
    if isinstance(address, IPv6Address) and (address in _NAT64 or address in _MAPPED):
        address = IPv4Address(int(address) & 0xFFFFFFFF)
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return True
    return isinstance(address, IPv4Address) and address.is_reserved


def why_not_public(scheme: str, user: str, host: str, port: int | None) -> str | None:
    """Return what is wrong with an address from outside, or None if it may pass.

    A name that passes still has to be resolved and its addresses checked by `is_public`.
    """
    if scheme not in {"http", "https"} or not host:
        return "something that is not an http(s) URL"
    if user:
        return "an address with a user's name in it"
    if port is not None and port not in WEB_PORTS:
        return f"port {port}, where no web server is to be expected"
    return _why_host_not_public(host.lower())


def _why_host_not_public(host: str) -> str | None:
    if ":" in host or "%" in host or "[" in host:
        return _why_literal_not_public(host)
    labels = host.removesuffix(".").split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _why_literal_not_public(host)
    if not all(_LABEL.fullmatch(label) for label in labels) or len(host) > 253:
        return "what is no name of a host"
    if len(labels) < 2 or labels[-1] in _LOCAL_LABELS:
        return f"{host}, which is inside this network"
    return None


def _why_literal_not_public(host: str) -> str | None:
    """Check a numeric host. Only the form of RFC 3986 passes, not all that inet_aton(3) reads."""
    try:
        address = ip_address(host)
    except ValueError:
        return "an address that is written in no usual form"
    return None if is_public(address) else f"{host}, which is inside this network"


class _NameCache:
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


class _CheckedBackend(httpcore2.AsyncNetworkBackend):
    """Resolves a name, checks all its addresses and connects to one. The first that answers is used."""

    def __init__(self, names: _NameCache, check: Callable[[str, Sequence[Address]], None]) -> None:
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
        addresses = (await self._names.addresses(host))[:MAX_ADDRESSES]
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
        raise ForbiddenAddressError(f"{host}: the address is link-local or reserved")
