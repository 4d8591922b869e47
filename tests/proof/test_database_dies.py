"""PostgreSQL is killed during a run, or a connection is cut during COMMIT.

Nobody knows if that transaction was committed: the run connects again, reads the state, and continues from there.
"""

import asyncio
import contextlib
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from signal import SIGKILL, SIGQUIT

import pytest

from digestd.delivery import group_commit
from tests.conftest import NOW
from tests.delivery.conftest import planned
from tests.proof.conftest import StartingPoint
from tests.proof.counts import Counts
from tests.proof.fault_injection import FINAL_STATES, fault_scenario, restart, run_deliver, run_plan, scaled
from tests.proof.snapshots import snapshot_installation
from tests.support import postgres
from tests.support.postgres import Server, create
from tests.support.process_runner import Job, start_process_runner
from tests.support.relay import Relay
from tests.support.tiers import sized

MAILS = 40


def retry_quickly() -> None:
    """Retry quickly, for as long as a database needs to start again."""
    group_commit.RETRY_SECONDS = 0.05
    group_commit.PATIENCE_SECONDS = 60.0


@pytest.fixture
def server() -> Iterator[Server]:
    if postgres.binaries() is None:
        pytest.skip("PostgreSQL is not installed here")
    with postgres.restartable_server() as made:
        yield made


def test_deliver_survives_database_crashes(server: Server, memory: Path) -> None:
    create(server.url, "digestd", "template1")
    made = planned(memory / "run", server.url.replace("/postgres", "/digestd"), NOW, MAILS)
    restore = snapshot_installation(made, memory)
    found, rng = Counts(), Random(1)
    with Relay(delay=0.05).in_thread() as relay:
        there = made.to(relay.url, connections=2)
        with start_process_runner(there.environment(), memory, retry_quickly) as runner:
            runner.warm_up(run_deliver)
            for number in range(scaled(2)):
                restore()
                relay.taken.clear()
                child = runner.fork(run_deliver)
                child.go()
                _wait_for(relay, rng.randrange(MAILS // 2))
                found.injected += len(relay.taken) < MAILS
                server.stop(SIGKILL if number % 2 else SIGQUIT)
                time.sleep(rng.uniform(0, 0.3))
                server.start()
                child.end()
                relay.until_quiet()
                before = relay.copies
                restart(there)
                found.count(there.states_by_message_id, before, relay.copies)
                assert there.sound(relay.copies)
                assert there.states.keys() <= FINAL_STATES
    found.check()
    assert found.injected, "a run was under way when the database died"


def _wait_for(relay: Relay, mails: int) -> None:
    until = time.monotonic() + 60
    while len(relay.taken) < mails and time.monotonic() < until:
        time.sleep(0.002)


_CHANGED = re.compile(rb"C\0\0\0.(?:INSERT 0|UPDATE|DELETE|MERGE|COPY) [1-9]\d*\0", re.DOTALL)
"""The server's answer to a statement that changed rows: CommandComplete in PostgreSQL's protocol."""


@dataclass
class Proxy:
    """A proxy to PostgreSQL that cuts a connection at the nth COMMIT.

    Args:
        port: Where to listen.
        upstream: The server's port.
        only_writes: Count only the COMMIT of a transaction that changed rows.
    """

    port: int
    upstream: int
    only_writes: bool
    nth: int = 0
    delivers: bool = False
    seen: int = 0
    injected: bool = False
    _done: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def running(self) -> Iterator["Proxy"]:
        """Listen in a thread."""
        ready = threading.Event()

        async def serve() -> None:
            server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
            ready.set()
            while not self._done.is_set():
                await asyncio.sleep(0.02)
            server.close()

        thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
        thread.start()
        assert ready.wait(60)
        try:
            yield self
        finally:
            self._done.set()
            thread.join(60)

    def aim(self, nth: int, *, delivers: bool) -> None:
        """Cut at the nth COMMIT from now on.

        Args:
            nth: Which COMMIT; 0 for none.
            delivers: If True, the server gets the COMMIT, but its answer is lost.
        """
        self.nth, self.delivers, self.seen, self.injected = nth, delivers, 0, False

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        changed = asyncio.Event()
        answers = asyncio.create_task(self._carry(up_reader, writer, changed))
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                counts = b"COMMIT\0" in data and (changed.is_set() or not self.only_writes)
                self.seen += counts
                if b"COMMIT\0" in data:
                    changed.clear()
                if counts and self.seen == self.nth:
                    self.injected = True
                    answers.cancel()
                    await asyncio.wait([answers])
                    if self.delivers:
                        up_writer.write(data)
                        await up_reader.read(1 << 16)
                    break
                up_writer.write(data)
        for end in (writer, up_writer):
            end.transport.abort() if end is writer else end.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, changed: asyncio.Event) -> None:
        last = b""
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                if _CHANGED.search(last + data):
                    changed.set()
                last = data[-32:]  # an answer may arrive in two parts
                writer.write(data)
        writer.close()


@pytest.mark.parametrize("engine", ["postgresql"])
def test_deliver_survives_connections_cut_at_commit(ready: StartingPoint, memory: Path) -> None:
    _cut_at_each_commit(ready, memory, run_deliver)


@pytest.mark.parametrize("engine", ["postgresql"])
def test_plan_survives_connections_cut_at_commit(due: StartingPoint, memory: Path) -> None:
    _cut_at_each_commit(due, memory, run_plan)


def _cut_at_each_commit(at: StartingPoint, memory: Path, job: Job) -> None:
    upstream = at.install.db.engine.url.port
    assert upstream is not None
    with Proxy(postgres.free_port(), upstream, only_writes=sized(True, False)).running() as proxy:
        url = at.install.url.replace(f":{upstream}/", f":{proxy.port}/")
        with fault_scenario(at.install, job, memory / "scenario", retry_quickly, DIGESTD_DATABASE_URL=url) as made:
            made.delivered_before = at.delivered_before
            made.restore()
            proxy.aim(0, delivers=False)
            assert made.runner.run(made.job).code == 0
            commits = proxy.seen
            cuts = [(nth, delivers) for nth in range(1, commits + 1) for delivers in (False, True)]
            for nth, delivers in cuts:
                proxy.aim(nth, delivers=delivers)
                made.run_point(lambda: (made.runner.run(made.job), proxy.injected))
            made.found.check()
            # a run may need a commit or two less, as requests that meet share one
            assert made.found.injected >= sum(nth <= max(1, commits - 2) for nth, _ in cuts) > 0
