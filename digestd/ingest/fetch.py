"""One polite fetcher for the whole installation.

Conditional requests (hishel 2.0 replayed without asking, so the validators are ours); a pace per
host kept in the store, so that all processes together keep to it; Retry-After obeyed; tried again
only on 429, 5xx and a lost connection; limits on time, size and redirects. It knows no formats.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self

import httpx2
import stamina

from digestd import __version__
from digestd.errors import SourceFailed
from digestd.ingest.body import CutShortError, read_body
from digestd.sources.source import Pace, Request
from digestd.store import fetches
from digestd.store.database import Database

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_AGAIN = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Limits:
    """What one fetch may take, its retries included."""

    seconds: float = 60.0
    wire: int = 10_000_000
    body: int = 50_000_000
    redirects: int = 5
    attempts: int = 4
    backoff: float = 1.0


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks, and within which limits."""

    public_url: str
    contact: str = ""
    limits: Limits = Limits()

    @property
    def user_agent(self) -> str:
        """A name with a contact: it is polite, and a distinct one gets fewer refusals from arXiv."""
        about = [f"+{self.public_url}", *([f"mailto:{self.contact}"] if self.contact else [])]
        return f"digestd/{__version__} ({'; '.join(about)})".encode("ascii", "ignore").decode()


@dataclass(frozen=True, slots=True)
class Validators:
    """What the last answer said to ask with next time."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A body with its validators; None where nothing has changed since."""

    body: bytes | None
    validators: Validators


class _AgainError(Exception):
    """This try failed in a way that may pass."""


_MAY_PASS = (_AgainError, httpx2.TransportError, CutShortError)


class Fetcher:
    """`async with Fetcher(…) as fetcher`: one connection, kept over all sources."""

    def __init__(self, db: Database, client: Client, clock: Callable[[], datetime]) -> None:
        self._db = db
        self._clock = clock
        self._limits = client.limits
        self._headers = {"User-Agent": client.user_agent, "Accept-Encoding": "gzip"}
        self._http: httpx2.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        stamina.instrumentation.set_on_retry_hooks([])  # its log lines name no host; the report does
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def fetch(self, request: Request, pace: Pace, validators: Validators | None = None) -> Answer:
        """Fetch once the pace allows. Raises SourceFailed, one line, when there is no usable answer."""
        host = _host(request.url)
        tries: list[str] = []
        try:
            async with asyncio.timeout(self._limits.seconds):
                return await self._try(request, pace, validators or Validators(), tries)
        except TimeoutError as error:
            why = f" (last: {tries[-1]})" if tries else ""
            raise SourceFailed(f"{host}: no answer within {self._limits.seconds:g} s{why}") from error
        except (*_MAY_PASS, httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise SourceFailed(f"{host}: {_said(error)}; the next ingest tries again") from error

    async def _try(self, request: Request, pace: Pace, validators: Validators, tries: list[str]) -> Answer:
        attempts = stamina.retry_context(
            on=_MAY_PASS,
            attempts=self._limits.attempts,
            timeout=None,
            wait_initial=self._limits.backoff,
            wait_max=self._limits.backoff * 10,
            wait_jitter=self._limits.backoff,
        )
        async for attempt in attempts:
            with attempt:
                try:
                    return await self._follow(request, pace, validators)
                except _MAY_PASS as error:
                    tries.append(_said(error))
                    raise
        raise AssertionError("stamina ends by returning or raising")

    async def _follow(self, request: Request, pace: Pace, validators: Validators) -> Answer:
        headers = {**self._headers, **request.headers, **_conditions(validators)}
        url = httpx2.URL(request.url)
        for _hop in range(self._limits.redirects + 1):
            await self._wait_for_turn(pace)
            found = await self._ask(url, headers, pace)
            if isinstance(found, Answer):
                return found
            await _refuse_inward(url, found)
            url = found
        raise SourceFailed(f"{_host(request.url)} redirects more than {self._limits.redirects} times")

    async def _wait_for_turn(self, pace: Pace) -> None:
        """Reserve the moment in the store first, so that no other process takes it too."""
        if pace.seconds <= 0:
            return
        now = self._clock()
        turn = await asyncio.to_thread(self._reserve, pace, now)
        wait = (turn - now).total_seconds()
        if wait > self._limits.seconds:
            raise SourceFailed(f"{pace.host} is not to be asked before {_moment(turn)}")
        await asyncio.sleep(max(0.0, wait))

    def _reserve(self, pace: Pace, now: datetime) -> datetime:
        with self._db.write() as session:
            return fetches.reserve(session, pace.host, now, pace.seconds)

    async def _ask(self, url: httpx2.URL, headers: dict[str, str], pace: Pace) -> Answer | httpx2.URL:
        """One request: an answer, or where to go instead."""
        self._http = self._http or _http(self._limits)
        async with self._http.stream("GET", url, headers=headers) as response:
            if response.status_code in _AGAIN:
                await self._heed(response.headers.get("Retry-After"), pace)
                raise _AgainError(f"answers {response.status_code}")
            if response.status_code in _REDIRECTS:
                return url.join(response.headers.get("Location", ""))
            validators = Validators(response.headers.get("ETag"), response.headers.get("Last-Modified"))
            if response.status_code == 304:
                return Answer(None, validators)
            if response.status_code != 200:
                raise SourceFailed(f"{url.host} answers {response.status_code}; check the source's spec")
            encoding = response.headers.get("Content-Encoding", "").strip().lower()
            body = await read_body(response.aiter_raw(), encoding, self._limits.wire, self._limits.body)
            return Answer(body, validators)

    async def _heed(self, retry_after: str | None, pace: Pace) -> None:
        """Note in the store until when the host wants to be left alone."""
        now = self._clock()
        seconds = _seconds(retry_after, now)
        if seconds is None:
            return
        until = now + min(timedelta(seconds=seconds), fetches.HORIZON)
        await asyncio.to_thread(self._postpone, pace.host, until)
        if seconds > self._limits.seconds:
            raise SourceFailed(f"{pace.host} is not to be asked before {_moment(until)}")

    def _postpone(self, host: str, until: datetime) -> None:
        with self._db.write() as session:
            fetches.postpone(session, host, until)


def _http(limits: Limits) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        limits=httpx2.Limits(max_connections=1), timeout=httpx2.Timeout(limits.seconds, connect=10.0)
    )


def _conditions(validators: Validators) -> dict[str, str]:
    asked = {"If-None-Match": validators.etag, "If-Modified-Since": validators.last_modified}
    return {name: value for name, value in asked.items() if value}


def _seconds(retry_after: str | None, now: datetime) -> float | None:
    """Retry-After as seconds from now, whether it gives seconds or a date (RFC 9110, 10.2.3)."""
    if not retry_after:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after.strip()[:9])
    try:
        until = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    until = until.replace(tzinfo=UTC) if until.tzinfo is None else until
    return max(0.0, (until - now).total_seconds())


async def _refuse_inward(here: httpx2.URL, there: httpx2.URL) -> None:
    """A redirect may lead to the web only, and never from one host to another inside this network."""
    if there.scheme not in {"http", "https"} or not there.host:
        raise SourceFailed(f"{here.host} redirects to what is no web address")
    if there.host == here.host:
        return
    try:
        found = await asyncio.get_running_loop().getaddrinfo(there.host, there.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise _AgainError(f"redirects to {there.host}, which is not found") from error
    if not all(ipaddress.ip_address(str(address[4][0]).partition("%")[0]).is_global for address in found):
        raise SourceFailed(f"{here.host} redirects to {there.host}, which is inside this network; refused")


def _moment(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0]


def _said(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__)[:200]
