"""Test schema upgrades that are killed, and an old version on a newer schema."""

import asyncio
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text

from digestd.domain.delivery import State
from digestd.errors import NotInitialised
from digestd.jobs.scheduler import Scheduler
from digestd.jobs.worker import tick
from digestd.store import migrate
from digestd.store.database import Database, open_database
from tests.conftest import NOW
from tests.delivery.conftest import READERS
from tests.proof.fault_injection import scaled
from tests.proof.snapshots import checkpoint
from tests.support.command_process import Command, can_trace
from tests.support.install import Install, reopen
from tests.support.relay import Relay

KILLS = 8


@pytest.fixture
def emptied(on_file: Install, memory: Path) -> Install:
    """Return an install without tables, in memory if possible."""
    with on_file.db.write() as session:
        config = migrate._config()
        config.attributes["connection"] = session.connection()
        command.downgrade(config, "base")
    checkpoint(on_file.db)
    moved = shutil.copy(str(on_file.db.file), memory / "digestd.db")
    return replace(on_file, url=f"sqlite:///{moved}")


@pytest.mark.slow
def test_killed_upgrade_is_completed_by_the_next(emptied: Install, memory: Path) -> None:
    if not can_trace():
        pytest.skip("strace is not installed here, or may not trace (it needs root)")
    original = shutil.copy(memory / "digestd.db", memory / "original")
    upgrade = Command(("init",), emptied.environment(), memory)
    counted = upgrade.count_calls()
    found = Counter[str]()
    for call, nth in spread(counted, scaled(KILLS)):
        for left in memory.glob("digestd.db*"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        shutil.copy(original, memory / "digestd.db")
        assert upgrade.run_killed_at(call, nth).killed
        after = open_database(emptied.url)
        found[schema(after)] += 1
        migrate.migrate(after)
        after.close()
        again = reopen(emptied.folder, emptied.url, NOW)
        assert (again.states, again.broken, again.passes_integrity_check) == ({}, {}, True)
        again.db.close()
    print(f"{sum(counted.values())} calls, killed with the schema {dict(found)}")
    assert found.keys() == {"none", migrate.newest()}, found


def spread(counted: Counter[str], kills: int) -> list[tuple[str, int]]:
    """Return this many writes and syncs, evenly from the first to the last."""
    each = [(call, nth) for call in ("pwrite64", "fdatasync") for nth in range(1, counted[call] + 1)]
    return [each[number * (len(each) - 1) // (kills - 1)] for number in range(kills)]


async def test_old_version_does_nothing_on_a_newer_schema(waiting: Install) -> None:
    async with Relay().serving() as relay:
        there = waiting.to(relay.url)
        metronome = Scheduler(there.app)
        with there.db.write() as session:
            session.connection().execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(NotInitialised, match="stop this one and start that one"):
            await tick(there.app, asyncio.Event())
        await metronome.plan()
        assert (metronome.last_tick, relay.sessions) == (None, 0)
        with there.db.write() as session:
            session.connection().execute(text("UPDATE alembic_version SET version_num = :it"), {"it": migrate.newest()})
        await tick(there.app, asyncio.Event())
        assert there.states == {State.ACCEPTED: READERS}
        await metronome.plan()
        assert metronome.last_tick is not None


def schema(db: Database) -> str:
    """Return the schema of a database."""
    with db.read() as session:
        return migrate._revision(session.connection()) or "none"
