"""Test concurrent planners and workers: one copy of each mail."""

import asyncio
import os
import signal
import time
from datetime import datetime
from pathlib import Path

from digestd.domain.delivery import State
from tests.support import sample_data
from tests.support.command_process import Command
from tests.support.install import install
from tests.support.relay import Relay

READERS = 100


def test_planners_and_workers_send_one_mail_each(tmp_path: Path, database_url: str, now: datetime) -> None:
    made = install(tmp_path / "run", database_url, now)
    made.papers(sample_data.papers(60))
    made.people(sample_data.people(READERS))
    with Relay(delay=0.01).in_thread() as relay:
        there = made.to(relay.url, connections=2)
        command = ["plan", "plan", "worker", "worker", "worker", "worker"]
        held = [Command((word,), there.environment(), there.folder).start_waiting() for word in command]
        for one in held:
            one.go()
        planners, workers = held[:2], held[2:]
        assert [one.end().code for one in planners] == [0, 0]
        until = time.monotonic() + 120
        while set(made.states) - {State.ACCEPTED, State.EMPTY} and time.monotonic() < until:
            time.sleep(0.05)
        for one in workers:
            os.kill(one.process.pid or 0, signal.SIGTERM)
        assert [one.end().code for one in workers] == [0] * 4
        assert sum(made.states.values()) == READERS
        assert made.states.keys() <= {State.ACCEPTED, State.EMPTY}
        assert made.sound(relay.copies)


async def test_four_workers_share_a_small_day(tmp_path: Path, database_url: str, now: datetime) -> None:
    made = install(tmp_path / "run", database_url, now)
    made.papers(sample_data.papers(60))
    made.people(sample_data.people(READERS))
    planned = made.plan().planned
    async with Relay(delay=1).serving() as relay:
        there = made.to(relay.url, connections=4)
        runs = [asyncio.create_task(there.deliver()) for _ in range(4)]
        async with asyncio.timeout(120):
            while len(there.worker_names) < 4:
                await asyncio.sleep(0.02)
        relay.delay = 0
        reports = await asyncio.gather(*runs)
    assert sum(report.accepted for report in reports) == planned > 80
    assert min(report.accepted for report in reports) >= 10, reports
    assert made.sound(relay.copies)
    made.db.close()
