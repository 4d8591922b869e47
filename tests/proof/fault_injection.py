"""Run a job with a fault at one system call, restart, and check."""

import asyncio
import hashlib
import os
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import cycle, islice
from pathlib import Path
from random import Random

from sqlalchemy import select

from digestd.app import App
from digestd.digests.planner import plan
from digestd.domain.delivery import State
from digestd.errors import DigestdError
from digestd.jobs.worker import clean_up, run, settle_uncertain
from digestd.store import core
from tests.proof.counts import Counts
from tests.proof.snapshots import Restore, snapshot_installation
from tests.support.command_process import CALLS as FIRST_CALLS
from tests.support.command_process import ProcessResult
from tests.support.install import Install
from tests.support.process_runner import UNEXPECTED_ERROR, InjectedFault, Job, ProcessRunner, start_process_runner
from tests.support.relay import ReceivedMail, Relay
from tests.support.tiers import sized

IN_PROGRESS = frozenset({State.LEASED, State.FINAL_DOT})
DEFERRAL = timedelta(minutes=6)
"""Longer than the delay of a deferred mail, much shorter than a lease, whose end must not trigger recovery."""
CALLS = (*FIRST_CALLS, "fsync", "unlink", "openat", "pread64", "fcntl")
"""System calls at which faults are injected: write, sync, lock, send, receive and wait."""
FINAL_STATES = frozenset({State.ACCEPTED, State.UNCERTAIN, State.EMPTY})


def run_plan(app: App) -> None:
    """Plan as `digestd plan` does."""
    plan(app.db, app.planner, app.clock())


def run_deliver(app: App) -> None:
    """Deliver as `digestd deliver --drain` does, with one database thread.

    With one thread the nth call is the same in each run.
    """
    clean_up(app, app.clock())
    asyncio.run(_in_one_thread(app))


def run_reconcile(app: App) -> None:
    """Reconcile as `digestd delivery reconcile` does."""
    settle_uncertain(app, app.clock())


async def _in_one_thread(app: App) -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(1))
    waker: socket.socket = loop._csock  # type: ignore[attr-defined]  # the socket that wakes the loop
    loop._write_to_self = lambda: os.write(waker.fileno(), b"!")  # type: ignore[attr-defined]  # a write instead of a sendto, which counts as network
    await run(app)


@dataclass
class FaultScenario:
    """A snapshot of an installation, and the job into which faults are injected.

    `delivered_before`: copies at the relay before the job. `ends`: the states allowed after the restart.
    """

    install: Install
    relay: Relay
    job: Job
    restore: Restore
    runner: ProcessRunner
    delivered_before: Counter[str] = field(default_factory=Counter)
    ends: frozenset[State] = FINAL_STATES
    found: Counts = field(default_factory=Counts)

    def points(self, share: int = 0, calls: tuple[str, ...] = CALLS) -> Iterator[tuple[str, int]]:
        """Yield each (call, nth) of an undisturbed job, shuffled, endlessly."""
        self._begin()
        counted = self.runner.count_calls(self.job, calls)
        each = [(call, nth) for call in calls for nth in range(1, counted[call] + 1)]
        Random(share).shuffle(each)
        return cycle(each)

    def inject(self, faults: Iterable[InjectedFault], wanted: int) -> None:
        """Inject faults until `wanted` of them took effect; more in a long run."""
        wanted = scaled(wanted)
        for fault in islice(faults, 3 * wanted):
            self.run_point(lambda fault=fault: self.runner.run_with_fault(self.job, fault))  # type: ignore[misc]
            if self.found.injected == wanted:
                return
        raise AssertionError(f"of {wanted} faults only {self.found.injected} took effect: {self.found}")

    def run_point(self, act: Callable[[], tuple[ProcessResult, bool]]) -> None:
        """Run the job with one fault, restart, and count."""
        self._begin()
        ended, took_effect = act()
        self.found.injected += took_effect
        assert ended.code != UNEXPECTED_ERROR, ended.output
        self.relay.until_quiet()
        self.restart_and_count(self.relay.copies, ended.output)

    def restart_and_count(self, left: Mapping[str, int], output: str = "") -> None:
        """Restart after a crash, and count. `left`: copies that were sent before it."""
        before = self.delivered_before + Counter(left)
        mails = [mail for mail in self.relay.taken if mail.message_id in left]
        self.relay.taken.clear()
        restart(self.install)
        self.relay.until_quiet()
        copies = before + self.relay.copies
        _assert_hashes_match([*mails, *self.relay.taken], self.install)
        self.found.count(self.install.states_by_message_id, before, copies)
        assert self.install.sound(copies), output
        assert self.install.states.keys() <= self.ends, output

    def _begin(self) -> None:
        self.restore()
        self.relay.taken.clear()


def _assert_hashes_match(mails: Iterable[ReceivedMail], install: Install) -> None:
    """Assert that each mail has the sha256 that the commit point stored."""
    columns = core.delivery.c
    with install.db.read() as session:
        rows = session.connection().execute(select(columns.message_id, columns.sha256))
        hashes = {message_id: sha256 for message_id, sha256 in rows}
    for mail in mails:
        assert hashlib.sha256(mail.message).digest() == hashes[mail.message_id], mail.message_id


def scaled(count: int) -> int:
    """Return `count`, twenty times as many in a long run, or DIGESTD_TEST_POINTS."""
    return int(os.environ.get("DIGESTD_TEST_POINTS", sized(count, 20 * count)))


@contextmanager
def fault_scenario(
    install: Install, job: Job, folder: Path, mutate: Callable[[], None] | None = None, **more: str
) -> Iterator[FaultScenario]:
    """Yield a scenario of the installation as it is now.

    Args:
        install: The installation.
        job: The job into which faults are injected.
        folder: For snapshots and logs.
        mutate: Called first in the forking process, to change its code.
        more: Further settings by their environment names.
    """
    folder.mkdir(exist_ok=True)
    restore = snapshot_installation(install, folder)
    with Relay(journal=folder / "message-ids").in_thread() as relay:
        lanes = int(more.get("DIGESTD_TRANSPORT_CONNECTIONS", "3"))
        there = install.to(relay.url, connections=lanes)
        there = replace(there, clock=replace(install.clock))
        there = replace(there, app=replace(there.app, clock=there.clock))
        with start_process_runner(there.environment(**more), folder, mutate) as runner:
            made = FaultScenario(there, relay, job, restore, runner)
            runner.warm_up(job)
            yield made


def restart(install: Install) -> None:
    """Do what a restarted worker does: recover, plan, deliver until nothing is left.

    The clock is advanced meanwhile and put back afterwards. Recovery depends on the death of the worker, not on time.
    """
    began = install.clock.now
    recover(install)
    settle_uncertain(install.app, began)
    for _ in range(6):
        install.plan()
        with suppress(DigestdError):
            asyncio.run(run(install.app))
        if not install.states.keys() & {State.READY, *IN_PROGRESS}:
            break
        install.clock.go(DEFERRAL)
    install.clock.now = began


def recover(install: Install) -> None:
    """Recover until no delivery of a dead worker is left."""
    for _ in range(500):
        clean_up(install.app, install.clock.now)
        if not install.states.keys() & IN_PROGRESS:
            return
        time.sleep(0.01)  # PostgreSQL notices a dead client with a delay
    raise AssertionError(f"not recovered: {install.states}")
