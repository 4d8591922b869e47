"""Test that papers fill an empty digest until the subscriber's day is over, and never make two on one date."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from digestd.digests import planner, rescheduling
from digestd.digests.planner import PlanReport, plan_now
from digestd.digests.rescheduling import reopen_empty_days
from digestd.papers.paper_import import import_papers
from digestd.store import core
from digestd.store.ledger.queries import entry
from tests.digests.topic_papers import digests, paper, reader, shelf, subscriber, welcome
from tests.support import sample_data
from tests.support.install import Install

HOUR = timedelta(hours=1)
NOTHING, EMPTY, FILLED = PlanReport(), PlanReport(due=1, empty=1), PlanReport(due=1, planned=1)


def at(made: Install, when: str) -> PlanReport:
    """Plan at a time."""
    made.clock.now = datetime.fromisoformat(when)
    return made.plan()


def kept(made: Install) -> list[tuple[str, str]]:
    """Return period and state of the reader's digests."""
    return [(digest.period, digest.state) for digest in digests(made)]


def test_late_paper_fills_the_empty_digest(bare: Install) -> None:
    bare.people([reader()])
    assert bare.plan() == EMPTY
    bare.clock.go(2 * HOUR)
    assert bare.plan() == NOTHING
    bare.papers(shelf("late", 2))
    assert bare.plan() == FILLED
    [digest] = digests(bare)
    assert (digest.period, digest.covers_from, digest.state) == ("2026-11-24", "2026-11-24", "ready")
    assert set(digest.names) == {"late00", "late01"}
    bare.papers(shelf("later", 2))
    assert bare.plan() == NOTHING
    with bare.db.read() as session:
        planned = entry(session, digest.key)
    assert planned is not None
    assert [(step[0], step[2].hour) for step in planned.history] == [("empty", 7), ("ready", 9)]
    assert at(bare, "2026-11-25T07:00Z") == FILLED
    assert bare.unsafe == {}


def test_each_arrival_is_looked_at_once(bare: Install) -> None:
    bare.people([reader()])
    welcome(bare)
    bare.plan()
    for number in range(3):
        bare.clock.go(HOUR)
        bare.papers(sample_data.papers(3, seed=number, first=50_000 + 10 * number))
        assert bare.plan() == EMPTY
        assert bare.plan() == NOTHING
    assert kept(bare) == [("2026-11-24", "ready"), ("2026-11-25", "empty")]
    bare.papers(shelf("late", 1))
    assert bare.plan() == FILLED
    assert bare.unsafe == {}


def test_archived_papers_fill_nothing(bare: Install) -> None:
    bare.people([reader()])
    bare.plan()
    bare.clock.go(HOUR)
    import_papers(bare.db, sample_data.lines(iter([paper("old")])), bare.clock.now, True)
    assert bare.plan() == NOTHING


@pytest.mark.parametrize(
    ("zone", "hour", "last", "late"),
    [
        ("UTC", 7, "2026-11-24T23:59:59Z", "2026-11-25T00:00:00Z"),
        ("America/Los_Angeles", 7, "2026-11-25T07:59:59Z", "2026-11-25T08:00:00Z"),
        ("Asia/Kathmandu", 7, "2026-11-24T18:14:59Z", "2026-11-24T18:15:00Z"),
    ],
)
def test_day_ends_at_local_midnight(bare: Install, zone: str, hour: int, last: str, late: str) -> None:
    bare.people([reader(timezone=zone, hour=hour), reader(email="other@example.net", timezone=zone, hour=hour)])
    bare.clock.now = datetime.fromisoformat("2026-11-24T17:00Z" if "America" in zone else "2026-11-24T08:00Z")
    bare.plan()
    bare.clock.now = datetime.fromisoformat(last)
    with bare.db.write() as session:  # one of them has no time left
        session.connection().execute(
            text("UPDATE subscriber SET status = 'paused' WHERE address = 'other@example.net'")
        )
    bare.papers(shelf("late", 1))
    bare.clock.now = datetime.fromisoformat(late)
    assert bare.plan() == NOTHING
    assert bare.plan() == NOTHING
    bare.clock.now = datetime.fromisoformat(last)
    assert bare.plan() == FILLED
    assert [state for _, state in kept(bare)] == ["ready"]


