"""Starting points for fault injection: ready, due and interrupted digests.

Each is available on both engines, in memory if possible: thousands of crashes need no disk, and fsync remains a
system call.
"""

import shutil
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import pytest

from digestd.delivery import journals
from digestd.domain.delivery import Outcome, State
from digestd.store.database import open_database
from digestd.store.ledger.results import AttemptResult
from tests.conftest import NOW
from tests.delivery.conftest import Original, file_copy, planned
from tests.proof.snapshots import checkpoint
from tests.store.rows import Ledger
from tests.support.command_process import Command, can_trace
from tests.support.install import Install
from tests.support.postgres import create, drop
from tests.support.relay import Fault, Relay

MAILS = 4


@dataclass(frozen=True)
class StartingPoint:
    """An installation, and the copies of mails that its relay has already."""

    install: Install
    delivered_before: Counter[str]


@pytest.fixture(scope="session")
def tracing() -> None:
    """Skip the test if strace cannot trace our processes."""
    if not can_trace():
        pytest.skip("strace is not installed here, or may not trace (it needs root)")


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    """Return the name of each engine in turn."""
    return str(request.param)


@pytest.fixture(scope="session")
def ready_file(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Original:
    """Return an installation on SQLite with ready digests, to be copied."""
    folder = tmp_path_factory.mktemp("ready")
    file = folder / "digestd.db"
    file.write_bytes(_sqlite_template.read_bytes())
    made = planned(folder, f"sqlite:///{file}", NOW, MAILS)
    checkpoint(made.db)
    return Original(folder, made.url)


@pytest.fixture(scope="session")
def ready_base(_postgres_admin: str, tmp_path_factory: pytest.TempPathFactory) -> Original:
    """Return an installation on PostgreSQL with ready digests, to be copied."""
    create(_postgres_admin, "ready_digestd", "template_digestd")
    made = planned(tmp_path_factory.mktemp("ready"), _postgres_admin.replace("/postgres", "/ready_digestd"), NOW, MAILS)
    made.db.close()
    return Original(made.folder, made.url)


@pytest.fixture
def ready(request: pytest.FixtureRequest, memory: Path, engine: str) -> Iterator[StartingPoint]:
    """Yield an installation with ready digests."""
    if engine == "sqlite":
        made = file_copy(request.getfixturevalue("ready_file"), memory)
    else:
        admin, name = request.getfixturevalue("_postgres_admin"), f"t{uuid4().hex[:12]}"
        original = request.getfixturevalue("ready_base")
        create(admin, name, "ready_digestd")
        made = original.copied(memory, admin.replace("/postgres", f"/{name}"))
    yield StartingPoint(made, Counter())
    made.db.close()
    if engine == "postgresql":
        drop(admin, name)


@pytest.fixture
async def due(ready: StartingPoint) -> StartingPoint:
    """Return an installation one day later with new papers: digests are due."""
    made = ready.install
    async with Relay().serving() as relay:
        await made.to(relay.url).deliver()
    made.next_day()
    return StartingPoint(made, relay.copies)


@pytest.fixture
def dead_worker(ready: StartingPoint) -> StartingPoint:
    """Return what a killed worker leaves: leases, and two mails that arrived.

    The result journal knows about one of the two.
    """
    made = ready.install
    with Relay({"dot": Fault("silence", stored=True)}).in_thread() as relay:
        there = made.to(relay.url, connections=2)
        worker = Command(("deliver",), there.environment(), there.folder).start()
        _wait_for_both(there, relay)
        worker.process.kill()
        assert worker.end().killed
    [first, _] = _accepted_results(made)
    journals.delete_journal(made.app.journals, first.owner)
    with journals.open_result_journal(made.app.journals, first.owner) as journal:
        assert journal.write([first]) == 1
    return StartingPoint(made, relay.copies)


@pytest.fixture
async def unacknowledged(ready: StartingPoint, memory: Path) -> StartingPoint:
    """Return an installation with uncertain mails that the relay's log knows."""
    log = memory / "mail.log"
    async with Relay({"dot": Fault("close", stored=True)}).serving() as relay:
        made = ready.install.to(relay.url, relay_log=str(log))
        await made.deliver()
    assert made.states == {State.UNCERTAIN: MAILS}
    log.write_text(
        "".join(
            f"mx postfix/qmgr[8]: 4Fz{n:03}: from=<{mail.sender}>, size=9, nrcpt=1 (queue active)\n"
            for n, mail in enumerate(relay.taken)
        )
    )
    return StartingPoint(made, relay.copies)


@pytest.fixture
def ledger(database_url: str, memory: Path, tmp_path: Path, now: datetime) -> Iterator[Ledger]:
    """Yield a ledger in memory if possible: each change is a commit of its own."""
    if database_url.startswith("sqlite"):
        shutil.copy(tmp_path / "digestd.db", memory / "run.db")
        database_url = f"sqlite:///{memory / 'run.db'}"
    db = open_database(database_url)
    yield Ledger(db, now)
    db.close()


def _wait_for_both(there: Install, relay: Relay, seconds: float = 120) -> None:
    """Wait until the relay has both mails: `dot` is committed before a mail is sent."""
    until = time.monotonic() + seconds
    while there.states.get(State.FINAL_DOT) != 2 or len(relay.taken) != 2:
        assert time.monotonic() < until, (there.states, len(relay.taken))
        time.sleep(0.01)


def _accepted_results(made: Install) -> list[AttemptResult]:
    """Return results that accept each delivery in state `dot`."""
    with made.db.read() as session:
        query = "SELECT id, attempts, owner FROM delivery WHERE state = 'final_dot' ORDER BY id"
        rows = session.connection().exec_driver_sql(query).all()
    return [
        AttemptResult(key, nth, owner, State.ACCEPTED, Outcome.ACCEPTED, code=250, queue_id="4XyZ")
        for key, nth, owner in rows
    ]
