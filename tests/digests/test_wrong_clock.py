"""Test a clock that is wrong for a while: nobody stays without digests, and nothing expires or is deleted by it."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import literal, select, update

from digestd.app import App
from digestd.cli import pipeline
from digestd.digests.planner import plan
from digestd.domain.delivery import State
from digestd.domain.subscriber import Status
from digestd.jobs.chores import Chores
from digestd.jobs.worker import clean_up, delete_expired
from digestd.operations.service_status import needs_attention
from digestd.operations.status_reader import read_status
from digestd.store import clock, core, subscribers
from digestd.store.ledger.queries import count_ready
from digestd.store.timestamps import from_us, to_us
from tests.support import sample_data
from tests.support.install import Install
from tests.support.relay import Relay

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
YEARS = 3_000 * DAY
READERS = 3


def daily(made: Install, days: int) -> list[int]:
    """Plan and import every day as cron does; return how many digests were planned each day."""
    planned = []
    for day in range(days):
        made.papers(sample_data.papers(20, seed=day + 50, first=10_000 + 100 * day))
        planned.append(made.plan().planned)
        made.clock.go(DAY)
    return planned


def ahead(made: Install, span: timedelta) -> None:
    """Plan once with a clock that is ahead."""
    made.clock.go(span)
    made.plan()
    made.clock.go(-span)


@pytest.mark.parametrize("span", [20 * HOUR, 24 * HOUR, 72 * HOUR, 9 * DAY, YEARS])
@pytest.mark.parametrize("hour", [5, 6], ids=["before their hour", "after their hour"])
def test_clock_ahead_before_the_hour_costs_no_digest(library_of: Install, span: timedelta, hour: int) -> None:
    """Before, 72 hours cost three days and 20 hours one."""
    library_of.clock.go(-2 * HOUR)  # 05:00; "after their hour" in the time of the clock that is ahead
    library_of.people(sample_data.people(READERS, hour=7 if hour == 5 else 4))
    library_of.plan()
    ahead(library_of, span)
    library_of.clock.go(2 * HOUR)
    planned = daily(library_of, 5)
    assert planned in ([READERS] * 5, [0, *[READERS] * 4]), "those of hour 4 had today's at five"
    assert (planned[0] == 0) == (hour == 6)
    assert library_of.unsafe == {}


@pytest.mark.parametrize("later", [20 * HOUR, 5 * DAY, YEARS])
def test_due_time_that_is_no_longer_right_is_corrected_within_an_hour(library_of: Install, later: timedelta) -> None:
    """Whatever wrote it: nothing else shows that it is wrong."""
    library_of.people(sample_data.people(READERS))
    assert library_of.plan().planned == READERS
    with library_of.db.write() as session:
        session.connection().execute(
            update(core.subscriber).values(next_due_us=core.subscriber.c.next_due_us + to_us(from_us(0) + later))
        )
    corrected = 0
    for _ in range(61):
        library_of.clock.go(timedelta(minutes=1))
        corrected += library_of.plan().rescheduled
    assert corrected == READERS
    with library_of.db.read() as session:
        times = set(session.connection().execute(select(core.subscriber.c.next_due_us)).scalars())
    assert {from_us(at).astimezone(ZoneInfo("UTC")).strftime("%d %H:%M") for at in times} == {"25 07:00"}


async def test_nothing_expires_while_the_clock_has_just_moved(library_of: Install) -> None:
    """Before, 40 of 40 waiting mails expired."""
    library_of.people(sample_data.people(READERS))
    library_of.plan()
    library_of.run_on(HOUR)
    async with Relay().serving() as relay:
        there = library_of.to(relay.url)
        there.clock.go(72 * HOUR)
        for _ in range(3):  # as when the service runs with the wrong clock for a while
            clean_up(there.app, there.clock.now)
            assert (await there.deliver()).expired == 0
            there.clock.go(timedelta(minutes=15))
        assert there.unsafe == {}
        there.clock.go(-72 * HOUR)
        clean_up(there.app, there.clock.now)
        assert (await there.deliver()).accepted == READERS


def test_late_mails_expire_once_the_clock_goes_on(library_of: Install) -> None:
    library_of.people(sample_data.people(READERS))
    library_of.plan()
    library_of.clock.go(DAY)
    clean_up(library_of.app, library_of.clock.now)
    with library_of.db.read() as session:
        assert count_ready(session, library_of.clock.now) == 0
    library_of.run_on(HOUR + timedelta(minutes=1))
    clean_up(library_of.app, library_of.clock.now)
    assert library_of.states == {State.EXPIRED: READERS}


def test_late_mails_expire_at_the_next_run_once_a_day(library_of: Install) -> None:
    library_of.people(sample_data.people(READERS))
    library_of.plan()
    for _ in range(2):
        library_of.clock.go(DAY)
        clean_up(library_of.app, library_of.clock.now)
    assert library_of.states == {State.EXPIRED: READERS}


async def test_clock_years_ahead_deletes_nothing(library_of: Install) -> None:
    library_of.people([*sample_data.people(READERS), *sample_data.people(1, first=9, status="pending")])
    library_of.plan()
    library_of.run_on(HOUR)
    before = rows(library_of)
    library_of.clock.go(YEARS)
    for _ in range(2):
        clean_up(library_of.app, library_of.clock.now)
        delete_expired(library_of.app, library_of.clock.now)
        await Chores(library_of.app).prune()
        library_of.clock.go(timedelta(minutes=20))
    assert rows(library_of) == before


def paused_for(made: Install, days: int) -> None:
    """Plan, and pause all readers from now on."""
    made.people(sample_data.people(READERS))
    made.plan()
    until = to_us(made.clock.now + days * DAY)
    with made.db.write() as session:
        session.connection().execute(update(core.subscriber).values(status=Status.PAUSED, paused_until_us=until))


def count_paused(made: Install) -> int:
    with made.db.read() as session:
        return subscribers.count(session).get(Status.PAUSED, 0)


@pytest.mark.parametrize("damaged", [{"last_date": b"\xff"}, {"last_planned_us": "abc"}])
def test_damaged_schedule_spoils_its_own_only(bare: Install, damaged: dict[str, object]) -> None:
    if not bare.url.startswith("sqlite"):
        pytest.skip("PostgreSQL checks types")
    bare.people(sample_data.people(READERS))
    bare.papers(sample_data.papers(20))
    bare.plan()
    far = to_us(bare.clock.now + 20 * DAY)
    with bare.db.write() as session:
        session.connection().execute(update(core.subscriber).values(next_due_us=far))
        first = core.subscriber.c.id == 1
        session.connection().execute(
            update(core.subscriber).where(first).values({k: literal(v) for k, v in damaged.items()})
        )
    bare.clock.go(HOUR)
    assert bare.plan().rescheduled == READERS


def test_clock_ahead_ends_no_pause(library_of: Install) -> None:
    paused_for(library_of, 20)
    ahead(library_of, 60 * DAY)
    assert count_paused(library_of) == READERS


def test_pause_ends_on_its_day_for_who_runs_digestd_once_a_week(library_of: Install) -> None:
    paused_for(library_of, 10)
    for paused in (READERS, 0):
        library_of.clock.go(7 * DAY)
        library_of.plan()
        assert count_paused(library_of) == paused


def test_planning_as_of_another_time_says_nothing_of_the_clock(library_of: Install) -> None:
    library_of.people(sample_data.people(READERS))
    library_of.plan()
    with library_of.db.read() as session:
        known = clock.read(session)
    for days in (-1, 400):
        report = plan(library_of.db, library_of.app.planner, library_of.clock.now + days * DAY, is_clock=False)
        assert report.rescheduled == 0
    with library_of.db.read() as session:
        assert clock.read(session) == known


def test_status_and_an_alert_say_that_the_clock_was_ahead(library_of: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    alerts: list[str] = []

    async def hear(_app: App, event: str, _relay: str, why: str) -> None:
        alerts.append(f"{event}: {why}")

    monkeypatch.setattr(App, "send_alert", hear)
    library_of.people(sample_data.people(READERS))
    library_of.clock.go(-2 * HOUR)
    ahead(library_of, 72 * HOUR)
    [found] = [one.message for one in needs_attention(read_status(library_of.app)) if "the clock said" in one.message]
    assert "2026-11-27 05:00Z" in found
    monkeypatch.setattr("digestd.app.build", lambda: library_of.app)
    for _ in range(2):
        pipeline.plan_due()
    assert [line.partition(" subscribers")[0] for line in alerts] == [f"clock was ahead: {READERS}"]
    assert any("due times were wrong" in one.message for one in needs_attention(read_status(library_of.app)))


def test_clock_behind_and_then_right_brings_one_digest_a_date(library_of: Install) -> None:
    library_of.people(sample_data.people(READERS))
    ahead(library_of, -72 * HOUR)
    assert daily(library_of, 3) == [READERS] * 3
    assert library_of.unsafe == {}


def test_reading_at_the_same_minute_writes_nothing(library_of: Install) -> None:
    now = library_of.clock.now
    assert clock.note(library_of.db, now).settled(now + HOUR) == now + HOUR
    known = clock.note(library_of.db, now)
    assert known.settled(now + 2 * HOUR) == now
    assert known.at(now + timedelta(seconds=20)) == known
    assert clock.note(library_of.db, now + 2 * HOUR).settled(now + 2 * HOUR) == now


def rows(made: Install) -> dict[str, int]:
    """Return how many rows there are of what somebody would miss."""
    tables = core.subscriber, core.delivery, core.paper, core.revision, core.consent_event
    with made.db.read() as session:
        return {table.name: len(session.connection().execute(select(table)).all()) for table in tables}