def test_clock_set_back_before_planning_loses_no_digest(bare: Install) -> None:
    bare.people([reader()])
    bare.papers(shelf("early", 1))
    bare.plan()
    assert at(bare, "2026-11-25T07:00Z") == EMPTY
    bare.clock.go(2 * HOUR)
    bare.papers(shelf("late", 1))
    reopen_empty_days(bare.db, bare.clock.now)  # and the planner is killed
    bare.clock.go(-timedelta(minutes=2))
    assert bare.plan() == FILLED
    assert bare.unsafe == {}


def test_late_weekly_digest_keeps_its_week(bare: Install) -> None:
    bare.people([reader(cadence="weekly", weekday="sun")])
    assert at(bare, "2026-11-30T09:00Z") == EMPTY  # Monday: a day late
    bare.clock.go(HOUR)
    bare.papers(shelf("late", 1))
    assert bare.plan() == FILLED
    assert kept(bare) == [("2026-W48", "ready")]


def test_change_of_zone_never_makes_two_on_one_date(bare: Install) -> None:
    bare.people([reader(timezone="Pacific/Honolulu")])
    assert at(bare, "2026-11-24T17:00Z") == EMPTY
    bare.people([reader(timezone="Pacific/Kiritimati")])  # where it is Wednesday, 07:05
    bare.clock.go(timedelta(minutes=5))
    assert bare.plan() == EMPTY
    bare.clock.go(timedelta(minutes=5))
    bare.papers(shelf("late", 1))
    assert bare.plan() == FILLED
    assert bare.plan() == NOTHING
    assert kept(bare) == [("2026-11-24", "empty"), ("2026-11-25", "ready")]


def test_later_hour_today_brings_the_late_papers(bare: Install) -> None:
    bare.people([reader()])
    bare.plan()
    bare.people([reader(hour=20)])
    bare.clock.go(2 * HOUR)
    bare.papers(shelf("late", 1))
    for _ in range(2):
        bare.plan()
    assert kept(bare) == [("2026-11-24", "empty")]
    assert at(bare, "2026-11-24T20:00Z") == FILLED
    assert at(bare, "2026-11-25T20:00Z") == EMPTY
    assert kept(bare) == [("2026-11-24", "ready"), ("2026-11-25", "empty")]
    assert bare.unsafe == {}


def test_plan_now_fills_a_weekly_digest_of_an_earlier_day(bare: Install) -> None:
    bare.people([reader(cadence="weekly", weekday="tue")])
    bare.plan()
    bare.clock.go(30 * HOUR)
    bare.papers(shelf("late", 1))
    assert bare.plan() == NOTHING
    assert plan_now(bare.db, bare.app.planner, subscriber(bare), bare.clock.now) == digests(bare)[0].key
    assert kept(bare) == [("2026-W48", "ready")]
    assert bare.unsafe == {}


def test_unsubscribed_and_paused_stay_empty(bare: Install) -> None:
    bare.people([reader()])
    bare.plan()
    with bare.db.write() as session:
        session.connection().execute(core.subscriber.update().values(status="unsubscribed"))
    bare.papers(shelf("late", 1))
    assert bare.plan() == NOTHING


def test_many_arrivals_and_readers_fill_in_blocks(bare: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rescheduling, "BLOCK", 2)
    monkeypatch.setattr(planner, "SHARD_SIZE", 2)
    bare.people([reader(email=f"reader{number}@example.net") for number in range(5)])
    assert bare.plan() == PlanReport(due=5, empty=5)
    bare.clock.go(HOUR)
    bare.papers(shelf("late", 1))
    assert bare.plan() == PlanReport(due=5, planned=5)
    assert bare.plan() == NOTHING
    assert bare.unsafe == {}
