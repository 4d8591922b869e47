"""Parse the dates that sources write.

Numbers as text, without leading zeros, or a year alone.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime

from digestd.sources.json_records import parse_count


def parse_day(year: object, month: object = 1, of_month: object = 1) -> date:
    """Return the date of these numbers or texts.

    Raises ValueError if it is impossible or implausible.
    """
    numbers = [parse_count(part) or 0 for part in (year, month, of_month)]
    if not 1900 < numbers[0] < 2200:
        raise ValueError(f"the year {numbers[0]} cannot be meant")
    return date(*numbers)


def publication_day(parts: Sequence[object], heard_of: date | None) -> date | None:
    """Return the publication day from [year, month, day] or a prefix of it.

    None if it is not a date.

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
