"""Ticks on the real APScheduler: none is lost to a busy loop or a clock set back."""

import asyncio
import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from digestd.digests.planner import PlanReport, plan
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


def test_papers_of_the_minute_before_the_hour_are_in_the_next_digest(
    sqlite_url: str, tmp_path: Path, now: datetime
) -> None:
    made = install(tmp_path / "run", sqlite_url, now - due.AHEAD)
    made.papers(sample_data.papers(2))
    made.people(sample_data.people(2))
    assert plan(made.db, made.app.planner, now) == PlanReport(2, 2)
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
