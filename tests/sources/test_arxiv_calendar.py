"""Test arXiv's calendar: which days have an announcement, when, and what it holds."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from digestd.errors import BadInput
from digestd.sources import parse_sources
from digestd.sources.arxiv.calendar import (
    DEFAULT_CALENDAR,
    DEFAULT_HOLIDAYS,
    NEW_YORK,
    ArxivCalendar,
    date_range,
    parse_holidays,
    with_arxiv_calendar,
)

YEAR = list(date_range(date(2026, 1, 1), date(2026, 12, 31)))
ANNOUNCED = [day for day in YEAR if DEFAULT_CALENDAR.announcement_time(day)]
IN_2026 = some.datetimes(datetime(2026, 1, 6), datetime(2026, 12, 24), timezones=some.just(UTC))  # noqa: DTZ001  # as hypothesis wants bounds


def here(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=NEW_YORK)  # type: ignore[misc, arg-type]  # year to minute


def test_calendar_has_five_announcements_a_week() -> None:
    weekdays = [day for day in YEAR if day.weekday() < 5]
    assert len(ANNOUNCED) == len(weekdays) - len(DEFAULT_HOLIDAYS) + 1, "New Year's Eve takes one of 2027"
    assert {day.strftime("%a") for day in ANNOUNCED} == {"Mon", "Tue", "Wed", "Thu", "Fri"}


def test_calendar_announces_at_8_pm_new_york_time() -> None:
    assert DEFAULT_CALENDAR.announcement_time(date(2026, 11, 24)) == datetime(2026, 11, 24, 1, tzinfo=UTC)
    assert DEFAULT_CALENDAR.announcement_time(date(2026, 7, 14)) == datetime(2026, 7, 14, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("submitted", "day"),
    [
        (here(2026, 11, 16, 14, 0), date(2026, 11, 18)),
        (here(2026, 11, 17, 13, 59), date(2026, 11, 18)),
        (here(2026, 11, 17, 14, 0), date(2026, 11, 19)),
        (here(2026, 11, 19, 14, 0), date(2026, 11, 23)),
        (here(2026, 11, 20, 13, 59), date(2026, 11, 23)),
        (here(2026, 11, 20, 14, 0), date(2026, 11, 24)),
        (here(2026, 11, 22, 12, 0), date(2026, 11, 24)),
        (here(2026, 11, 23, 13, 59), date(2026, 11, 24)),
    ],
)
def test_calendar_deadline_is_2_pm_and_friday_goes_to_sunday(submitted: datetime, day: date) -> None:
    assert DEFAULT_CALENDAR.announcement_day(submitted) == day


def test_calendar_thanksgiving_moves_two_days_to_monday() -> None:
    walk = [day for day in date_range(date(2026, 11, 23), date(2026, 12, 1)) if DEFAULT_CALENDAR.announcement_time(day)]
    assert [day.day for day in walk] == [23, 24, 25, 26, 30, 1], "none on Friday, after the holiday's evening"
    assert DEFAULT_CALENDAR.announcement_day(here(2026, 11, 26, 9)) == date(2026, 11, 30)
    assert DEFAULT_CALENDAR.announcement_day(here(2026, 11, 25, 13, 59)) == date(2026, 11, 26)


def test_calendar_christmas_friday_takes_mondays_slot() -> None:
    walk = [day for day in date_range(date(2026, 12, 21), date(2027, 1, 5)) if DEFAULT_CALENDAR.announcement_time(day)]
    assert [day.day for day in walk] == [21, 22, 23, 24, 25, 29, 31, 4, 5]
    assert DEFAULT_CALENDAR.announcement_day(here(2026, 12, 25, 9)) == date(2026, 12, 29)


@given(IN_2026, some.timedeltas(timedelta(0), timedelta(days=5)))
def test_calendar_later_submission_is_never_announced_earlier(submitted: datetime, later: timedelta) -> None:
    assert DEFAULT_CALENDAR.announcement_day(submitted) <= DEFAULT_CALENDAR.announcement_day(submitted + later)


@given(some.sampled_from(YEAR))
def test_calendar_names_announcement_after_utc_day(day: date) -> None:
    evening = DEFAULT_CALENDAR.announcement_time(day)
    if evening is not None:
        assert evening.date() == day
        assert evening.astimezone(NEW_YORK).timetz().replace(tzinfo=None) == time(20)


def test_calendar_cancelled_evening_moves_papers_to_next() -> None:
    calendar = ArxivCalendar(DEFAULT_HOLIDAYS | {date(2026, 11, 15)})  # a Sunday, as in July 2025
    assert calendar.announcement_time(date(2026, 11, 16)) is None
    assert calendar.announcement_day(here(2026, 11, 13, 9)) == date(2026, 11, 17)


def test_calendar_given_holidays_replace_their_years() -> None:
    calendar = ArxivCalendar.with_holidays("2027-01-01, 2027-01-18 2027-07-05")
    assert calendar.announcement_time(date(2027, 1, 19)) is None
    assert calendar.announcement_time(date(2026, 11, 27)) is None, "those of 2026 are still known"
    assert ArxivCalendar.with_holidays("2026-11-11").announcement_time(date(2026, 11, 27)) is not None
    assert ArxivCalendar.with_holidays("") == DEFAULT_CALENDAR
    with pytest.raises(BadInput, match="2027-01-01"):
        parse_holidays("1 January")


def test_calendar_warns_of_year_without_holidays() -> None:
    assert DEFAULT_CALENDAR.warning(date(2026, 12, 31)) is None
    said = DEFAULT_CALENDAR.warning(date(2027, 1, 4))
    assert said is not None
    assert "DIGESTD_ARXIV_HOLIDAYS" in said


def test_with_arxiv_calendar_sets_calendar_of_arxiv_sources() -> None:
    calendar = ArxivCalendar.with_holidays("2026-11-11")
    rss, api, hf = with_arxiv_calendar(parse_sources("arxiv-rss:cs.LG, arxiv:cs.LG, hf-daily"), calendar)
    assert [rss.name, api.name, hf.name] == ["arxiv-rss:cs.LG", "arxiv:cs.LG", "hf-daily"]
    assert rss == replace(parse_sources("arxiv-rss:cs.LG")[0], calendar=calendar)  # type: ignore[type-var]  # a dataclass
