"""Limit requests per network: a sliding window in memory, for this process alone.

Only for what costs time; mails that anybody can cause are counted in the database
(store/mail_budgets). The `limits` library does not fit: its memory storage keeps every
key of a flood until it expires, so memory has no bound; it reads the wall clock, not
the clock of the install; and it starts a timer thread.
"""

from collections import OrderedDict, deque
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from threading import Lock

from fastapi import Request

from digestd.errors import DigestdError

KEYS_MAX = 20_000
_V6_PREFIX = 48
"""The prefix of one IPv6 site: a /64 is only one of the 65,536 networks that anybody with a tunnel can choose from."""


class Window:
    """Allows `limit` requests per key within `span`.

    Of too many keys the least recent is forgotten.
    """

    def __init__(self, limit: int, span: timedelta) -> None:
        self._limit = limit
        self._span = span
        self._seen: OrderedDict[str, deque[datetime]] = OrderedDict()
        self._lock = Lock()

    @property
    def later(self) -> dict[str, str]:
        """Return the Retry-After header."""
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


class TooOften(DigestdError):
    """A network, or all together, exceeded a limit; `later` is the Retry-After header, `words` name the error page."""

    status = 429
    words = "often"

    def __init__(self, later: dict[str, str]) -> None:
        super().__init__("too many requests from this network")
        self.later = later


class RateLimits:
    """Limits per network and for all networks together."""

    def __init__(self, per_network: int, everyone: int, span: timedelta) -> None:
        self._networks, self._everyone = Window(per_network, span), Window(everyone, span)
        self.later = self._networks.later

    def allows(self, request: Request, now: datetime, price: int = 1) -> bool:
        """Return True if the request is within both limits, and count it as `price` requests."""
        return self._networks.allows(network_of(request), now, price) and self._everyone.allows("", now, price)

    def check(self, request: Request, now: datetime) -> None:
        """Count a request. Raises TooOften if it exceeds a limit."""
        if not self.allows(request, now):
            raise TooOften(self.later)


def network_of(request: Request) -> str:
    """Return the network of whoever sends this."""
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
