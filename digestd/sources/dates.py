"""Days out of what sources write for them: numbers as text, without zeros, or a year alone."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

from digestd.sources.json_records import parse_count


def parse_day(year: object, month: object = 1, of_month: object = 1) -> date:
    """A day of its numbers, also as text. Raises ValueError where it is none that can be meant."""
    numbers = [parse_count(part) or 0 for part in (year, month, of_month)]
    if not 1900 < numbers[0] < 2200:
        raise ValueError(f"the year {numbers[0]} cannot be meant")
    return date(*numbers)


def publication_day(parts: Sequence[object], heard_of: date | None) -> date | None:
    """The day of publication of year, month and day, or of the first of them; None where they are no date.

    Of a month or a year it is the day when the paper was first heard of, where that lies within,
    else its first day. A date after that day is of an issue to come: that day stands.
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
    """The day's beginning in UTC: the instant of what has no more than a date."""
    return datetime(of_day.year, of_day.month, of_day.day, tzinfo=UTC)
