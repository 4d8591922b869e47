"""Guard the pages against floods, foreign forms and guesses by time.

Rate limits per network are a sliding window in memory, for this process alone, and only for what costs time; mails
that anybody can cause are counted in the database (store/rate_limits). The `limits` library does not fit: its memory
storage keeps every key of a flood until it expires, so memory has no bound; it reads the wall clock, not the clock of
the install; and it starts a timer thread.

A form that sends mail carries a timestamp: the time and network of the page, signed into a hidden field. The form is
accepted at once only if the same network got it between two seconds and two hours ago. So other sites cannot fetch
timestamps for their visitors to post, and programs cannot collect them. A timestamp contains only the time and four
bytes of a keyed hash of the network.
"""

import time
from asyncio import sleep
from collections import OrderedDict, deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from threading import Lock
from typing import TypeVar
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from digestd.errors import DigestdError
from digestd.security.keys import Keys
from digestd.security.tokens import BadToken, Purpose, make_token, read_token

KEYS_MAX = 20_000
_V6_PREFIX = 48
"""The prefix of one IPv6 site: a /64 is only one of the 65,536 networks that anybody with a tunnel can choose from."""
FLOOR_SECONDS = 0.25
"""Of answers in constant time: longer than the slowest ordinary case, which is one commit."""
MIN_AGE = timedelta(seconds=2)
"""Of a form: faster than a person can type an address."""
MAX_AGE = timedelta(hours=2)
"""Of a form: longer than a person needs for it. Afterwards, one more click is needed."""
_STAMP_IN_A_PAGE = b'name="stamp" value="'
_OURS = frozenset({"same-origin", "none"})
T = TypeVar("T")


class TooOften(DigestdError):
    """A network, or all together, exceeded a limit; `later` is the Retry-After header, `words` name the error page."""

    status = 429
    words = "often"

    def __init__(self, later: dict[str, str], why: str = "too many requests from this network") -> None:
        super().__init__(why)
        self.later = later


class Window:
    """Allows `limit` requests per key within `span`. Of too many keys the least recent is forgotten."""

    def __init__(self, limit: int, span: timedelta) -> None:
        self._limit = limit
        self._span = span
        self._seen: OrderedDict[str, deque[datetime]] = OrderedDict()
        self._lock = Lock()

    @property
    def later(self) -> dict[str, str]:
        return {"Retry-After": str(int(self._span.total_seconds()))}

    def allows(self, key: str, now: datetime, price: int = 1) -> bool:
        """Return True if the request is within the limit, and count it as `price` requests."""
        with self._lock:
            times = self._seen.setdefault(key, deque())
            self._seen.move_to_end(key)
            if len(self._seen) > KEYS_MAX:
                self._seen.popitem(last=False)
            while times and times[0] <= now - self._span:
                times.popleft()
            if len(times) + price > self._limit:
                return False
            times.extend([now] * price)
            return True

    def check(self, key: str, now: datetime, why: str = "too many requests from this network") -> None:
        if not self.allows(key, now):
            raise TooOften(self.later, why)


class RateLimits:
    """Limits per network and for all networks together."""

    def __init__(self, per_network: int, everyone: int, span: timedelta) -> None:
        self._networks, self._everyone = Window(per_network, span), Window(everyone, span)
        self.later = self._networks.later

    def allows(self, network: str, now: datetime, price: int = 1) -> bool:
        return self._networks.allows(network, now, price) and self._everyone.allows("", now, price)

    def check(self, network: str, now: datetime) -> None:
        if not self.allows(network, now):
            raise TooOften(self.later)


def network_of(request: Request) -> str:
    return network(request.client.host if request.client else "")


def network(host: str) -> str:
    """Return the network of a client: its IPv4 address, or the /48 of its IPv6 site."""
    try:
        address = ip_address(host)
    except ValueError:
        return host[:100]
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ip_network((int(address), _V6_PREFIX), strict=False))
    return host


async def answer_in_constant_time(work: Callable[[], T], seconds: float = FLOOR_SECONDS) -> T:
    """Run `work` in a thread, and return its result after at least `seconds`.

    The wait happens on the event loop, so that delayed answers do not occupy threads.
    """
    begun = time.monotonic()
    try:
        return await run_in_threadpool(work)
    finally:
        await sleep(max(0.0, begun + seconds - time.monotonic()))


def is_foreign(request: Request, public_url: str) -> bool:
    """Return True if the browser says that a page of another site sent the request.

    Missing headers and `Origin: null` prove nothing: browsers send the latter for our own forms, because our pages
    forbid referrers. The form timestamp decides then.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin", "null")
    if site is not None and site not in _OURS:
        return True
    if origin == "null":
        return False
    ours = urlsplit(public_url)
    own = {f"{ours.scheme}://{ours.netloc}"}
    own |= {f"{scheme}://{request.headers.get('host', '')}" for scheme in ("http", "https")}
    return origin.lower() not in {one.lower() for one in own}


def new_timestamp(keys: Keys, network: bytes, now: datetime) -> str:
    return make_token(keys, Purpose.FORM, round(now.timestamp() * 1_000), now, _tag(keys, network))


def is_timely(keys: Keys, network: bytes, stamp: str, now: datetime) -> bool:
    age = _age(keys, network, stamp, now)
    return age is not None and MIN_AGE <= age <= MAX_AGE


def refreshed_timestamp(keys: Keys, network: bytes, stamp: str, now: datetime) -> str:
    """Return the timestamp if it is still good, else a new one. For forms that are shown again."""
    age = _age(keys, network, stamp, now)
    return stamp if age is not None and timedelta() <= age <= MAX_AGE else new_timestamp(keys, network, now)


def with_new_timestamp(page: bytes, keys: Keys, network: bytes, now: datetime) -> bytes:
    before, start, rest = page.partition(_STAMP_IN_A_PAGE)
    _, end, after = rest.partition(b'"')
    return b"".join((before, start, new_timestamp(keys, network, now).encode(), end, after)) if end else page


def _age(keys: Keys, network: bytes, stamp: str, now: datetime) -> timedelta | None:
    """Return the age of a form, or None if this network did not get it from us."""
    try:
        milliseconds, tag, _ = read_token(keys, Purpose.FORM, stamp, now)
        if tag != _tag(keys, network):
            return None
        return now - datetime.fromtimestamp(milliseconds / 1_000, UTC)
    except (BadToken, OverflowError, ValueError):
        return None


def _tag(keys: Keys, network: bytes) -> int:
    return int.from_bytes(keys.original.mac("form-network", network)[:4], "big")
