"""Read and write the preferences and the state of a subscriber, of which any may be damaged.

A time zone may vanish from the system, and a row may be damaged by a disk or by hand. A field that cannot be read is
replaced by a default and named, so that lists, pages and the end of a subscription work for everybody. Its subscriber
gets no digest until it is corrected: at the wrong hour, or by the wrong interests, nobody wants one.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from digestd.domain.subscriber import WEEKDAYS, Damage, Preferences, Status
from digestd.store import core
from digestd.store.timestamps import from_us

_FOUND_MAX = 40
COLUMNS = tuple(core.subscriber.c[name] for name in Preferences.model_fields)
"""The columns of the preferences, in the order of the arguments of `read_preferences`."""


@lru_cache(maxsize=1_000)  # most subscribers share theirs, but for the name
def read_sound_preferences(*stored: Any) -> Preferences:
    """Return the preferences in the values of COLUMNS.

    Raises ValueError if any is damaged. This is not cached: the system's time zones may be about to be replaced.
    """
    return Preferences.model_validate(_by_name(stored))


def read_preferences(*stored: Any) -> tuple[Preferences, tuple[Damage, ...]]:
    """Return the preferences in the values of COLUMNS, and which of them are damaged."""
    try:
        return read_sound_preferences(*stored), ()
    except ValidationError as error:
        damage = {str(one["loc"][0]): one["input"] for one in error.errors()}
    sound = {name: value for name, value in _by_name(stored).items() if name not in damage}
    return Preferences.model_validate(sound), tuple(_damage(name, found) for name, found in damage.items())


def read_row(row: core.Record) -> tuple[Preferences, tuple[Damage, ...]]:
    """Return the preferences in a row that has COLUMNS among others, and which of them are damaged."""
    return read_preferences(*(getattr(row, name) for name in Preferences.model_fields))


def row_values(preferences: Preferences) -> dict[str, Any]:
    return {**preferences.model_dump(), "weekday": WEEKDAYS.index(preferences.weekday)}


def read_state(row: core.Record) -> tuple[dict[str, Any], tuple[Damage, ...]]:
    """Return status and times in a row, as arguments of `Subscriber`, and which of them are damaged."""
    values, damage = {}, []
    for name, (column, read, default) in _STATE.items():
        stored = getattr(row, column)
        try:
            values[name] = read(stored)
        except (ValueError, TypeError, OverflowError):
            values[name] = default
            damage.append(_damage(column, stored))
    return values, tuple(damage)


def read_status(stored: Any) -> Status:
    """Return a stored status, or the status of a subscriber whose own cannot be read."""
    return _STATUSES.get(stored, Status.PAUSED)


@lru_cache(maxsize=1_000)
def read_date(stored: str | None) -> str | None:
    """Return a stored date as it is. Raises ValueError or TypeError if it is damaged."""
    if stored is not None:
        date.fromisoformat(stored)
    return stored


def read_time(stored: Any) -> datetime | None:
    """Return a stored time, or None if it is damaged."""
    try:
        return _instant(stored)
    except (ValueError, TypeError, OverflowError):
        return None


def _by_name(stored: Sequence[Any]) -> dict[str, Any]:
    values = dict(zip(Preferences.model_fields, stored, strict=True))
    number = values["weekday"]
    if type(number) is int and 0 <= number < len(WEEKDAYS):
        values["weekday"] = WEEKDAYS[number]
    return values


def _damage(field: str, found: object) -> Damage:
    return Damage(field, repr(found)[:_FOUND_MAX])


def _instant(us: int | None) -> datetime | None:
    return None if us is None else from_us(us)


_STATUSES = {str(status): status for status in Status}
_STATE: Mapping[str, tuple[str, Callable[[Any], Any], Any]] = {
    "status": ("status", Status, Status.PAUSED),
    "last_date": ("last_date", read_date, None),
    "last_planned": ("last_planned_us", _instant, None),
    "paused_until": ("paused_until_us", _instant, None),
    "links_from": ("links_from_us", lambda us: _instant(us or None), None),
}
"""The column of each value, how it is read, and its default if it is damaged."""
