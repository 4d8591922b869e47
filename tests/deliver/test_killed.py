"""`digestd deliver --drain` killed with SIGKILL in the middle, at many points, and started again.

Nothing is silently lost, nothing is sent twice, and what nobody can know is `uncertain`. The counts
are named as Jepsen names them.
"""

import os
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import takewhile
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from digestd.domain.delivery import State
from tests.deliver.conftest import planned
from tests.parts.forks import Command, Ended, can_trace, points
from tests.parts.install import Install
from tests.parts.relay import Relay

LONG = bool(os.environ.get("DIGESTD_TEST_LONG"))
MAILS = 6
KILLS = {(True, False): 50, (True, True): 240, (False, False): 16, (False, True): 80}
"""So many a run, on SQLite or not, long or not: with PostgreSQL a database is made anew for each."""
DELIVER = ("deliver", "--drain")


@dataclass
class Jepsen:
    """`attempts`: mails of all points. `recovered`: sent after the crash. `unexpected`: not in the ledger."""

    points: int = 0
    kills: int = 0
    attempts: int = 0
    acknowledged: int = 0
    ok: int = 0
    lost: int = 0
    doubled: int = 0
    unexpected: int = 0
    recovered: int = 0
    uncertain: int = 0
    uncertain_arrived: int = 0

    def count(self, fates: dict[str, State], before: Counter[str], after: Counter[str]) -> None:
        """Add one point: the ledger in the end, the sink at the crash and in the end."""
        self.attempts += len(fates)
        for message_id, state in fates.items():
            copies = after[message_id]
            self.acknowledged += state is State.ACCEPTED
            self.ok += state is State.ACCEPTED and copies == 1
            self.lost += copies == 0 and state is not State.UNCERTAIN
            self.doubled += copies > 1
            self.recovered += copies == 1 and before[message_id] == 0
            self.uncertain += state is State.UNCERTAIN
            self.uncertain_arrived += state is State.UNCERTAIN and copies == 1
        self.unexpected += len(after.keys() - fates.keys())

    def __str__(self) -> str:
        return ", ".join(f"{field.name} {getattr(self, field.name)}" for field in fields(self))


class Trial:
    """The same planned install again and again, each time killed at another point."""

    def __init__(self, install: Install, renew: Callable[[], None]) -> None:
        self.install = install
        self.renew = renew
        self.found = Jepsen()

    def command(self, install: Install) -> Command:
        return Command(DELIVER, install.environment(), install.folder)

    def point(self, kill: Callable[[Command], Ended]) -> None:
        """One crash, the restart after it, and the count."""
        self.renew()
        journal = self.install.folder / "journal"
        journal.unlink(missing_ok=True)
        with Relay(journal=journal).in_thread() as relay:
            install = self.install.to(relay.url, connections=3)
            ended = kill(self.command(install))
            before = relay.copies
            self.found.points += 1
            self.found.kills += ended.killed
            assert ended.killed or ended.code == 0, ended.said
            _until_quiet(self.command(install), install)
            self.found.count(install.fates, before, relay.copies)
            assert install.sound(relay.copies)
            assert install.states.keys() <= {State.ACCEPTED, State.UNCERTAIN}


def _until_quiet(command: Command, install: Install) -> None:
    """Deliver until nothing is under way; PostgreSQL may notice the death a moment late."""
    for _ in range(50):
        ended = command.run()
        assert ended.code == 0, ended.said
        if not install.states.keys() & {State.READY, State.LEASED, State.DOT}:
            return
        time.sleep(0.1)
    raise AssertionError(f"not quiet: {install.states}")


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: hundreds of crashes need no disk, and a sync stays a system call."""
    shm = Path("/dev/shm")
    if not os.access(shm, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=shm, prefix="digestd-") as folder:
        yield Path(folder)


@pytest.fixture
def trial(tmp_path: Path, memory: Path, database_url: str, now: datetime) -> Trial:
    if database_url.startswith("sqlite"):
        shutil.copy(tmp_path / "digestd.db", memory / "run.db")
        database_url = f"sqlite:///{memory / 'run.db'}"
    install = planned(memory / "run", database_url, now, MAILS)
    renew = _renew_file(install) if install.db.is_sqlite else _renew_database(install)
    return Trial(install, renew)


def _renew_file(install: Install) -> Callable[[], None]:
    """Put the planned SQLite file back in its place."""
    assert install.db.file is not None
    with install.db.engine.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    original = install.folder / "planned.db"
    install.db.close()
    shutil.copy(install.db.file, original)

    def renew() -> None:
        install.db.close()
        file = Path(str(install.db.file))
        for stale in file.parent.glob(f"{file.name}-*"):
            stale.unlink()
        shutil.copy(original, file)

    return renew


def _renew_database(install: Install) -> Callable[[], None]:
    """Make the PostgreSQL database anew from a template that holds the planned one."""
    url = install.db.engine.url
    admin = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT", poolclass=NullPool)
    template = f"{url.database}_planned"
    install.db.close()
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {template} TEMPLATE {url.database}"))

    def renew() -> None:
        install.db.close()
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {url.database} WITH (FORCE)"))
            connection.execute(text(f"CREATE DATABASE {url.database} TEMPLATE {template}"))

    return renew


@pytest.mark.slow
def test_killed_at_many_points_nothing_is_lost_or_sent_twice(trial: Trial) -> None:
    wanted = KILLS[trial.install.db.is_sqlite, LONG]
    most = 2 * wanted
    if can_trace():
        trial.renew()
        with Relay().in_thread() as relay:
            counted = trial.command(trial.install.to(relay.url, connections=3)).counted()
        for call, nth in takewhile(lambda _: trial.found.kills < wanted, points(counted, most)):
            trial.point(lambda command, call=call, nth=nth: command.killed_at(call, nth))  # type: ignore[misc]
    else:
        for number in takewhile(lambda _: trial.found.kills < wanted, range(most)):
            trial.point(lambda command, number=number: command.killed_after(0.4 * (number % 50) / 50))  # type: ignore[misc]
    found = trial.found
    print(found)
    assert found.kills == wanted, f"only {found.kills} of {wanted} kills were reached, at {found.points} points"
    assert (found.lost, found.doubled, found.unexpected) == (0, 0, 0)
    assert found.attempts == MAILS * found.points == found.ok + found.uncertain


def test_two_runs_at_once_share_the_work(trial: Trial) -> None:
    with Relay(delay=0.02).in_thread() as relay:
        command = trial.command(trial.install.to(relay.url, connections=2))
        both = [command.start(), command.start()]
        assert [running.end(30).code for running in both] == [0, 0]
        assert trial.install.sound(relay.copies)
        assert trial.install.states == {State.ACCEPTED: MAILS}


def test_a_frozen_worker_is_not_taken_for_dead(trial: Trial) -> None:
    """Frozen while it waits for an answer; an answer that comes meanwhile is read when it thaws."""
    with Relay(delay=0.3).in_thread() as relay:
        command = trial.command(trial.install.to(relay.url, connections=1))
        frozen = command.start()
        while not trial.install.states.get(State.DOT):
            time.sleep(0.01)
        assert frozen.process.pid is not None
        os.kill(frozen.process.pid, signal.SIGSTOP)
        try:
            assert command.run().code == 0
            assert State.UNCERTAIN not in trial.install.states
        finally:
            os.kill(frozen.process.pid, signal.SIGCONT)
        assert frozen.end(30).code == 0
        assert trial.install.states == {State.ACCEPTED: MAILS}
        assert trial.install.sound(relay.copies)
