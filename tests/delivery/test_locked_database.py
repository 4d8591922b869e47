"""Test a database that another process locks for longer than the timeout.

Nothing is lost.
"""

import asyncio
import threading
from pathlib import Path

import pytest

from digestd.delivery import group_commit
from digestd.domain.delivery import State
from digestd.errors import DatabaseUnreachable
from digestd.store.database import BUSY_SECONDS
from tests.conftest import NOW
from tests.delivery.conftest import READERS, Original, file_copy
from tests.delivery.test_outage import locked
from tests.support.command_process import Command
from tests.support.install import Install, reopen
from tests.support.relay import Relay

WORDS = [
    ("plan",),
    ("deliver", "--drain"),
    ("subscriber", "unsubscribe", "reader1@example.net"),
    ("paper", "import", "papers.jsonl"),
]


@pytest.fixture
def impatient(planned_file: Original, tmp_path: Path) -> Install:
    """Return an install with ready digests and a short lock timeout."""
    made = file_copy(planned_file, tmp_path)
    made.db.close()
    return reopen(tmp_path, f"{made.url}?timeout=0.05", NOW)


async def test_run_on_a_locked_database_loses_nothing(impatient: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "RETRY_SECONDS", 0.02)
    monkeypatch.setattr(group_commit, "PATIENCE_SECONDS", 0.1)
    async with Relay(delay=0.05).serving() as relay:
        there = impatient.to(relay.url, connections=2)
        run = asyncio.create_task(there.deliver())
        while not relay.taken:
            await asyncio.sleep(0.001)
        with locked(there.url):
            with pytest.raises(DatabaseUnreachable, match="another process is writing, try again"):
                await run
            left = len(relay.taken)
            assert 0 < left < READERS
        assert (await there.deliver()).accepted == READERS - left, "what was answered is in the receipts"
    assert there.states == {State.ACCEPTED: READERS}
    assert there.sound(relay.copies)


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_command_on_a_locked_database_reports_one_line(words: tuple[str, ...], impatient: Install) -> None:
    impatient.next_day(papers=40)
    (impatient.folder / "papers.jsonl").write_text('{"title": "Sorting in the dark"}\n')
    command = Command(words, impatient.environment(), impatient.folder)
    before = impatient.states
    with locked(impatient.url):
        ended = command.run()
    assert (ended.code, ended.output.count("\n")) == (1, 1), ended.output
    assert "database is locked; another process is writing, try again; the same command may work later" in ended.output
    assert impatient.states == before
    assert command.run().code == 0
    assert impatient.unsafe == {}


@pytest.mark.long
def test_run_outlasts_a_lock_of_one_minute(on_file: Install) -> None:
    with Relay(delay=0.05).in_thread() as relay:
        there = on_file.to(relay.url, connections=2)
        running = Command(("deliver", "--drain"), there.environment(), there.folder).start()
        while not relay.taken:
            threading.Event().wait(0.001)
        with locked(there.url):
            threading.Event().wait(2 * BUSY_SECONDS + 5)
            assert len(relay.taken) < READERS
        assert running.end().code == 0
        assert there.states == {State.ACCEPTED: READERS}
        assert there.sound(relay.copies)
