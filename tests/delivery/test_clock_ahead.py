"""Test two workers on PostgreSQL of which one has a clock that is an hour ahead."""

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from digestd.domain.delivery import Actor, State
from digestd.store.ledger import queries
from tests.support import sample_data
from tests.support.install import Install, install
from tests.support.relay import ReceivedMail, Relay
from tests.support.waiting import until

READERS = 24
pytestmark = pytest.mark.skipif(
    shutil.which("faketime") is None, reason="needs faketime (Debian: apt install faketime)"
)


class LoggedRelay(Relay):
    """A relay that writes what it takes to a log as Postfix does."""

    log: Path

    def keep(self, mail: ReceivedMail) -> None:
        """Store a mail, and log it before its 250."""
        super().keep(mail)
        head = f"Nov 24 07:00:01 mx postfix/%s: {len(self.taken):08X}: "
        with self.log.open("a") as out:
            out.write(head % "cleanup[9]" + f"message-id={mail.message_id}\n")
            out.write(head % "qmgr[8]" + f"from=<{mail.sender}>, size={len(mail.wire)}, nrcpt=1 (queue active)\n")


def test_worker_with_a_clock_ahead_takes_no_living_lease(tmp_path: Path, postgres_url: str) -> None:
    now = datetime.now(UTC)  # noqa: TID251  # the processes have the real clock
    made = install(tmp_path / "run", postgres_url, now)
    made.papers(sample_data.papers(60))
    made.people(sample_data.people(READERS, hour=now.hour))
    planned = made.plan().planned
    relay = LoggedRelay(delay=0.7)
    relay.log = tmp_path / "mail.log"
    relay.log.touch()
    with relay.in_thread():
        there = made.to(relay.url, connections=2)
        right = _deliver(there, relay.log)
        until(lambda: len(relay.taken) >= 4)
        for _ in range(3):
            ahead = _deliver(there, relay.log, "faketime", "-m", "-f", "+1h")
            assert ahead.wait(120) == 0
        assert right.wait(120) == 0
    assert made.states == {State.ACCEPTED: planned}
    with made.db.read() as session:
        steps = [step for entry in queries.entries(session, READERS) for step in entry.history]
    assert {actor for _, actor, _ in steps} == {Actor.PLANNER, Actor.WORKER}
    assert max(at for *_, at in steps) < now + timedelta(minutes=10)
    assert made.sound(relay.copies)
    made.db.close()


def _deliver(made: Install, log: Path, *before: str) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, **made.environment(DIGESTD_RELAY_LOG=str(log))}
    del environment["DIGESTD_NOW"]
    program = Path(sys.executable).with_name("digestd")
    return subprocess.Popen([*before, program, "deliver", "--drain"], env=environment, cwd=made.folder)
