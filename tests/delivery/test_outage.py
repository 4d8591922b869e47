"""Test long outages of the relay and short ones of the database.

Mails are sent once afterwards.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from digestd.delivery import group_commit
from digestd.domain.delivery import State
from digestd.jobs.worker import tick
from digestd.store import rate_limits
from digestd.store.database import Database, open_database
from tests.delivery.conftest import READERS
from tests.digests.conftest import digests
from tests.support import sample_data
from tests.support.install import Install, install
from tests.support.relay import Relay

HOURS = 97


async def test_one_digest_follows_a_three_day_relay_outage(tmp_path: Path, sqlite_url: str, now: datetime) -> None:
    made = install(tmp_path / "run", sqlite_url, now)
    made.people([{"email": f"reader{n}@example.net", "hour": 7 - n, "size": 40} for n in range(3)])
    relay = Relay()
    async with relay.serving():
        there = made.to(relay.url, connections=1)
        await day_begins(there, 0)
    assert made.states == {State.ACCEPTED: 3}
    relay.taken.clear()
    for hour in range(1, HOURS):
        made.clock.go(timedelta(hours=1))
        await (tick(there.app, asyncio.Event()) if hour % 24 else day_begins(there, hour // 24))
    with made.db.read() as session:
        [rests] = rate_limits.paused_relays(session)
    assert rests.failures > 48
    assert made.states == {State.ACCEPTED: 3, State.EXPIRED: 9, State.READY: 3}
    async with relay.serving():
        made.clock.go(timedelta(hours=1))
        await tick(there.app, asyncio.Event())
    assert made.states == {State.ACCEPTED: 6, State.EXPIRED: 9}
    assert [mail.recipient for mail in relay.taken] == [f"reader{n}@example.net" for n in (2, 1, 0)], "as they were due"
    for reader in range(3):
        _, *missed, last = digests(made, reader)
        assert (last[1], [state for _, _, state, _ in missed]) == (missed[0][0], ["expired"] * 3), "it covers them"
        assert all(set(last[3]) & set(papers) for *_, papers in missed), "papers of each day"
    assert made.broken == {}
    made.db.close()


async def day_begins(made: Install, day: int) -> None:
    """New papers, at an hour when all are due."""
    made.papers(sample_data.papers(8, seed=day, first=100 * day))
    made.plan()
    await tick(made.app, asyncio.Event())


@pytest.mark.parametrize("busy_ms", [30_000, 20], ids=["is waited for", "is tried again"])
async def test_no_final_dot_is_sent_while_the_database_is_locked(
    on_file: Install, busy_ms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "RETRY_SECONDS", 0.05)
    event.listen(on_file.db.engine, "connect", lambda dbapi, _: dbapi.execute(f"PRAGMA busy_timeout={busy_ms}"))
    on_file.db.close()
    async with Relay(delay=0.05).serving() as relay:
        run = asyncio.create_task(on_file.to(relay.url, connections=2).deliver())
        while not relay.taken:
            await asyncio.sleep(0.001)
        with locked(on_file.url):
            states = on_file.states
            committed = states.get(State.FINAL_DOT, 0) + states.get(State.ACCEPTED, 0)
            await asyncio.sleep(0.8)
            assert len(relay.taken) <= committed < READERS
        report = await run
    assert (report.accepted, report.stopped) == (READERS, None)
    assert on_file.sound(relay.copies)


@contextmanager
def locked(url: str) -> Iterator[Database]:
    """Somebody else writes, for as long."""
    other, done, held = open_database(url), threading.Event(), threading.Event()

    def hold() -> None:
        with other.write() as session:
            session.connection()
            held.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(10)
    try:
        yield other
    finally:
        done.set()
        thread.join()
        other.close()
