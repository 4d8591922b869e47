"""Test when digests are due.

At the local hour, one per period, despite any change.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import capture_logs

from digestd.digests.planner import PlanReport
from digestd.domain.subscriber import Cause, Status
from digestd.store import subscribers
from digestd.subscribers.admin_edits import edit
from digestd.subscribers.subscriber_record import parse
from tests.digests.conftest import digests, periods
from tests.support import sample_data
from tests.support.install import Install

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOTHING = PlanReport()


def test_digest_is_due_at_the_chosen_hour(library_of: Install) -> None:
    library_of.clock.go(-HOUR)
    library_of.people(sample_data.people(1, hour=7))
    assert library_of.plan() == NOTHING
    library_of.clock.go(HOUR)
    assert library_of.plan() == PlanReport(due=1, planned=1)
    assert library_of.plan() == NOTHING
    assert periods(library_of) == ["2026-11-24"]
    assert library_of.unsafe == {}


@pytest.mark.parametrize("zone", ["Pacific/Apia", "Asia/Kathmandu"])
def test_digest_hour_and_period_are_local(library_of: Install, zone: str) -> None:
    library_of.people(sample_data.people(1, hour=7, timezone=zone))
    library_of.clock.go(-7 * HOUR)
    planned: list[datetime] = []
    for _ in range(24 * 4 * 2):
        if library_of.plan().due:
            planned.append(library_of.clock.now.astimezone(ZoneInfo(zone)))
        library_of.clock.go(timedelta(minutes=15))
    settled = [at for at in planned if at.hour == 7 and at.minute == 0]
    assert len(planned) >= 2
    assert len(settled) >= len(planned) - 1  # the first comes at once to who joins after their hour
    assert periods(library_of) == [at.date().isoformat() for at in planned]
    assert library_of.unsafe == {}


def test_first_digest_is_immediate_after_the_hour(
    library_of: Install,
) -> None:
    library_of.clock.go(5 * HOUR)
    library_of.people(sample_data.people(1, hour=7))
    assert library_of.plan().planned == 1
    library_of.papers(sample_data.papers(40, seed=2, first=1000))
    library_of.clock.go(18 * HOUR)
    assert library_of.plan() == NOTHING
    library_of.clock.go(HOUR)
    assert library_of.plan().planned == 1
    assert periods(library_of) == ["2026-11-24", "2026-11-25"]


def test_plan_catches_up_with_one_digest(library_of: Install) -> None:
    library_of.people(sample_data.people(1))
    library_of.plan()
    for day in range(4):
        library_of.clock.go(DAY)
        library_of.papers(sample_data.papers(10, seed=day, first=100 * (day + 1)))
    assert library_of.plan() == PlanReport(due=1, planned=1)
    assert library_of.plan() == NOTHING
    assert [(period, since) for period, since, *_ in digests(library_of)] == [
        ("2026-11-24", "2026-11-24"),
        ("2026-11-28", "2026-11-25"),
    ]
    assert library_of.unsafe == {}


def test_weekly_digest_is_due_on_its_weekday(library_of: Install) -> None:
    library_of.people(sample_data.people(1, cadence="weekly", weekday="thu"))
    days = []
    for day in range(15):
        library_of.papers(sample_data.papers(10, seed=day, first=100 * (day + 1)))
        if library_of.plan().due:
            days.append(library_of.clock.now.strftime("%a %d"))
        library_of.clock.go(DAY)
    assert days == ["Thu 26", "Thu 03"]
    assert periods(library_of) == ["2026-W48", "2026-W49"]
    assert library_of.unsafe == {}


def test_weekday_digest_is_not_due_on_weekends(library_of: Install) -> None:
    library_of.people(sample_data.people(1, cadence="weekdays"))
    days = []
    for day in range(8):
        library_of.papers(sample_data.papers(10, seed=day, first=100 * (day + 1)))
        if library_of.plan().due:
            days.append(library_of.clock.now.strftime("%a"))
        library_of.clock.go(DAY)
    assert days == ["Tue", "Wed", "Thu", "Fri", "Mon", "Tue"]


@pytest.mark.parametrize(
    "changes",
    [
        ["Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC"],
        ["America/Los_Angeles", "Asia/Tokyo", "Europe/Berlin", "Pacific/Auckland"],
    ],
)
def test_timing_change_never_repeats_a_date(library_of: Install, changes: list[str]) -> None:
    library_of.people(sample_data.people(1))
    dates: list[str] = []
    for step in range(40):
        zone = changes[step % len(changes)]
        cadence = ("daily", "weekly", "weekdays")[step // 5 % 3]
        weekday = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[library_of.clock.now.weekday()]
        record = parse(
            {"email": "reader0@example.net", "timezone": zone, "hour": (7 + step) % 24, "cadence": cadence,
             "weekday": weekday}
        )  # fmt: skip
        edit(library_of.db, library_of.app.keys, record, library_of.clock.now)
        if step % 6 == 0:
            library_of.papers(sample_data.papers(5, seed=step, first=100 * (step + 1)))
        if library_of.plan().planned:  # an empty digest may be planned again on its date
            dates.append(library_of.clock.now.astimezone(ZoneInfo(zone)).date().isoformat())
        library_of.clock.go(timedelta(hours=5))
    assert len(dates) >= 3
    assert dates == sorted(set(dates))
    assert library_of.unsafe == {}


@pytest.mark.parametrize("jump", [-HOUR, 25 * HOUR])
def test_clock_jump_creates_at_most_one_digest(library_of: Install, jump: timedelta) -> None:
    library_of.people(sample_data.people(3))
    assert library_of.plan().planned == 3
    library_of.papers(sample_data.papers(30, seed=9, first=900))
    library_of.clock.go(jump)
    due = library_of.plan().due
    assert due == (3 if jump > DAY else 0)
    assert library_of.plan() == NOTHING
    library_of.clock.go(-jump)
    assert library_of.plan() == PlanReport(rescheduled=due)
    assert len(periods(library_of)) == 1 + (due > 0)
    assert library_of.unsafe == {}


@pytest.mark.parametrize(("ahead", "missed"), [(2, 1), (90, 0)])
def test_clock_ahead_costs_only_the_date_it_showed(library_of: Install, ahead: int, missed: int) -> None:
    """Before, all dates up to the one that the clock showed were without a digest, and nothing was said."""
    library_of.people([*sample_data.people(3), *sample_data.people(3, first=10, hour=18, timezone="Asia/Tokyo")])
    days = 8
    with capture_logs() as said:
        for hour in range(24 * days):
            if hour % 24 == 6:
                library_of.papers(sample_data.papers(10, seed=hour, first=100 * (hour + 1)))
            if hour == 30:
                library_of.clock.go(ahead * DAY)
                library_of.plan()
                library_of.clock.go(-ahead * DAY)
            library_of.plan()
            library_of.clock.go(HOUR)
    assert [line["subscribers"] for line in said if "clock was ahead" in line["event"]] == [6]
    assert sum(library_of.states.values()) == 6 * (1 + days - missed)
    assert library_of.unsafe == {}


def test_resubscribing_creates_no_second_digest(library_of: Install) -> None:
    [person] = sample_data.people(1)
    library_of.people([person])
    assert library_of.plan().planned == 1
    for status, cause in (
        (Status.UNSUBSCRIBED, Cause.WEB),
        (Status.PENDING, Cause.WEB),
        (Status.ACTIVE, Cause.CONFIRM),
    ):
        with library_of.db.write() as session:
            subscribers.change_status(session, 1, status, cause, library_of.clock.now)
        library_of.clock.go(HOUR)
        assert library_of.plan() == NOTHING
    library_of.papers(sample_data.papers(30, seed=9, first=900))
    library_of.clock.go(DAY)
    assert library_of.plan().planned == 1
    assert periods(library_of) == ["2026-11-24", "2026-11-25"]
    assert library_of.unsafe == {}


def test_pause_skips_planning_until_it_ends(library_of: Install) -> None:
    library_of.people(sample_data.people(1))
    library_of.people(sample_data.people(1, status="paused"))
    assert library_of.plan() == NOTHING
    assert library_of.unsafe == {}
