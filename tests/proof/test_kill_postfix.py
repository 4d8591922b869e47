"""SIGKILL at each nth system call while a real Postfix takes the mails.

Mails that Postfix took are accepted, others are sent after the restart. The witness is the content of the Maildirs.
"""

import asyncio
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from digestd.domain.delivery import State
from digestd.jobs.worker import run, settle_uncertain
from digestd.store.ledger.settlement import GRACE
from tests.conftest import NOW
from tests.delivery.conftest import planned
from tests.proof.counts import Counts
from tests.proof.fault_injection import IN_PROGRESS, FaultScenario, recover, run_deliver, scaled
from tests.proof.snapshots import snapshot_installation
from tests.support.install import Install
from tests.support.postfix import Postfix, postfix
from tests.support.process_runner import InjectedFault, start_process_runner
from tests.support.relay import Relay

pytestmark = pytest.mark.usefixtures("tracing")
READERS = 5
FAULTS = 6
BOXES = [f"reader{number}@example.net" for number in range(READERS)]
LATER = timedelta(minutes=30)
"""The last mail is deferred until after the fault, to show that the log is still read then."""
_MESSAGE_ID = re.compile(rb"^Message-ID: (\S+)", re.MULTILINE)


@pytest.fixture
def running() -> Iterator[Postfix]:
    """Yield a Postfix outside pytest's folder, which other users cannot enter."""
    with tempfile.TemporaryDirectory(prefix="postfix") as folder, postfix(Path(folder), BOXES) as started:
        yield started


@pytest.mark.parametrize("share", [0, pytest.param(1, marks=pytest.mark.long)])
def test_deliver_killed_with_postfix_leaves_nothing_uncertain(
    running: Postfix, database_url: str, memory: Path, share: int
) -> None:
    found, uncertain = Counts(), 0
    with _scenario(running, database_url, memory) as made:
        points = made.points(share)
        for _ in range(8 * scaled(FAULTS)):
            call, nth = next(points)
            _clear(running)
            made.restore()
            asyncio.run(run(made.install.app, limit=1))
            _, took_effect = made.runner.run_with_fault(run_deliver, InjectedFault(call, nth))
            before = _copies(running)
            uncertain += _restart(made.install)
            after = _copies(running)
            found.injected += took_effect
            found.count(made.install.states_by_message_id, before, after)
            assert made.install.sound(after)
            assert made.install.states == {State.ACCEPTED: READERS}
            if found.injected >= scaled(FAULTS) and uncertain:  # where a point is in time depends on the machine
                break
    found.check()
    assert found.uncertain == 0
    assert found.injected >= scaled(FAULTS)
    assert uncertain > 0


@contextmanager
def _scenario(running: Postfix, url: str, memory: Path) -> Iterator[FaultScenario]:
    made = planned(memory / "run", url, NOW, READERS)
    late = round((NOW + LATER).timestamp() * 1e6)
    with made.db.write() as session:
        session.connection().exec_driver_sql(
            f"UPDATE delivery SET not_before_us = {late} WHERE id = (SELECT max(id) FROM delivery)"
        )
    there = made.to(running.url, connections=2, relay_log=str(running.folder / "mail.log"))
    (memory / "scenario").mkdir()
    restore = snapshot_installation(there, memory / "scenario")
    with start_process_runner(there.environment(), memory / "scenario") as runner:
        runner.warm_up(run_deliver)
        yield FaultScenario(there, Relay(), run_deliver, restore, runner)


def _restart(install: Install) -> int:
    """Restart until the log has settled all uncertain mails; return their number."""
    began = install.clock.now
    recover(install)
    uncertain = install.states.get(State.UNCERTAIN, 0)
    for step in (timedelta(minutes=1), LATER, GRACE, timedelta(minutes=10)):
        install.clock.go(step)
        asyncio.run(run(install.app))
        if State.UNCERTAIN in install.states and step >= GRACE:
            settle_uncertain(install.app, install.clock.now)
    assert not install.states.keys() & IN_PROGRESS
    install.clock.now = began
    return uncertain


def _copies(running: Postfix) -> Counter[str]:
    """Return the copies by Message-ID once queue is empty and log complete."""
    for _ in range(1_000):
        queued, log = running.queued, running.log
        if not queued and log.count("(queue active)") == log.count(": removed\n") and not _open_sessions(log):
            break
        time.sleep(0.01)
    mails = (path.read_bytes() for box in BOXES for path in running.mails(box))
    return Counter(found[1].decode() for mail in mails if (found := _MESSAGE_ID.search(mail)))


def _open_sessions(log: str) -> bool:
    """Return True if a client is connected: a killed worker may have sent a dot."""
    return len(re.findall(r": connect from", log)) != len(re.findall(r": disconnect from", log))


def _clear(running: Postfix) -> None:
    """Delete the mails and the log of the previous point, because queue ids repeat."""
    (running.folder / "mail.log").write_text("")
    for box in BOXES:
        for path in running.mails(box):
            path.unlink()
