"""An asynchronous standby of PostgreSQL takes over that lacks the last hundred mails."""

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from signal import SIGQUIT

import pytest

from digestd.delivery import group_commit
from digestd.delivery.recovery import JournalsPending
from digestd.domain.delivery import State
from digestd.errors import DigestdError
from tests.conftest import NOW
from tests.delivery.conftest import planned
from tests.support import postgres
from tests.support.postgres import Server, create
from tests.support.relay import ReceivedMail, Relay

MAILS, LAST_REPLICATED, LAST = 300, 100, 200


@dataclass
class Failover:
    """A server and its standby, which stops following it at one mail and takes over at another."""

    server: Server
    standby: Path

    def copy(self) -> None:
        """Bring the standby up to date for the last time."""
        source = ["-h", "127.0.0.1", "-p", str(self.server.port), "-U", "digestd"]
        self._run("pg_basebackup", "-D", str(self.standby), "-R", "-X", "stream", "-c", "fast", *source)

    def take_over(self) -> None:
        """Kill the server, and let the standby answer in its place."""
        self.server.stop(SIGQUIT)
        self.server.data = self.standby
        self.server.start()
        self._run("pg_ctl", "promote", "-w", "-D", str(self.standby))

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.server.folder / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, user=self.server.user, cwd="/")


@dataclass
class FailoverRelay(Relay):
    """A relay that lets the database fail over while mails are under way."""

    failover: Failover | None = None

    def keep(self, mail: ReceivedMail) -> None:
        super().keep(mail)
        assert self.failover is not None
        if len(self.taken) == LAST_REPLICATED:
            self.failover.copy()
        if len(self.taken) == LAST:
            self.failover.take_over()


@pytest.fixture
def failover() -> Iterator[Failover]:
    if postgres.binaries() is None:
        pytest.skip("PostgreSQL is not installed here")
    with postgres.restartable_server() as made:
        standby = made.data.with_name(f"{made.data.name}-standby")
        try:
            yield Failover(made, standby)
        finally:
            made.stop(SIGQUIT)
            shutil.rmtree(standby, ignore_errors=True)


@pytest.mark.postgresql
def test_standby_that_lags_behind_loses_and_doubles_nothing(
    failover: Failover, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers record from their journals what it lacks, and wait for each other before they send the rest."""
    monkeypatch.setattr(group_commit, "RETRY_SECONDS", 0.05)
    create(failover.server.url, "digestd", "template1")
    made = planned(memory / "run", failover.server.url.replace("/postgres", "/digestd"), NOW, MAILS)
    with FailoverRelay(failover=failover).in_thread() as relay:
        there = made.to(relay.url, connections=4)
        elsewhere = there.to(relay.url, journal_dir=str(memory / "elsewhere"))
        elsewhere.app.restore_guard.check(made.clock.now)
        with contextlib.suppress(DigestdError):
            asyncio.run(there.deliver())
        sent = len(relay.taken)
        assert LAST <= sent < MAILS
        assert there.states[State.ACCEPTED] <= LAST_REPLICATED
        assert len(there.app.restore_guard.find_unknown(made.clock.now)["J1"]) > (LAST - LAST_REPLICATED) // 2
        with pytest.raises(JournalsPending, match="another database server took over"):
            asyncio.run(there.deliver())
        assert there.states[State.ACCEPTED] + there.states.get(State.UNCERTAIN, 0) >= sent
        asyncio.run(elsewhere.deliver())
        assert set(relay.copies.values()) == {1}
        assert len(relay.copies) == MAILS
        assert there.sound(relay.copies)
        assert there.app.restore_guard.find_unknown(made.clock.now) == {"J1": []}
