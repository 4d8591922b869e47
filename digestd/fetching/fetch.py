"""Fetch politely: one fetcher for the whole installation, which knows no formats.

The store keeps the turns and the failures of every host (`host_scheduler`),
so that all processes respect them. Requests are conditional, with
validators of our own: hishel 2.0 replayed stored answers without asking. Only 429, 5xx
and lost connections are retried, within limits on time, size and redirects. The
operator chooses the first host, which may be anywhere; redirects stay on the public web.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

import httpx2
import stamina

from digestd import __version__
from digestd.domain.backoff import Backoff
from digestd.errors import SourceFailed, SourceUnavailable
from digestd.fetching.body import TooLargeError, TruncatedError, read_body
from digestd.fetching.credentials import Credential, with_credential
from digestd.fetching.host_scheduler import (
    RETRY_STATUSES,
    CircuitBreaker,
    HostScheduler,
    HostUnavailableError,
    RefusedError,
    RequestSlot,
    format_time,
)
from digestd.fetching.network import (
    NETWORK_ERRORS,
    REQUEST_ERRORS,
    TIMEOUT_ERRORS,
    WEB_PORTS,
    ForbiddenAddressError,
    Network,
    OutgoingRequest,
    PrivateAddressError,
    Resolve,
    ResponseStream,
    why_not_public,
)
from digestd.sources.source import RateLimit, Request
from digestd.store import rate_limits
from digestd.store.database import Database

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_GONE = frozenset({404, 410, 451})
_KEEP_METHOD = frozenset({307, 308})
_TELLING = ("link", "last-modified-version")
"""Headers that readers of libraries need."""
BACKOFF = Backoff.doubling(timedelta(seconds=1), timedelta(seconds=10))
FILE_MAX = 200_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one fetch including its retries.

    Waiting for a turn does not count in `seconds`.

    `patience`: seconds to wait for a host that another process is asking.
    """

    seconds: float = 60.0
    wire: int = 10_000_000
    body: int = 50_000_000
    redirects: int = 5
    attempts: int = 4
    backoff: Backoff = BACKOFF
    patience: float = 150.0


@dataclass(frozen=True, slots=True)
class Client:
    """Identification and limits of requests: contact, limits, and keys by host."""

    public_url: str
    contact: str = ""
    limits: Limits = Limits()
    credentials: Mapping[str, Credential] = field(default_factory=dict)

    @property
    def user_agent(self) -> str:
        """Return a User-Agent with a contact; arXiv refuses distinct ones less often."""
        ways = {"+": self.public_url, "mailto:": self.contact}
        about = [f"{way}{where}" for way, where in ways.items() if where]
        return f"digestd/{__version__} ({'; '.join(about)})".encode("ascii", "ignore").decode()


@dataclass(frozen=True, slots=True)
class Validators:
    """The validators of the last answer, for a conditional request."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A body with its validators; None if nothing has changed. `headers`: those of pages and versions."""

    body: bytes | None
    validators: Validators
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class _AgainError(Exception):
    """This attempt failed; a retry may help."""


_MAY_PASS = (_AgainError, TruncatedError, *NETWORK_ERRORS)


@dataclass(slots=True)
class _Fetch:
    """One fetch in progress."""

    request: Request
    rate_limit: RateLimit
    validators: Validators
    deadline: asyncio.Timeout
    attempts: int
    tries: list[str] = field(default_factory=list)


