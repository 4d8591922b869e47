"""Due times: the local hour, once per date, across changes of clocks and zones."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import available_timezones

import pytest

from digestd.domain import schedule
from digestd.domain.subscriber import Cadence, Timing
from digestd.domain.time_zones import check_timezone
from digestd.errors import BadRecord

BERLIN = Timing("Europe/Berlin", hour=7)
MONDAYS = Timing("Europe/Berlin", hour=7, cadence=Cadence.WEEKLY, weekday=0)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def key(timing: Timing, now: datetime, last_date: str | None = None) -> str | None:
    period = schedule.due_period(timing, last_date, now)
    return period.key if period else None


def test_due_is_none_before_the_hour() -> None:
    assert key(BERLIN, at("2026-11-24T05:59:59")) is None


def test_due_from_the_hour_on() -> None:
    assert key(BERLIN, at("2026-11-24T06:00:00")) == "2026-11-24"
    assert key(BERLIN, at("2026-11-24T22:59:59")) == "2026-11-24"


def test_due_after_midnight_belongs_to_the_next_digest() -> None:
    assert key(BERLIN, at("2026-11-24T23:00:00")) is None


def test_due_at_most_once_per_local_date() -> None:
    earlier = Timing("Asia/Tokyo", hour=7)
    assert key(earlier, at("2026-11-23T22:00:00")) == "2026-11-24"
    assert key(BERLIN, at("2026-11-24T06:00:00"), last_date="2026-11-24") is None
    assert key(Timing("America/Los_Angeles", hour=7), at("2026-11-23T15:00:00"), last_date="2026-11-24") is None


def test_due_weekly_on_its_weekday() -> None:
    assert key(MONDAYS, at("2026-11-23T06:00:00")) == "2026-W48"
    assert schedule.next_due(MONDAYS, at("2026-11-23T06:00:00")) == at("2026-11-30T06:00:00")


def test_due_weekly_for_three_days_when_late() -> None:
    assert key(MONDAYS, at("2026-11-25T12:00:00"), last_date="2026-11-16") == "2026-W48"
    assert key(MONDAYS, at("2026-11-26T06:00:00"), last_date="2026-11-16") is None


def test_due_once_when_late_weekly_becomes_daily() -> None:
    assert key(BERLIN, at("2026-11-25T12:00:00"), last_date="2026-11-25") is None
    assert key(BERLIN, at("2026-11-26T06:00:00"), last_date="2026-11-25") == "2026-11-26"


def test_due_weekdays_skip_the_weekend() -> None:
    timing = Timing("UTC", hour=7, cadence=Cadence.WEEKDAYS)
    assert key(timing, at("2026-11-28T12:00:00")) is None
    assert schedule.next_due(timing, at("2026-11-27T07:00:00")) == at("2026-11-30T07:00:00")


def test_due_today_for_who_joins_after_the_hour() -> None:
    assert schedule.first_due(BERLIN, at("2026-11-24T12:00:00")) == at("2026-11-24T06:00:00")


def test_due_at_the_hour_for_who_joins_before_it() -> None:
    assert schedule.first_due(BERLIN, at("2026-11-24T03:00:00")) == at("2026-11-24T06:00:00")


def test_due_weekly_waits_for_the_weekday_after_joining() -> None:
    assert schedule.first_due(MONDAYS, at("2026-11-24T12:00:00")) == at("2026-11-30T06:00:00")


def test_period_covers_missed_days() -> None:
    period = schedule.newest_due(BERLIN, at("2026-11-24T06:00:00"))
    assert schedule.covers_from(BERLIN, at("2026-11-20T06:00:00"), period) == "2026-11-21"
    assert schedule.covers_from(BERLIN, at("2026-11-23T06:00:00"), period) == "2026-11-24"
    assert schedule.covers_from(BERLIN, None, period) == "2026-11-24"


def test_period_covers_at_most_a_week() -> None:
    period = schedule.newest_due(BERLIN, at("2026-11-24T06:00:00"))
    assert schedule.covers_from(BERLIN, at("2026-01-01T06:00:00"), period) == "2026-11-18"


def test_due_in_spring_gap_moves_an_hour_later() -> None:
    timing = Timing("Europe/Berlin", hour=2)
    due = schedule.newest_due(timing, at("2026-03-29T12:00:00"))
    assert (due.key, due.due) == ("2026-03-29", at("2026-03-29T01:00:00"))


def test_due_in_gap_at_midnight_comes_before_the_gap() -> None:
    timing = Timing("America/Nuuk", hour=23)
    due = schedule.newest_due(timing, at("2024-03-31T00:30:00"))
    assert (due.key, due.due) == ("2024-03-30", at("2024-03-31T00:00:00"))
    assert key(timing, at("2024-03-31T00:00:00"), last_date="2024-03-29") == "2024-03-30"


def test_due_in_autumn_fold_uses_the_first_hour() -> None:
    timing = Timing("Europe/Berlin", hour=2)
    due = schedule.newest_due(timing, at("2026-10-25T12:00:00"))
    assert due.due == at("2026-10-25T00:00:00")
    assert key(timing, at("2026-10-25T01:30:00"), last_date="2026-10-25") is None


def test_period_key_of_week_53_keeps_its_year() -> None:
    timing = Timing("UTC", hour=7, cadence=Cadence.WEEKLY, weekday=4)
    assert schedule.newest_due(timing, at("2027-01-01T07:00:00")).key == "2026-W53"
    assert schedule.period_date("2026-W53") == date(2026, 12, 28)


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd"])
def test_timing_refuses_an_unknown_time_zone(name: str) -> None:
    with pytest.raises(BadRecord, match="invalid time zone"):
        check_timezone(name)


def test_due_instants_are_about_a_day_apart_in_every_zone() -> None:
    begin, days = date(2026, 1, 1), 366
    for zone in sorted(available_timezones()):
        timing = Timing(zone, hour=3)
        now = datetime.combine(begin, datetime.min.time(), tzinfo=UTC)
        seen: list[datetime] = []
        while len(seen) < days:
            now = schedule.next_due(timing, now)
            period = schedule.newest_due(timing, now)
            assert period.due == now
            assert schedule.local_date(timing, now) == period.date
            seen.append(now)
        gaps = [later - earlier for earlier, later in pairwise(seen)]
        assert timedelta(hours=21) <= min(gaps), zone
        assert max(gaps) <= timedelta(hours=27), zone
