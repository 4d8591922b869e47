"""Test concurrent planners and workers, including one that is killed.

One copy of each mail.
"""

import asyncio
import os
import signal
import time
from datetime import datetime
from pathlib import Path

from digestd.domain.delivery import State
from tests.delivery.conftest import planned
from tests.support import sample_data
from tests.support.command_process import Command
from tests.support.install import install
from tests.support.relay import Relay

READERS = 120
HARD = 37


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
    assert sum(report.accepted for report in reports) == planned > 100
    assert min(report.accepted for report in reports) >= 12, reports
    assert made.sound(relay.copies)
    made.db.close()


def test_killed_after_37_of_100_sends_the_other_63(tmp_path: Path, database_url: str, now: datetime) -> None:
    made = planned(tmp_path / "run", database_url, now, 60)
    made.people(sample_data.people(41, first=60))
    assert made.plan().due == 41
    mails = sum(made.states.values()) - made.states.get(State.EMPTY, 0)
    with Relay(delay=0.02).in_thread() as relay:
        there = made.to(relay.url, connections=1)
        deliver = Command(("deliver", "--drain"), there.environment(), there.folder)
        running = deliver.start()
        while len(relay.taken) < HARD:
            time.sleep(0.002)
        running.process.kill()
        assert running.end().killed
        relay.until_quiet()
        first = set(relay.copies)
        assert HARD <= len(first) < mails
        while there.states.keys() & {State.READY, State.LEASED, State.FINAL_DOT}:
            assert deliver.run().code == 0
        copies = relay.copies
        assert there.sound(copies)
        assert all(copies[message_id] == 1 for message_id in first)
        assert there.states[State.ACCEPTED] + there.states.get(State.UNCERTAIN, 0) == mails
        assert there.states.get(State.UNCERTAIN, 0) <= 1
