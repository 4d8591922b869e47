"""Read records from JSON (RFC 8259) of any shape.

A wrong shape becomes a reject, never a crash.

Texts are returned as one line without control characters.
"""

from collections.abc import Callable, Iterable, Mapping

from digestd.domain.paper import Sighting
from digestd.errors import BadRecord, SourceFailed
from digestd.sources.source import ITEMS_MAX, Reject, clean_line, read_each
from digestd.text import inputs

TEXT_MAX = 100_000
"""Longer texts are cut before they are looked at: more than any abstract with its markup."""

JsonObject = Mapping[str, object]


def load_json(body: bytes) -> object:
    """Parse an answer. Raises SourceFailed."""
    try:
        return inputs.load_json(body)
    except ValueError as error:
        raise SourceFailed(f"the answer is not JSON ({str(error)[:100]})") from error


def load_object(body: bytes) -> JsonObject:
    """Parse an answer that must be a JSON object. Raises SourceFailed."""
    found = load_json(body)
    if not isinstance(found, dict):
        raise SourceFailed(f"the answer is not a JSON object but a {type(found).__name__}; its format has changed")
    return found


def list_at(found: JsonObject, *path: str) -> list[object]:
    """Return the list at a path of keys, at most ITEMS_MAX items. Raises SourceFailed if there is none."""
    value: object = found
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    if not isinstance(value, list):
        raise SourceFailed(f"the answer has no list at {'.'.join(path)}; its format has changed")
    return value[:ITEMS_MAX]


def total_at(found: JsonObject, *path: str) -> int:
    """Return the number of results at a path of keys. Raises SourceFailed if there is none."""
    value: object = found
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    if (total := parse_count(value)) is None:
        raise SourceFailed("the answer does not say how many were found; its format has changed")
    return total


def read_records(
    found: Iterable[object], sightings: Callable[[JsonObject], Iterable[Sighting]]
) -> tuple[list[Sighting], list[Reject]]:
    """Return the sightings of all records. Also return a reject for each record that cannot be parsed."""
    named = ((f"record {number}", record) for number, record in enumerate(found, start=1))
    return read_each(named, lambda record: sightings(require_object(record, "record")))


def require_object(value: object, field: str) -> JsonObject:
    """Return the value if it is an object. Raises BadRecord."""
    if not isinstance(value, dict):
        raise BadRecord(field, f"is {type(value).__name__}, not an object")
    return value


def object_at(record: JsonObject, key: str) -> JsonObject:
    """Return the object under a key, or an empty one if it is missing. Raises BadRecord for another type."""
    value = record.get(key)
    return {} if value is None else require_object(value, key)


def as_list(value: object) -> list[object]:
    """Return a list unchanged, and anything else as a list. [] for None, else [value], as XML converters need."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def objects_at(record: JsonObject, key: str) -> list[JsonObject]:
    """Return the objects of a list or of a single value; other values are ignored."""
    return [value for value in as_list(record.get(key)) if isinstance(value, dict)]


def text_at(record: JsonObject, key: str) -> str:
    """Return the text under a key as one line, or "" if it is missing. Raises BadRecord for another type."""
    value = record.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadRecord(key, f"is {type(value).__name__}, not text")
    return clean_line(value, TEXT_MAX)


def text_values(value: object) -> list[str]:
    """Return the non-empty texts of a list or of a single value."""
    found = [clean_line(item, TEXT_MAX) for item in as_list(value) if isinstance(item, str)]
    return [item for item in found if item]


def parse_count(value: object) -> int | None:
    """Parse a count from 0 to 10^15, also if written as text; None otherwise."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 15:
        return int(value)
    return value if type(value) is int and 0 <= value <= 10**15 else None
