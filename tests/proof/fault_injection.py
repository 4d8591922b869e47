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
from tests.parts.forks import CALLS as FIRST_CALLS
from tests.parts.forks import Ended
from tests.parts.install import Install
from tests.parts.nursery import UNFORESEEN, Blow, Job, Nursery, nursery
from tests.parts.relay import Relay, Taken
from tests.proof.counts import Counts
from tests.proof.snapshots import Renew, whole_renewal
from tests.tiers import sized

UNDER_WAY = frozenset({State.LEASED, State.DOT})
REST = timedelta(minutes=6)
"""Longer than the delay of a deferred mail, much shorter than a lease, whose end must not trigger recovery."""
CALLS = (*FIRST_CALLS, "fsync", "unlink", "openat", "pread64", "fcntl")
"""System calls at which faults are injected: write, sync, lock, send, receive and wait."""
ENDS = frozenset({State.ACCEPTED, State.UNCERTAIN, State.EMPTY})


def plan_due(app: App) -> None:
    """Plan as `digestd plan` does."""
    plan(app.db, app.planner, app.clock())


def deliver_ready(app: App) -> None:
    """Deliver as `digestd deliver --drain` does, with one database thread.

    With one thread the nth call is the same in each run.
    """
    clean_up(app, app.clock())
    asyncio.run(_in_one_thread(app))


def ask_the_log(app: App) -> None:
    """Reconcile as `digestd delivery reconcile` does."""
    settle_uncertain(app, app.clock())


async def _in_one_thread(app: App) -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(1))
    waker: socket.socket = loop._csock  # type: ignore[attr-defined]  # the socket that wakes the loop
    loop._write_to_self = lambda: os.write(waker.fileno(), b"!")  # type: ignore[attr-defined]  # a write instead of a sendto, which counts as network
    await run(app)


@dataclass
class Scene:
    """A snapshot of an installation, and the job into which faults are injected.

    `already`: copies at the relay before the job. `ends`: the states allowed after the restart.
    """

    install: Install
    relay: Relay
    job: Job
    renew: Renew
    nursery: Nursery
    already: Counter[str] = field(default_factory=Counter)
    ends: frozenset[State] = ENDS
    found: Counts = field(default_factory=Counts)

    def points(self, share: int = 0, calls: tuple[str, ...] = CALLS) -> Iterator[tuple[str, int]]:
        """Yield each (call, nth) of an undisturbed job, shuffled, endlessly."""
        self._begin()
        counted = self.nursery.counted(self.job, calls)
        each = [(call, nth) for call in calls for nth in range(1, counted[call] + 1)]
        Random(share).shuffle(each)
        return cycle(each)

    def strike(self, blows: Iterable[Blow], wanted: int) -> None:
        """Inject faults until `wanted` of them took effect; more in a long run."""
        wanted = many(wanted)
        for blow in islice(blows, 3 * wanted):
            self.point(lambda blow=blow: self.nursery.struck(self.job, blow))  # type: ignore[misc]
            if self.found.struck == wanted:
                return
        raise AssertionError(f"of {wanted} blows only {self.found.struck} told: {self.found}")

    def point(self, act: Callable[[], tuple[Ended, bool]]) -> None:
        """Run the job with one fault, restart, and count."""
        self._begin()
        ended, told = act()
        self.found.struck += told
        assert ended.code != UNFORESEEN, ended.said
        self.relay.until_quiet()
        self.go_on_from(self.relay.copies, ended.said)

    def go_on_from(self, left: Mapping[str, int], said: str = "") -> None:
        """Restart after a crash, and count. `left`: copies that were sent before it."""
        before = self.already + Counter(left)
        mails = [mail for mail in self.relay.taken if mail.message_id in left]
        self.relay.taken.clear()
        restart(self.install)
        self.relay.until_quiet()
        copies = before + self.relay.copies
        _are_as_composed([*mails, *self.relay.taken], self.install)
        self.found.count(self.install.fates, before, copies)
        assert self.install.sound(copies), said
        assert self.install.states.keys() <= self.ends, said

    def _begin(self) -> None:
        self.renew()
        self.relay.taken.clear()


def _are_as_composed(mails: Iterable[Taken], install: Install) -> None:
    """Assert that each mail has the sha256 that the commit point stored."""
    columns = core.delivery.c
    with install.db.read() as session:
        rows = session.connection().execute(select(columns.message_id, columns.sha256))
        kept = {message_id: sha256 for message_id, sha256 in rows}
    for mail in mails:
        assert hashlib.sha256(mail.message).digest() == kept[mail.message_id], mail.message_id


def many(count: int) -> int:
    """Return `count`, twenty times as many in a long run, or DIGESTD_TEST_POINTS."""
    return int(os.environ.get("DIGESTD_TEST_POINTS", sized(count, 20 * count)))


@contextmanager
def scene(
    install: Install, job: Job, folder: Path, mutate: Callable[[], None] | None = None, **more: str
) -> Iterator[Scene]:
    """Yield a scenario of the installation as it is now.

    Args:
        install: The installation.
        job: The job into which faults are injected.
        folder: For snapshots and logs.
        mutate: Called first in the forking process, to change its code.
        more: Further settings by their environment names.
    """
    folder.mkdir(exist_ok=True)
    renew = whole_renewal(install, folder)
    with Relay(journal=folder / "message-ids").in_thread() as relay:
        lanes = int(more.get("DIGESTD_TRANSPORT_CONNECTIONS", "3"))
        there = install.to(relay.url, connections=lanes)
        there = replace(there, clock=replace(install.clock))
        there = replace(there, app=replace(there.app, clock=there.clock))
        with nursery(there.environment(**more), folder, mutate) as forks:
            made = Scene(there, relay, job, renew, forks)
            forks.warm(job)
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
        if not install.states.keys() & {State.READY, *UNDER_WAY}:
            break
        install.clock.go(REST)
    install.clock.now = began


def recover(install: Install) -> None:
    """Recover until no delivery of a dead worker is left."""
    for _ in range(500):
        clean_up(install.app, install.clock.now)
        if not install.states.keys() & UNDER_WAY:
            return
        time.sleep(0.01)  # PostgreSQL notices a dead client with a delay
    raise AssertionError(f"not recovered: {install.states}")
