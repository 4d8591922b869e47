"""Parse the dates that sources write: numbers as text, without leading zeros, a year alone, or words."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime

from digestd.errors import BadRecord
from digestd.sources.json_records import JsonObject, parse_count, text_at

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NUMBERS = re.compile(r"(?<!\d)((?:19|20|21)\d\d)(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?(?!\d)")
_NAMED = re.compile(
    r"(?:(?<!\d)(?P<before>\d{1,2})(?:st|nd|rd|th)?[\s.,-]+)?"
    r"\b(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b(?:[\s.,-]+(?P<after>\d{1,2})(?!\d))?",
    re.IGNORECASE,
)


def written_date(text: str) -> date | None:
    """Return the day that a text names, or None.

    `2026-11-20`, `2026/11`, `20261120`, `20 November 2026`, `Nov 20, 2026`, `2026 Nov 20`, `FEB 2026`, `2026`. Without
    a day or month it is the first.
    """
    text = text[:200].strip()
    if len(text) == len("20261120") and text.isdecimal():
        text = f"{text[:4]}-{text[4:6]}-{text[6:]}"
    numbers = _NUMBERS.search(text)
    if numbers is None:
        return None
    parts: list[object] = [part for part in numbers.groups() if part]
    named = _NAMED.search(text)
    if named and len(parts) == 1:
        day = named["before"] or named["after"]
        parts += [_MONTHS.index(named["month"][:3].lower()) + 1, *([day] if day else [])]
    return next((day for end in range(len(parts), 0, -1) if (day := publication_day(parts[:end], None))), None)


def parse_day(year: object, month: object = 1, of_month: object = 1) -> date:
    """Return the date of these numbers or texts. Raises ValueError if it is impossible or implausible."""
    numbers = [parse_count(part) or 0 for part in (year, month, of_month)]
    if not 1900 < numbers[0] < 2200:
        raise ValueError(f"the year {numbers[0]} cannot be meant")
    return date(*numbers)


def iso_day(written: str, heard_of: date | None = None) -> date | None:
    """Return the publication day of `2026-11-24`, with or without a time, `2026-11` or `2026`."""
    return publication_day(written[:10].split("-"), heard_of)


def published_at(record: JsonObject, key: str, heard_of: date | None) -> datetime:
    """Return the publication day under a key, else the day on which the record was first known.

    Raises BadRecord if neither is known.
    """
    found = iso_day(text_at(record, key), heard_of) or heard_of
    if found is None:
        raise BadRecord(key, "no date that can be read")
    return midnight(found)


def publication_day(parts: Sequence[object], heard_of: date | None) -> date | None:
    """Return the publication day from [year, month, day] or a prefix of it; None if it is not a date.

    A month or year alone gives the day on which the paper was first known if that lies within it, else
    its first day. A date after that day names a future issue: the day itself is returned.
    """
    try:
        found = parse_day(*parts[:3])
    except (ValueError, TypeError):
        return None
    if heard_of is None:
        return found
    within = [heard_of.year, heard_of.month, heard_of.day][: len(parts)] == [parse_count(part) for part in parts]
    return heard_of if within else min(found, heard_of)


def midnight(of_day: date) -> datetime:
    """Return the start of a day in UTC."""
    return datetime(of_day.year, of_day.month, of_day.day, tzinfo=UTC)
