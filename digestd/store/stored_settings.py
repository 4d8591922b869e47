"""Read the stored settings of a subscriber, of which any may be damaged.

A time zone may vanish from the system, and a row may be damaged by a disk or by hand. A field that cannot be read is
replaced by a default and named, so that lists, pages and the end of a subscription work for everybody. Its subscriber
gets no digest until it is corrected: at the wrong hour, or by the wrong interests, nobody wants one.
"""

from collections.abc import Callable, Mapping
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple

from digestd.domain.schedule import is_timezone
from digestd.domain.subscriber import Cadence, Damage, MinScore, Status
from digestd.store import core
from digestd.store.timestamps import US_MAX

_FOUND_MAX = 40


class _Field(NamedTuple):
    """The way to read a column: which values are valid, how they are converted, and the default for others."""

    is_valid: Callable[[Any], bool]
    convert: Callable[[Any], Any]
    default: Any


def read_settings(row: core.Record) -> tuple[dict[str, Any], tuple[Damage, ...]]:
    """Return the settings and times in a row by column, and which of them are damaged."""
    values, damage = {}, []
    for name, field in _FIELDS.items():
        found = getattr(row, name)
        if field.is_valid(found):
            values[name] = field.convert(found)
        else:
            values[name] = field.default
            damage.append(Damage(name, repr(found)[:_FOUND_MAX]))
    return values, tuple(damage)


def is_valid(column: str, found: Any) -> bool:
    """Return True if a column may hold this value."""
    return _FIELDS[column].is_valid(found)


def read(column: str, found: Any) -> Any:
    """Return a stored value as the domain has it, or its default if it is damaged."""
    field = _FIELDS[column]
    return field.convert(found) if field.is_valid(found) else field.default


def _number(low: int, high: int, default: int) -> _Field:
    return _Field(lambda found: type(found) is int and low <= found <= high, int, default)


def _one_of(kind: type[StrEnum], default: StrEnum) -> _Field:
    known = {str(one): one for one in kind}
    return _Field(lambda found: isinstance(found, str) and found in known, known.__getitem__, default)


def _switch(default: bool) -> _Field:
    return _Field(lambda found: found in (0, 1), bool, default)


def _text(default: str) -> _Field:
    return _Field(lambda found: isinstance(found, str), str, default)


def _optional_time() -> _Field:
    return _Field(lambda found: found is None or (type(found) is int and abs(found) < US_MAX), lambda it: it, None)


def _is_optional_date(found: object) -> bool:
    try:
        return found is None or bool(date.fromisoformat(str(found)))
    except ValueError:
        return False


_FIELDS: Mapping[str, _Field] = {
    "status": _one_of(Status, Status.PAUSED),
    "name": _text(""),
    "timezone": _Field(is_timezone, str, "UTC"),
    "hour": _number(0, 23, 7),
    "cadence": _one_of(Cadence, Cadence.DAILY),
    "weekday": _number(0, 6, 0),
    "size": _number(1, 50, 10),
    "min_score": _one_of(MinScore, MinScore.NORMAL),
    "explore": _switch(True),
    "only_categories": _switch(False),
    "when_empty": _switch(False),
    "full_abstracts": _switch(False),
    "language": _text("en"),
    "last_date": _Field(_is_optional_date, lambda it: it, None),
    "last_planned_us": _optional_time(),
    "paused_until_us": _optional_time(),
    "links_from_us": _optional_time(),
}
