"""Test `digestd deliver --drain` killed with SIGKILL.

At many points, and started again.

Nothing is silently lost, nothing is sent twice, and what nobody can know is `uncertain`.
"""

import os
import shutil
import signal
import time
from collections.abc import Callable
from datetime import datetime
from itertools import takewhile
from pathlib import Path

import pytest

from digestd.domain.delivery import State
from tests.delivery.conftest import planned
from tests.proof.counts import Counts
from tests.proof.snapshots import snapshot_installation
from tests.support.command_process import Command, ProcessResult, can_trace, kill_points
from tests.support.install import Install
from tests.support.relay import Relay
from tests.support.tiers import sized

MAILS = 6
KILLS_ON_SQLITE, KILLS = sized(8, 240), sized(4, 80)
"""So many a run: those without the start-up of a process are in tests/proof."""
DELIVER = ("deliver", "--drain")


class Trial:
    """A planned install that is reset and killed at one point after the other."""

    def __init__(self, install: Install, renew: Callable[[], None]) -> None:
        self.install = install
        self.renew = renew
        self.found = Counts()

    def command(self, install: Install) -> Command:
        return Command(DELIVER, install.environment(), install.folder)

    def point(self, kill: Callable[[Command], ProcessResult]) -> None:
        """Kill a run at one point, restart it, and count the mails."""
        self.renew()
        journal = self.install.folder / "journal"
        journal.unlink(missing_ok=True)
        with Relay(journal=journal).in_thread() as relay:
            install = self.install.to(relay.url, connections=3)
            ended = kill(self.command(install))
            before = relay.copies
            self.found.injected += ended.killed
            assert ended.killed or ended.code == 0, ended.output
            _until_quiet(self.command(install), install)
            self.found.count(install.states_by_message_id, before, relay.copies)
            assert install.sound(relay.copies)
            assert install.states.keys() <= {State.ACCEPTED, State.UNCERTAIN}


def _until_quiet(command: Command, install: Install) -> None:
    """Deliver until nothing is under way.

    PostgreSQL may detect the death with a delay.
    """
    for _ in range(50):
        ended = command.run()
        assert ended.code == 0, ended.output
        if not install.states.keys() & {State.READY, State.LEASED, State.FINAL_DOT}:
            return
        time.sleep(0.1)
    raise AssertionError(f"not quiet: {install.states}")


@pytest.fixture
def trial(tmp_path: Path, memory: Path, database_url: str, now: datetime) -> Trial:
    if database_url.startswith("sqlite"):
        shutil.copy(tmp_path / "digestd.db", memory / "run.db")
        database_url = f"sqlite:///{memory / 'run.db'}"
    install = planned(memory / "run", database_url, now, MAILS)
    return Trial(install, snapshot_installation(install, install.folder))


def test_killed_run_loses_and_repeats_nothing(trial: Trial) -> None:
    wanted = KILLS_ON_SQLITE if trial.install.db.is_sqlite else KILLS
    most = 2 * wanted
    if can_trace():
        trial.renew()
        with Relay().in_thread() as relay:
            counted = trial.command(trial.install.to(relay.url, connections=3)).count_calls()
        for call, nth in takewhile(lambda _: trial.found.injected < wanted, kill_points(counted, most)):
            trial.point(lambda command, call=call, nth=nth: command.run_killed_at(call, nth))  # type: ignore[misc]
    else:
        for number in takewhile(lambda _: trial.found.injected < wanted, range(most)):
            trial.point(lambda command, number=number: command.run_killed_after(0.4 * (number % 50) / 50))  # type: ignore[misc]
    found = trial.found
    found.check()
    assert found.injected == wanted, f"only {found.injected} of {wanted} kills were reached, at {found.points} points"
    assert found.attempts == MAILS * found.points == found.ok + found.uncertain


def test_frozen_worker_is_not_considered_dead(trial: Trial) -> None:
    """Freeze a worker that waits for a reply; it reads the reply when it continues."""
    with Relay(delay=0.3).in_thread() as relay:
        command = trial.command(trial.install.to(relay.url, connections=1))
        frozen = command.start()
        while not trial.install.states.get(State.FINAL_DOT):
            time.sleep(0.01)
        assert frozen.process.pid is not None
        os.kill(frozen.process.pid, signal.SIGSTOP)
        try:
            assert command.run().code == 0
            assert State.UNCERTAIN not in trial.install.states
        finally:
            os.kill(frozen.process.pid, signal.SIGCONT)
        assert frozen.end().code == 0
        assert trial.install.states == {State.ACCEPTED: MAILS}
        assert trial.install.sound(relay.copies)
