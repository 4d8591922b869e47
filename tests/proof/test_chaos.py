"""Workers are killed and frozen at random while subscribers leave.

The workers' clock runs 300 times as fast, so a worker frozen for ten seconds has lost its lease when it continues.
"""

import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from signal import SIGCONT, SIGKILL, SIGSTOP

import pytest

from digestd import app as wiring
from digestd.app import App
from digestd.domain.delivery import State
from digestd.domain.subscriber import Cause, Status
from digestd.store import subscribers
from tests.conftest import NOW
from tests.proof.counts import Counts
from tests.proof.fault_injection import restart, run_deliver
from tests.support import sample_data
from tests.support.install import Install, install
from tests.support.process_runner import ForkedRun, ProcessRunner, start_process_runner
from tests.support.relay import Relay

READERS = 400
RATE = 6
WORKERS = 3
SPEED = 300
FAULTS = int(os.environ.get("DIGESTD_TEST_POINTS", "300"))
DAYS = 60
FROZEN_SECONDS = 10.0
"""50 minutes of the workers' time: longer than a lease."""
FINAL_STATES = {State.ACCEPTED, State.UNCERTAIN, State.SKIPPED, State.EMPTY}


def speed_up_clock() -> None:
    """Let the clock run fast from the start of the forking process."""
    began = time.monotonic()
    wiring.clock = lambda start: (
        lambda: datetime.fromisoformat(start) + SPEED * timedelta(seconds=time.monotonic() - began)
    )


def deliver_forever(app: App) -> None:
    """Deliver again and again, whatever fails."""
    while True:
        with suppress(Exception):
            run_deliver(app)
        time.sleep(0.05)


@pytest.mark.long
def test_workers_killed_and_frozen_deliver_exactly_once(database_url: str, memory: Path) -> None:
    if database_url.startswith("sqlite"):
        file = Path(database_url.removeprefix("sqlite:///"))
        database_url = f"sqlite:///{shutil.copy(file, memory / 'run.db')}"
    made = install(memory / "run", database_url, NOW)
    made.papers(sample_data.papers(120))
    made.people(sample_data.people(READERS))
    made.plan()
    found = Counts()
    for _ in range(DAYS):
        with Relay(delay=0.01).in_thread() as relay:
            there = made.to(relay.url, connections=2)
            _day(there, relay, found)
        made.next_day(found.points, papers=40)
        made.plan()
    found.check()
    assert found.injected > DAYS * FAULTS / 3


def _day(there: Install, relay: Relay, found: Counts) -> None:
    delivered_before = {
        message_id: 1 for message_id, state in there.states_by_message_id.items() if state in {State.ACCEPTED}
    }
    more = {"DIGESTD_TRANSPORT_RATE": str(RATE)}
    with start_process_runner(there.environment(**more), there.folder, speed_up_clock) as runner:
        chaos = Chaos(there, runner, Random(found.points))
        chaos.run(FAULTS)
    relay.until_quiet()
    before = relay.copies
    began = there.clock.now
    there.clock.go(timedelta(hours=6))
    restart(there.to(relay.url))
    there.clock.now = began
    relay.until_quiet()
    print(f"kills {chaos.kills}, frozen {chaos.frozen}, of these past the lease {chaos.past_lease}")
    found.injected += chaos.kills
    copies = relay.copies + Counter(delivered_before)
    found.count(there.states_by_message_id, before, copies)
    assert there.sound(copies)
    assert there.states.keys() <= FINAL_STATES


class Chaos:
    """Random kills, freezes and unsubscriptions for a group of workers."""

    def __init__(self, install: Install, runner: ProcessRunner, rng: Random) -> None:
        self._install = install
        self._runner = runner
        self._rng = rng
        self.injected = self.kills = self.frozen = self.past_lease = 0

    def run(self, faults: int) -> None:
        """Inject `faults` faults, then kill all workers."""
        # A worker frozen during a transaction blocks all writers until it continues, so unsubscriptions run in
        # another thread, while this one continues the worker.
        with ThreadPoolExecutor(1) as leaving:
            left = [leaving.submit(self._leave, who) for who in self._inject(faults)]
        for one in left:
            one.result()

    def _inject(self, faults: int) -> Iterator[int]:
        """Kill and freeze workers; yield the subscribers who leave meanwhile."""
        workers = [self._start_worker() for _ in range(WORKERS)]
        thaws: dict[int, float] = {}
        while self.injected < faults:
            now = time.monotonic()
            number = self._rng.randrange(WORKERS)
            if number in thaws:
                if now < thaws[number]:
                    time.sleep(0.02)
                    continue
                del thaws[number]
                self.injected += 1
                workers[number].signal(SIGCONT)
            elif self._rng.random() < 0.25:
                thaws[number] = now + self._freeze(workers[number])
            else:
                workers[number] = self._kill(workers[number])
            if self._rng.random() < 0.3:
                yield self._rng.randrange(1, READERS + 1)
            time.sleep(self._rng.uniform(0, 0.2))
        for worker in workers:
            worker.signal(SIGKILL)
            worker.end()

    def _start_worker(self) -> ForkedRun:
        worker = self._runner.fork(deliver_forever)
        worker.go()
        return worker

    def _kill(self, worker: ForkedRun) -> ForkedRun:
        self.injected += 1
        self.kills += 1
        worker.signal(SIGKILL)
        assert worker.end().killed
        return self._start_worker()

    def _freeze(self, worker: ForkedRun) -> float:
        """Freeze a worker and return for how many seconds."""
        self.injected += 1
        self.frozen += 1
        worker.signal(SIGSTOP)
        if self._rng.random() < 0.85:
            return self._rng.uniform(0, 0.5)
        self.past_lease += 1
        return FROZEN_SECONDS

    def _leave(self, who: int) -> None:
        with self._install.db.write() as session:
            subscribers.change_status(session, who, Status.UNSUBSCRIBED, Cause.ONE_CLICK, self._install.clock.now)
