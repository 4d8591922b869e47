"""Validate the page that a parser process returns, and trust nothing in it.

The process has parsed untrusted bytes, so it may return anything. Every field is checked for type and limits, and
texts are cleaned again. The page arrives as JSON lines, one per record, so that memory is bounded by content: brackets
alone, a few bytes each, would otherwise take many times their size.
"""

import io
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from digestd.domain.paper import (
    ABSTRACT_MAX,
    AFFILIATIONS_MAX,
    AUTHORS_MAX,
    NAME_MAX,
    SUMMARY_MAX,
    TITLE_MAX,
    PaperId,
    Sighting,
)
from digestd.domain.sighting_record import FIELDS, assemble
from digestd.fetching.parser_main import LONG_TEXTS
from digestd.sources.source import CATEGORIES_MAX, Page, Reject, clean_line, clean_names, is_plain_name, web_url
from digestd.text.people import plain_name

RECORDS_MAX = 250_000
"""Sightings and rejects of one page; a parser process has not the memory for more."""
LINE_MAX = 4_000_000
"""Bytes of one record. Five thousand authors take less than one million."""
CURSOR_MAX = 10_000
IDS_MAX = 1_000
ID_MAX = 500
MARKS_MAX = 50
"""Links or signals of one sighting."""
NUMBER_MAX = 10**12
MESSAGE_MAX = 500
_ID = re.compile(r"(?!merged:)[a-z][a-z0-9+.-]{0,30}:[^\s\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_ANNOUNCED = frozenset({"new", "replace", "replace-cross", "cross", "signals"})


def decode(frame: bytes, texts: bytes) -> Page | str:
    """Return the page of an answer.

    Or return what the parser found wrong with the bytes it was given.

    Raises ValueError, TypeError or RecursionError if the process sends anything but a page within its limits.
    """
    lines = _lines(frame)
    head = next(lines)
    if isinstance(head, dict):
        return message(head.get("failed"))
    sightings, rejects, after, total, day = head
    if _number(sightings) + _number(rejects) > RECORDS_MAX:
        raise ValueError("too many records")
    cut = _cutter(texts)
    return Page(
        tuple([_sighting(cut, _object(next(lines))) for _ in range(sightings)]),
        None if after is None else _text(after, CURSOR_MAX),
        tuple([Reject(*map(message, _record(lines))) for _ in range(rejects)]),
        None if total is None else _number(total),
        None if day is None else date.fromisoformat(day),
    )


def message(value: object) -> str:
    """Return what a parser process says for people: one line without control characters. Raises TypeError."""
    return clean_line(_text(value, LINE_MAX), MESSAGE_MAX)


def _lines(frame: bytes) -> Iterator[Any]:
    """Yield the values of the lines, each read when it is asked for. Raises ValueError after the last."""
    stream = io.BytesIO(frame)
    while (line := stream.readline(LINE_MAX)).endswith(b"\n"):
        yield json.loads(line)
    raise ValueError("a record is missing or too long")


def _record(lines: Iterator[Any]) -> list[Any]:
    found = next(lines)
    if not isinstance(found, list):
        raise TypeError("a record is not a list")
    return found


def _cutter(texts: bytes) -> Callable[[object], str]:
    """Return a function that takes the next text off the joined ones. It needs the length in bytes."""
    stream = io.BytesIO(texts)

    def cut(length: object) -> str:
        return stream.read(_number(length)).decode("utf-8", "surrogatepass")

    return cut


def _object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TypeError("a sighting is not an object")
    return value


def _sighting(cut: Callable[[object], str], record: dict[str, object]) -> Sighting:
    record |= {name: cut(record[name]) for name in LONG_TEXTS if name in record}
    if unknown := record.keys() - _CHECKS.keys():
        raise ValueError(f"unknown fields: {len(unknown)}")
    return assemble({name: _CHECKS[name](value) for name, value in record.items()})


def _text(value: object, most: int) -> str:
    if not isinstance(value, str):
        raise TypeError("expected text")
    if len(value) > most:
        raise ValueError("text is too long")
    return value


def _texts(value: object) -> list[str]:
    if not isinstance(value, list):
        raise TypeError("expected a list of texts")
    return [_text(item, LINE_MAX) for item in value]


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("expected an integer")
    if not 0 <= value <= NUMBER_MAX:
        raise ValueError("integer is out of range")
    return value


def _measure(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError("expected a number")
    if not (0 <= value <= NUMBER_MAX and math.isfinite(value)):
        raise ValueError("number is out of range")
    return float(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("expected true or false")
    return value


def _ids(value: object) -> tuple[PaperId, ...]:
    found = _texts(value)
    if not 0 < len(found) <= IDS_MAX or not all(len(one) <= ID_MAX and _ID.fullmatch(one) for one in found):
        raise ValueError("identifiers are missing or malformed")
    return tuple(map(PaperId, found))


def _announced(value: object) -> str:
    if value not in _ANNOUNCED:
        raise ValueError("unknown kind of announcement")
    return str(value)


def _marks(value: object) -> Iterable[tuple[str, object]]:
    if not isinstance(value, Mapping):
        raise TypeError("expected an object")
    if len(value) > MARKS_MAX or not all(is_plain_name(name) for name in value):
        raise ValueError("malformed name of a link or signal")
    return value.items()


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None or not 1900 < found.year < 2200:
        raise ValueError("date is out of range")
    return found


def _date(value: object) -> date:
    return date.fromisoformat(_text(value, 10))


def _published(value: object) -> datetime:
    return _instant(_text(value, 40))


_CHECKS: dict[str, Callable[[object], object]] = {
    "title": lambda value: clean_line(_text(value, LINE_MAX), TITLE_MAX),
    "abstract": lambda value: clean_line(_text(value, LINE_MAX), ABSTRACT_MAX),
    "authors": lambda value: clean_names([plain_name(name) for name in _texts(value)], AUTHORS_MAX),
    "categories": lambda value: clean_names(_texts(value), CATEGORIES_MAX),
    "ids": _ids,
    "published": _published,
    "version": _number,
    "announced": _announced,
    "url": web_url,
    "links": lambda value: {name: url for name, link in _marks(value) if (url := web_url(link))},
    "signals": lambda value: {name: _measure(number) for name, number in _marks(value)},
    "day": _date,
    "withdrawn": _flag,
    "venue": lambda value: clean_line(_text(value, LINE_MAX), NAME_MAX),
    "affiliations": lambda value: clean_names(_texts(value), AFFILIATIONS_MAX),
    "summary": lambda value: clean_line(_text(value, LINE_MAX), SUMMARY_MAX),
}
"""Checks of each field of a sighting; each returns the cleaned value."""
if missing := set(FIELDS) ^ _CHECKS.keys():
    raise RuntimeError(f"fields of a sighting without a check, or checks without a field: {sorted(missing)}")
