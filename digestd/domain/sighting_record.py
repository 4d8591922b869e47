"""Sightings as JSON objects.

The one codec between the parser process, ingest and the store.

The fields are those of `Sighting` and `Words`, flattened. A new field of either is written and read without a change
here if JSON can hold it; what comes from a parser process must also be checked
(`digestd.fetching.page_validation`), and a field without a check is refused when that module is loaded.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from datetime import date, datetime
from typing import Any

from digestd.domain.paper import PaperId, Sighting, Words

_WORDS = {field.name: field for field in fields(Words)}
_OWN = {field.name: field for field in fields(Sighting) if field.name != "words"}
FIELDS = (*_WORDS, *_OWN)
"""The names of all fields."""


def to_record(sighting: Sighting) -> dict[str, Any]:
    """Return a sighting as a JSON object; fields that have their default are left out."""
    record = {}
    for names, part in ((_WORDS, sighting.words), (_OWN, sighting)):
        for name in names:
            value = getattr(part, name)
            if value != _DEFAULTS[name]:
                record[name] = _to_json(value)
    return record


def from_record(record: Mapping[str, Any]) -> Sighting:
    """Return the sighting of a trusted record: the inverse of `to_record`.

    Raises:
        TypeError: The record has a field that sightings do not have, or lacks a required one.
    """
    return assemble({name: _FROM_JSON.get(name, _same)(value) for name, value in record.items()})


def assemble(values: Mapping[str, Any]) -> Sighting:
    """Return a sighting from Python values by field name.

    Raise TypeError for unknown or missing fields.
    """
    words = Words(**{name: value for name, value in values.items() if name in _WORDS})
    return Sighting(words=words, **{name: value for name, value in values.items() if name not in _WORDS})


def _default(field: "Field[Any]") -> object:
    """Return the default of a field; MISSING, which equals no value, if it is required."""
    return field.default if field.default_factory is MISSING else field.default_factory()


_DEFAULTS = {name: _default(field) for name, field in (_WORDS | _OWN).items()}


def _to_json(value: object) -> object:
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Mapping):
        return dict(value)
    return value.isoformat() if isinstance(value, date) else value


def _same(value: Any) -> Any:
    return value


def _paper_ids(names: list[str]) -> tuple[PaperId, ...]:
    return tuple(map(PaperId, names))


_FROM_JSON: dict[str, Callable[[Any], Any]] = {
    "ids": _paper_ids,
    "authors": tuple,
    "categories": tuple,
    "affiliations": tuple,
    "published": datetime.fromisoformat,
    "day": date.fromisoformat,
}
"""Readers of fields whose type JSON does not have."""
