"""Ticks on the real APScheduler: none is lost to a busy loop or a clock set back."""

import asyncio
import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from digestd.jobs import scheduler
from digestd.jobs.scheduler import Scheduler
from tests.support.install import install
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow


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


async def _until_ticked(metronome: Scheduler) -> None:
    await eventually(lambda: metronome.last_tick is not None)