class Fetcher:
    """Fetches over one connection per host, shared by all sources.

    `async with Fetcher(…)`.

    `resolve`: how names are looked up; the system's way where it is None. `breaker`: added to the name of a host's
    circuit breaker, for requests whose failures must not count for the others.
    """

    def __init__(
        self,
        db: Database,
        client: Client,
        clock: Callable[[], datetime],
        resolve: Resolve | None = None,
        breaker: str = "",
    ) -> None:
        self.clock = clock
        self._limits = client.limits
        self._credentials = client.credentials
        self._headers = {"User-Agent": client.user_agent, "Accept": "*/*", "Accept-Encoding": "gzip"}
        self._scheduler = HostScheduler(db, clock, client.limits.seconds, client.limits.patience)
        self._breaker = CircuitBreaker(db, clock, client.limits.seconds)
        self._breaker_suffix = breaker
        self._network = Network(client.limits.seconds, resolve)

    async def __aenter__(self) -> Self:
        stamina.instrumentation.set_on_retry_hooks([])  # its log lines name no host; the report does
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._network.__aexit__(kind, error, trace)

    async def fetch(self, request: Request, rate_limit: RateLimit, validators: Validators | None = None) -> Answer:
        """Fetch as soon as the rate limit allows. Raises SourceFailed, in one line, without a usable answer."""
        host = _host(request.url)
        circuit = f"{host}{self._breaker_suffix}"
        known = await self._breaker.admit(circuit)
        attempts = 1 if known and known.failures >= rate_limits.HOST_FAILURES else self._limits.attempts
        try:
            answer = await self._within(host, request, rate_limit, validators or Validators(), attempts)
        except SourceFailed as error:
            await self._breaker.record(circuit, known, error)
            raise
        await self._breaker.record(circuit, known, None)
        return answer

    async def _within(
        self, host: str, request: Request, rate_limit: RateLimit, validators: Validators, attempts: int
    ) -> Answer:
        """Run all attempts within the deadline and turn every failure into one line."""
        tries: list[str] = []
        try:
            async with asyncio.timeout(self._limits.seconds) as deadline:
                return await self._try(_Fetch(request, rate_limit, validators, deadline, attempts, tries))
        except TimeoutError as error:
            why = f" (last: {tries[-1]})" if tries else ""
            raise SourceUnavailable(f"{host}: no answer within {self._limits.seconds:g} s{why}") from error
        except PrivateAddressError as error:
            raise SourceFailed(f"{host} redirects to {error}; refused") from error
        except ForbiddenAddressError as error:
            raise SourceFailed(f"{error}; refused") from error
        except (*_MAY_PASS, *REQUEST_ERRORS) as error:
            message = _error_message(error)
            named = message if message.startswith(host) else f"{host}: {message}"
            raise SourceUnavailable(named) from error

    async def _try(self, fetch: _Fetch) -> Answer:
        attempts = stamina.retry_context(
            on=_MAY_PASS,
            attempts=fetch.attempts,
            timeout=None,
            wait_initial=self._limits.backoff.steps[0],
            wait_max=self._limits.backoff.longest,
            wait_jitter=self._limits.backoff.steps[0],
        )
        async for attempt in attempts:
            with attempt:
                try:
                    return await self._follow(fetch)
                except _MAY_PASS as error:
                    fetch.tries.append(_error_message(error))
                    raise
        raise AssertionError("stamina ends by returning or raising")

    async def _follow(self, fetch: _Fetch) -> Answer:
        first = url = httpx2.URL(fetch.request.url)
        is_own = True
        for _hop in range(self._limits.redirects + 1):
            outgoing = self._outgoing(fetch, url, is_own)
            async with (
                self._scheduler.slot(fetch.rate_limit, fetch.deadline) as turn,
                self._network.send(outgoing) as incoming,
            ):
                found = await self._understand(fetch, url, incoming, turn)
            if isinstance(found, Answer):
                return found
            is_own = is_own and _is_same(first, found)
            if not is_own:
                _refuse_private(first, found)
            url = found
        raise SourceFailed(f"{first.host} redirects more than {self._limits.redirects} times")

    def _outgoing(self, fetch: _Fetch, url: httpx2.URL, is_own: bool) -> OutgoingRequest:
        """Return the request to send, with keys only for the host that the source itself named."""
        request = fetch.request
        headers = {**self._headers, **request.headers}
        if request.body is None:
            headers |= _conditions(fetch.validators)
        else:
            headers.setdefault("Content-Type", "application/json")
        if fetch.rate_limit.exclusive:
            headers["Connection"] = "close"  # kept open, it would be a second one beside another process's
        outgoing = OutgoingRequest("GET" if request.body is None else "POST", url, headers, request.body, is_own)
        return with_credential(outgoing, self._credentials) if is_own else outgoing

    async def _understand(
        self, fetch: _Fetch, url: httpx2.URL, incoming: ResponseStream, turn: RequestSlot
    ) -> Answer | httpx2.URL:
        """Return an answer, or the target of a redirect."""
        status, headers = incoming.status, incoming.headers
        pause = await self._scheduler.apply_headers(turn, status, headers)
        if status in RETRY_STATUSES:
            if pause > self._limits.seconds:
                until = self.clock() + min(timedelta(seconds=min(pause, 1e6)), rate_limits.HOST_HORIZON)
                raise HostUnavailableError(f"{turn.rate_limit.host} is rate-limited until {format_time(until)}")
            raise _AgainError(f"answers {status}")
        if status in _REDIRECTS:
            return _where(url, status, headers.get("location", ""), fetch.request)
        is_get = fetch.request.body is None
        validators = Validators(headers.get("etag"), headers.get("last-modified")) if is_get else Validators()
        telling = {name: headers[name] for name in _TELLING if name in headers}
        if status == 304 and is_get:
            return Answer(None, validators, status, telling)
        if status != 200 and not (fetch.request.may_be_gone and status in _GONE):
            raise RefusedError(f"{url.host} answers {status}; check the source's spec", status)
        return Answer(await self._body(incoming), validators, status, telling)

    async def _body(self, incoming: ResponseStream) -> bytes:
        announced = incoming.headers.get("content-length", "")
        if announced.isdecimal() and int(announced[:20]) > self._limits.wire:
            raise TooLargeError(f"the answer is larger than {self._limits.wire // 1_000_000} MB")
        encoding = incoming.headers.get("content-encoding", "").strip().lower()
        return await read_body(incoming.pieces, encoding, self._limits.wire, self._limits.body)


