"""One situation of an install, struck again and again at another point, restarted, and counted."""

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
from tests.proof.renewal import Renew, whole_renewal
from tests.tiers import sized

UNDER_WAY = frozenset({State.LEASED, State.DOT})
REST = timedelta(minutes=6)
"""A mail that was deferred rests at least five; far from the end of a lease, which must not be what recovers."""
CALLS = (*FIRST_CALLS, "fsync", "unlink", "openat", "pread64", "fcntl")
"""The kinds of system calls at which runs are struck: what writes, syncs, locks, sends, hears and waits."""
ENDS = frozenset({State.ACCEPTED, State.UNCERTAIN, State.EMPTY})


def plan_due(app: App) -> None:
    """As `digestd plan`."""
    plan(app.db, app.planner, app.clock())


def deliver_ready(app: App) -> None:
    """As `digestd deliver --drain`; with one thread for the database, so that the nth call is the same in every run."""
    clean_up(app, app.clock())
    asyncio.run(_in_one_thread(app))


def ask_the_log(app: App) -> None:
    """As `digestd delivery reconcile`."""
    settle_uncertain(app, app.clock())


async def _in_one_thread(app: App) -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(1))
    waker: socket.socket = loop._csock  # type: ignore[attr-defined]  # the loop's way to wake itself
    loop._write_to_self = lambda: os.write(waker.fileno(), b"!")  # type: ignore[attr-defined]  # no network, so no sendto
    await run(app)


@dataclass
class Scene:
    """The situation: an install as it is now, and the job that is struck in it.

    `already`: the copies at the relay now. `ends`: in which states mails may be once all is quiet.
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
        """Every nth call that the job makes undisturbed, in an order of this share's own, without an end."""
        self._begin()
        counted = self.nursery.counted(self.job, calls)
        each = [(call, nth) for call in calls for nth in range(1, counted[call] + 1)]
        Random(share).shuffle(each)
        return cycle(each)

    def strike(self, blows: Iterable[Blow], wanted: int) -> None:
        """Strike until so many blows have told; more of them in a long run."""
        wanted = many(wanted)
        for blow in islice(blows, 3 * wanted):
            self.point(lambda blow=blow: self.nursery.struck(self.job, blow))  # type: ignore[misc]
            if self.found.struck == wanted:
                return
        raise AssertionError(f"of {wanted} blows only {self.found.struck} told: {self.found}")

    def point(self, act: Callable[[], tuple[Ended, bool]]) -> None:
        """One run that is struck, the restart after it, and the count."""
        self._begin()
        ended, told = act()
        self.found.struck += told
        assert ended.code != UNFORESEEN, ended.said
        self.relay.until_quiet()
        self.go_on_from(self.relay.copies, ended.said)

    def go_on_from(self, left: Mapping[str, int], said: str = "") -> None:
        """The restart after a crash, and the count; `left`: the mails that had left before it."""
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
    """What was composed before the blow and what after it are the same bytes, whose sha256 the gate has kept."""
    columns = core.delivery.c
    with install.db.read() as session:
        rows = session.connection().execute(select(columns.message_id, columns.sha256))
        kept = {message_id: sha256 for message_id, sha256 in rows}
    for mail in mails:
        assert hashlib.sha256(mail.message).digest() == kept[mail.message_id], mail.message_id


def many(count: int) -> int:
    """Return so many, twenty times as many in a long run, or as many as DIGESTD_TEST_POINTS says."""
    return int(os.environ.get("DIGESTD_TEST_POINTS", sized(count, 20 * count)))


@contextmanager
def scene(
    install: Install, job: Job, folder: Path, mutate: Callable[[], None] | None = None, **more: str
) -> Iterator[Scene]:
    """The install as it is now, to be struck while it does a job. `more`: settings, by their environment names."""
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
    """Do as a worker that is started again: recover, plan what is due, deliver until all is quiet.

    The clock goes on meanwhile and is put back; what recovery waits for is not the clock, but to be told of the death.
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
    """Recover until nothing of the dead is left."""
    for _ in range(500):
        clean_up(install.app, install.clock.now)
        if not install.states.keys() & UNDER_WAY:
            return
        time.sleep(0.01)  # PostgreSQL is told of a death a moment late
    raise AssertionError(f"not recovered: {install.states}")
