"""Records out of JSON, whatever shape it has: the wrong shape of one record is its reject, never a crash.

RFC 8259. Text comes out as one line without characters that no database holds.
"""

import json
from collections.abc import Callable, Iterable, Mapping

from digestd.domain.paper import Sighting
from digestd.errors import BadRecord, SourceFailed
from digestd.sources.source import ITEMS_MAX, Reject, clean_line

TEXT_MAX = 100_000
"""Longer texts are cut before they are looked at: more than any abstract with its markup."""

JsonObject = Mapping[str, object]


def load_object(body: bytes) -> JsonObject:
    """The object an answer is. Raises SourceFailed where it is none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SourceFailed(f"the answer is no JSON ({str(error)[:100]})") from error
    if not isinstance(found, dict):
        raise SourceFailed(f"the answer is no JSON object but a {type(found).__name__}; its form has changed")
    return found


def list_at(found: JsonObject, *path: str) -> list[object]:
    """The list at a path of an answer, at most ITEMS_MAX of it. Raises SourceFailed where there is none."""
    value: object = found
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    if not isinstance(value, list):
        raise SourceFailed(f"the answer has no list at {'.'.join(path)}; its form has changed")
    return value[:ITEMS_MAX]


def read_records(
    found: Iterable[object], sightings: Callable[[JsonObject], Iterable[Sighting]]
) -> tuple[list[Sighting], list[Reject]]:
    """What each record says; those that cannot be read are rejects with their reason."""
    told: list[Sighting] = []
    rejects: list[Reject] = []
    for position, record in enumerate(found, start=1):
        try:
            told += sightings(require_object(record, "record"))
        except BadRecord as error:
            rejects.append(Reject(f"record {position}", error.field, error.message))
    return told, rejects


def require_object(value: object, field: str) -> JsonObject:
    """The value as an object. Raises BadRecord where it is none."""
    if not isinstance(value, dict):
        raise BadRecord(field, f"is {type(value).__name__}, not an object")
    return value


def object_at(record: JsonObject, key: str) -> JsonObject:
    """The object under a key, an empty one where there is none. Raises BadRecord where it is something else."""
    value = record.get(key)
    return {} if value is None else require_object(value, key)


def as_list(value: object) -> list[object]:
    """A list as it is, nothing as none, anything else as the only one (XML turned into JSON does that)."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def text_at(record: JsonObject, key: str) -> str:
    """The text under a key, as one line; empty where there is none. Raises BadRecord where it is no text."""
    value = record.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadRecord(key, f"is {type(value).__name__}, not text")
    return clean_line(value, TEXT_MAX)


def text_values(value: object) -> list[str]:
    """Those of a list, or of one value, that are text and not empty."""
    found = [clean_line(item, TEXT_MAX) for item in as_list(value) if isinstance(item, str)]
    return [item for item in found if item]


def parse_count(value: object) -> int | None:
    """A count, also one written as text; None where it is none from 0 to 10^15."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 15:
        return int(value)
    return value if type(value) is int and 0 <= value <= 10**15 else None