def fetch_file(url: str, known: Validators) -> Answer:
    """Read the file at a `file:` address; its time and size are its validator. Raises SourceFailed."""
    path = Path(unquote(urlsplit(url).path))
    try:
        state = path.stat()
    except OSError as error:
        raise SourceFailed(f"cannot read {path}: {error.strerror}") from error
    now = Validators(etag=f"{state.st_mtime_ns}-{state.st_size}")
    return Answer(None, now) if now == known else Answer(read_file(path), now)


def read_file(path: Path) -> bytes:
    """Return the whole file. Raises SourceFailed if it is too large or unreadable."""
    try:
        if path.stat().st_size > FILE_MAX:
            raise SourceFailed(f"{path} is larger than {FILE_MAX // 1_000_000} MB; use `digestd paper import`")
        return path.read_bytes()
    except OSError as error:
        raise SourceFailed(f"cannot read {path}: {error.strerror}") from error


def _conditions(validators: Validators) -> dict[str, str]:
    conditions = {"If-None-Match": validators.etag, "If-Modified-Since": validators.last_modified}
    return {name: value for name, value in conditions.items() if value}


def _where(here: httpx2.URL, status: int, location: str, request: Request) -> httpx2.URL:
    """Return the target of a redirect. Only 307 and 308 keep a POSTed body (RFC 9110, 15.4)."""
    if request.body is not None and status not in _KEEP_METHOD:
        raise SourceFailed(
            f"{here.host} answers a POST with a redirect ({status}) that would drop the request; refused"
        )
    try:
        return here.join(location)
    except httpx2.InvalidURL as error:
        raise SourceFailed(f"{here.host} redirects to something that is not an http(s) URL; refused") from error


def _is_same(one: httpx2.URL, other: httpx2.URL) -> bool:
    """Return True for the same host and port, or its change from http to https."""
    if one.raw_host != other.raw_host or one.userinfo != other.userinfo or other.scheme not in {"http", "https"}:
        return False
    return _port(one) == _port(other) or {_port(one), _port(other)} <= WEB_PORTS


def _port(url: httpx2.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _refuse_private(here: httpx2.URL, there: httpx2.URL) -> None:
    """Refuse a redirect that leaves the public web. Addresses are checked on connection."""
    why = why_not_public(there.scheme, there.userinfo.decode("ascii"), there.raw_host.decode("ascii"), there.port)
    if why:
        raise SourceFailed(f"{here.host} redirects to {why}; refused")


def _host(url: str) -> str:
    """Return host and port, for messages and the circuit breaker, without user name."""
    try:
        return httpx2.URL(url).netloc.decode("ascii")
    except httpx2.InvalidURL as error:
        raise SourceFailed("the address is empty; check the source's spec") from error


def _error_message(error: BaseException) -> str:
    """Return the message of an error or of its cause. Libraries wrap errors without a message."""
    if isinstance(error, TIMEOUT_ERRORS):
        return "took too long to answer"
    cause: BaseException | None = error
    while cause is not None and not str(cause).strip():
        cause = cause.__cause__ or cause.__context__
    return " ".join(str(cause or type(error).__name__).split())[:200]
