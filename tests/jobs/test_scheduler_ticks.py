"""Ticks on the real APScheduler: none is lost to a busy loop or a clock set back."""

import asyncio
import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from digestd.digests.planner import PlanningDays, PlanReport, plan_keys
from digestd.digests.planning_day import RankingOptions, read_planning_day
from digestd.domain.delivery import State
from digestd.jobs import scheduler
from digestd.jobs.scheduler import Scheduler
from digestd.store import core, due
from digestd.store.ledger import queries
from digestd.store.timestamps import to_us
from tests.support import sample_data
from tests.support.install import install
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow
MAILS = 9


async def test_scheduler_runs_late_ticks(
    sqlite_url: str, tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(scheduler, "PLAN_SECONDS", 3_600)  # only the first tick can come in time
    metronome, stop = Scheduler(install(tmp_path / "run", sqlite_url, now).app), asyncio.Event()
    running = asyncio.create_task(metronome.run(stop))
    await asyncio.sleep(0)
    time.sleep(1.5)  # blocks the loop on purpose
    await eventually(lambda: metronome.last_tick is not None or "was missed" in caplog.text)
    assert metronome.last_tick is not None, caplog.text
    stop.set()
    await running


async def test_scheduler_ticks_after_the_clock_is_set_back(
    sqlite_url: str, tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "PLAN_SECONDS", 2)
    monkeypatch.setattr(scheduler, "CLOCK_SECONDS", 0.05)
    made = install(tmp_path / "run", sqlite_url, now)
    metronome, stop = Scheduler(replace(made.app, clock=made.clock)), asyncio.Event()
    running = asyncio.create_task(metronome.run(stop))
    await _until_ticked(metronome)
    await asyncio.sleep(0.2)
    made.clock.go(-timedelta(days=1))
    metronome.last_tick = None
    await _until_ticked(metronome)
    stop.set()
    await running


async def test_scheduler_plans_before_the_hour(sqlite_url: str, tmp_path: Path, now: datetime) -> None:
    made, woken = install(tmp_path / "run", sqlite_url, now - due.AHEAD - timedelta(seconds=1)), []
    made.papers(sample_data.papers(9))
    made.people(sample_data.people(5))
    metronome = Scheduler(replace(made.app, clock=made.clock), planned=lambda: woken.append(made.clock.now))
    for step, ready in ((0, 0), (1, 0), (30, 0), (30, 5)):
        made.clock.go(timedelta(seconds=step))
        await metronome.plan()
        with made.db.read() as session:
            assert queries.count_ready(session, made.clock.now, MAILS) == ready
        assert made.states == ({State.READY: 5} if step else {})
    assert woken == [now]


async def test_scheduler_wakes_the_sender_at_the_hour_after_others_were_due(
    sqlite_url: str, tmp_path: Path, now: datetime
) -> None:
    made, woken = install(tmp_path / "run", sqlite_url, now - due.AHEAD), []
    made.papers(sample_data.papers(9))
    made.people(sample_data.people(5))
    metronome = Scheduler(replace(made.app, clock=made.clock), planned=lambda: woken.append(made.clock.now))
    await metronome.plan()
    made.clock.go(timedelta(seconds=30))
    made.people(sample_data.people(1, first=5, hour=5))  # due at once
    await metronome.plan()
    assert made.states == {State.READY: 6}
    made.clock.go(timedelta(seconds=30))
    await metronome.plan()
    assert now in woken


@pytest.mark.parametrize("hour", [0, 7])
async def test_scheduler_fills_a_digest_that_was_empty_before_its_hour(
    sqlite_url: str, tmp_path: Path, now: datetime, hour: int
) -> None:
    due_at = now.replace(hour=hour)
    made = install(tmp_path / "run", sqlite_url, due_at - timedelta(days=1))
    made.people(sample_data.people(5, hour=hour))
    metronome = Scheduler(replace(made.app, clock=made.clock))
    await metronome.plan()
    made.clock.now = due_at - due.AHEAD
    await metronome.plan()
    assert made.states == {State.EMPTY: 10}
    made.clock.go(timedelta(seconds=20))
    made.papers(sample_data.papers(9))
    await metronome.plan()
    assert made.states == {State.EMPTY: 5, State.READY: 5}
    with made.db.read() as session:
        assert not queries.count_ready(session, made.clock.now, MAILS)
        assert queries.count_ready(session, due_at, MAILS) == 5


def test_papers_kept_for_planning_do_not_hold_up_who_is_due_next(
    sqlite_url: str, tmp_path: Path, now: datetime
) -> None:
    made, days = install(tmp_path / "run", sqlite_url, now - due.AHEAD), PlanningDays()
    made.papers(sample_data.papers(9))
    made.people(sample_data.people(1, hour=5))
    made.people(sample_data.people(5, first=1))
    every = range(1, due.MAX_KEY)
    assert plan_keys(made.db, made.app.planner, every, made.clock.now, days=days).due == 1
    made.clock.go(timedelta(seconds=15))
    assert plan_keys(made.db, made.app.planner, every, made.clock.now, until=now, days=days).planned == 5


def test_papers_of_the_minute_before_the_hour_are_in_the_next_digest(
    sqlite_url: str, tmp_path: Path, now: datetime
) -> None:
    made = install(tmp_path / "run", sqlite_url, now - due.AHEAD)
    made.papers(sample_data.papers(2))
    made.people(sample_data.people(2))
    report = plan_keys(made.db, made.app.planner, range(1, due.MAX_KEY), made.clock.now, until=now)
    assert report == PlanReport(2, 2)
    made.clock.go(timedelta(seconds=30))
    made.papers(sample_data.papers(1, first=2))
    with made.db.write() as session:  # a known replacement becomes news
        news = update(core.paper).where(core.paper.c.id == 1).values(first_seen_us=to_us(made.clock.now))
        session.connection().execute(news)
    tomorrow = now + timedelta(days=1)
    day = read_planning_day(made.db, tomorrow, RankingOptions())
    with made.db.read() as session:
        _, fresh = day.windows(due.due(session, 0, 9, tomorrow))
    assert fresh[:, [day.places[key] for key in (1, 3)]].all()
    assert not fresh[:, day.places[2]].any()


async def _until_ticked(metronome: Scheduler) -> None:
    await eventually(lambda: metronome.last_tick is not None)
