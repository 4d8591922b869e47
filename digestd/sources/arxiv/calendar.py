"""Compute when arXiv announces which submissions. Pure.

https://info.arxiv.org/help/availability.html: submissions until 14:00 New York time on a working day are
announced at 20:00 that day; Friday's on Sunday. On a holiday nothing is collected at 14:00, so the
announcement that would have held those papers does not happen and they come with the next: after a
Thursday holiday there is none that evening, after a Friday holiday none on Sunday.

An announcement is named after the day that begins four hours later: Tuesday evening's is Wednesday's, as in
the feed's pubDate, the mailing and the OAI-PMH datestamps.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from digestd.errors import BadInput
from digestd.sources.source import Source

NEW_YORK = ZoneInfo("America/New_York")
DEADLINE = time(14)
EVENING = time(20)
DEFAULT_HOLIDAYS = frozenset(
    {
        *(date(2026, 1, 1), date(2026, 1, 19), date(2026, 6, 19), date(2026, 7, 3), date(2026, 9, 7)),
        *(date(2026, 11, 26), date(2026, 12, 25), date(2026, 12, 29), date(2026, 12, 31)),
    }
)
"""Days without an announcement, as arXiv gave them; it publishes the next year's in December."""

_DAY = timedelta(days=1)
_FRIDAY, _SATURDAY = 4, 5
_SEARCHED = 30
"""More days in a row without an announcement than arXiv ever had."""


@dataclass(frozen=True, slots=True)
class ArxivCalendar:
    """arXiv's calendar; `holidays` are the days on which nothing is collected."""

    holidays: frozenset[date] = DEFAULT_HOLIDAYS

    @classmethod
    def with_holidays(cls, text: str) -> "ArxivCalendar":
        """Create a calendar from a list of dates. They replace the defaults of their years. Raises BadInput."""
        given = parse_holidays(text)
        years = {holiday.year for holiday in given}
        return cls(given | {holiday for holiday in DEFAULT_HOLIDAYS if holiday.year not in years})

    def announcement_time(self, day: date) -> datetime | None:
        """Return when the announcement of a day is made, or None if the day has none."""
        if not self._is_announced(day):
            return None
        return datetime.combine(day - _DAY, EVENING, NEW_YORK).astimezone(UTC)

    def time_on(self, day: date, hour: time) -> datetime | None:
        """Return an hour of New York time on a day with an announcement, else None."""
        return datetime.combine(day, hour, NEW_YORK).astimezone(UTC) if self._is_announced(day) else None

    def announcement_day(self, submitted: datetime) -> date:
        """Return the announcement that holds a submission, unless moderation delays it."""
        here = submitted.astimezone(NEW_YORK)
        collected = here.date() if here.time() < DEADLINE else here.date() + _DAY
        while not self._is_collected(collected):
            collected += _DAY
        day = collected + (3 if collected.weekday() == _FRIDAY else 1) * _DAY
        for _ in range(_SEARCHED):
            if self._is_announced(day):
                break
            day += _DAY
        return day

    def warning(self, day: date) -> str | None:
        """Return a warning if the holidays of a day's year are unknown, else None."""
        if any(holiday.year == day.year for holiday in self.holidays):
            return None
        return (
            f"arXiv's holidays of {day.year} are not known: on them it will be called late; "
            "set DIGESTD_ARXIV_HOLIDAYS to the dates from https://info.arxiv.org/help/availability.html"
        )

    def _is_collected(self, day: date) -> bool:
        return day.weekday() < _SATURDAY and day not in self.holidays

    def _is_announced(self, day: date) -> bool:
        """Return True if a day has an announcement.

        From Monday to Friday if papers were collected and the evening before is no holiday.
        """
        is_weekday = day.weekday() < _SATURDAY
        return is_weekday and self._is_collected(_collected_for(day)) and day - _DAY not in self.holidays


DEFAULT_CALENDAR = ArxivCalendar()
"""With the holidays that are shipped."""


def parse_holidays(text: str) -> frozenset[date]:
    """Parse dates separated by commas or spaces: `2027-01-01, 2027-01-18`. Raises BadInput."""
    try:
        return frozenset(map(date.fromisoformat, text.replace(",", " ").split()))
    except ValueError as error:
        raise BadInput(f"{text[:80]!r} is not a list of dates like 2027-01-01, 2027-01-18 ({error})") from error


def with_arxiv_calendar(sources: Iterable[Source], calendar: ArxivCalendar) -> list[Source]:
    return [_with(source, calendar) for source in sources]


def date_range(first: date, last: date) -> Iterable[date]:
    """Return every day from the first to the last, both included."""
    return (first + number * _DAY for number in range((last - first).days + 1))


def _with(source: Source, calendar: ArxivCalendar) -> Source:
    if not is_dataclass(source) or all(field.name != "calendar" for field in fields(source)):
        return source
    observed: Source = replace(cast(Any, source), calendar=calendar)
    return observed


def _collected_for(day: date) -> date:
    """Return the working day whose submissions a day announces. The day is from Monday to Friday."""
    return day - (3 if day.weekday() == 0 else 1) * _DAY
