"""Read from a host's headers how many seconds it wants no further request.

Retry-After (RFC 9110, 10.2.3); RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers, in
the form of structured fields and in the two older ones); X-RateLimit-* as GitHub has them, where the
reset is an instant; X-Rate-Limit-Limit and -Interval (Crossref); Backoff (Zotero).
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite

BUSY = frozenset({429, 500, 502, 503, 504})
"""Statuses after which asking again may help; Retry-After counts with these."""
EPOCH_FROM = 1_000_000_000
"""A reset from here on is an instant, in seconds since 1970; below, seconds from now."""
_PART = re.compile(r"(?<![a-z0-9_.*-])([a-z*][a-z0-9_.*-]*)\s*=\s*\"?([0-9.]+)\"?", re.IGNORECASE)
_INTERVAL = re.compile(r"\s*(\d{1,6})\s*(?:(ms|s|m|h)\s*)?")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}


def requested_pause(status: int, headers: Mapping[str, str], now: datetime) -> float:
    """Return the seconds without a further request that the host asks for, or 0.

    Names of headers are lower case.
    """
    asked = [_seconds(headers.get("backoff", ""), now), *_used_up(headers, now), _spacing(headers)]
    if status in BUSY:
        asked.append(_seconds(headers.get("retry-after", ""), now))
    return max(0.0, *asked)


def _seconds(text: str, now: datetime) -> float:
    """Return a number of seconds, or the seconds until a date."""
    if re.fullmatch(r"\s*\d+(\.\d+)?\s*", text):
        return _number(text)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    until = until.replace(tzinfo=UTC) if until.tzinfo is None else until
    return (until - now).total_seconds()


def _used_up(headers: Mapping[str, str], now: datetime) -> Iterator[float]:
    """Yield the reset of every quota that is used up."""
    windows = [_parts(item).get("w", 0.0) for item in headers.get("ratelimit-policy", "").split(",")]
    for item in _quotas(headers.get("ratelimit", "")):
        parts = _parts(item)
        if parts.get("r", parts.get("remaining", 1.0)) <= 0:
            yield parts.get("t", parts.get("reset", max(windows)))
    for prefix in ("ratelimit", "x-ratelimit", "x-rate-limit"):
        remaining = headers.get(f"{prefix}-remaining", "").partition(",")[0]
        if remaining.strip() and _number(remaining, 1.0) <= 0:
            yield _until(_number(headers.get(f"{prefix}-reset", "")), headers, now)


def _quotas(ratelimit: str) -> list[str]:
    """Split into quotas: `"a";r=0;t=5, "b";r=9` is two, `limit=9, remaining=0, reset=5` one."""
    return [ratelimit] if "remaining" in ratelimit.lower() else ratelimit.split(",")


def _until(reset: float, headers: Mapping[str, str], now: datetime) -> float:
    """Return the seconds until a reset, by the host's own clock if it sends a date."""
    if reset < EPOCH_FROM:
        return reset
    try:
        theirs = parsedate_to_datetime(headers.get("date", "")).timestamp()
    except ValueError:
        theirs = now.timestamp()
    return reset - theirs


def _spacing(headers: Mapping[str, str]) -> float:
    """Return the spacing: 50 requests in an interval of 1s are one every 0.02 s."""
    limit = _number(headers.get("x-rate-limit-limit", ""))
    interval = _INTERVAL.fullmatch(headers.get("x-rate-limit-interval", "").lower())
    return int(interval[1]) * _UNITS[interval[2]] / limit if interval and limit > 0 else 0.0


def _parts(item: str) -> dict[str, float]:
    return {name.lower(): _number(value) for name, value in _PART.findall(item)}


def _number(text: str, otherwise: float = 0.0) -> float:
    try:
        found = float(text.strip()[:20])
    except ValueError:
        return otherwise
    return found if isfinite(found) else otherwise
