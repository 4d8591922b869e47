"""Time zones by their IANA names, as this system knows them."""

import errno
from difflib import get_close_matches
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from digestd.errors import BadRecord

_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


@lru_cache(maxsize=700)
def load_zone(name: str) -> ZoneInfo:
    """Return a time zone by name. Raises LookupError, ValueError or OSError."""
    return ZoneInfo(name)


def check_timezone(name: str) -> str:
    """Return the name if it is an IANA time zone.

    Raises BadRecord, which suggests a similar one.
    """
    if name in _zones() and is_timezone(name):
        return name
    near = _similar_zone(name[:40])
    remedy = f"did you mean {near!r}?" if near else "write it like Europe/Berlin or UTC"
    raise BadRecord("timezone", f"invalid time zone {name[:60]!r}: {remedy}")


def is_timezone(name: object) -> bool:
    """Return True if a stored name is a time zone of this system. Zones are renamed and removed now and then.

    Raises OSError if the process can open no file now, which says nothing about the name.
    """
    try:
        return isinstance(name, str) and bool(load_zone(name))
    except (LookupError, ValueError):
        return False
    except OSError as error:  # as for a folder of zones
        if error.errno in _EXHAUSTED:
            raise
        return False


def require_timezone(name: str) -> str:
    """Return the name if it is a time zone of this system. Raises BadRecord, as `check_timezone` does."""
    return name if is_timezone(name) else check_timezone(name)


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _similar_zone(name: str) -> str | None:
    """Return the zone whose name or city is most similar, ignoring case."""
    zones = sorted(_zones())
    names = {zone.rpartition("/")[2].lower(): zone for zone in zones} | {zone.lower(): zone for zone in zones}
    near = get_close_matches(name.lower().replace(" ", "_"), names, n=1, cutoff=0.75)
    return names[near[0]] if near else None
