"""Child processes of the real service: both cores, deaths, and stops."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from digestd.domain.delivery import State
from digestd.jobs import worker
from digestd.jobs.children import FAILED, ChildProcesses
from digestd.store import due
from tests.delivery.conftest import planned
from tests.delivery.test_service import service, terminate
from tests.support import sample_data
from tests.support.command_process import Running
from tests.support.install import Install, install
from tests.support.relay import Relay
from tests.support.waiting import until

pytestmark = pytest.mark.slow
MAILS = worker.MANY + 100
HOLDING = """
import asyncio
from digestd.jobs import children

async def work(app, stop):
    print("holds", flush=True)
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.to_thread(print, "gives back", flush=True)

asyncio.run(children._run_until_stopped(work, None, {}))
"""
"""Work that holds something, as an ingest holds a host."""


def children(pid: int | None) -> dict[int, str]:
    """Return the work of each child process of a service by its number."""
    found = {}
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with suppress(FileNotFoundError, ProcessLookupError, IndexError):  # it may have ended
            words = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
            found[int(child)] = words[4].decode() if words[3] == b"digestd.jobs.children" else ""
    return found


def senders(running: Running) -> list[int]:
    """Return the processes of a service that send."""
    return [pid for pid, work in children(running.process.pid).items() if work == "delivery"]


@pytest.fixture
def many(tmp_path: Path, sqlite_url: str, now: datetime) -> Install:
    return planned(tmp_path / "run", sqlite_url, now, MAILS)


@contextmanager
def sending(made: Install, delay: float) -> Iterator[tuple[Running, Install, Relay]]:
    """Run the service until two processes send to a relay that answers after `delay` seconds."""
    with Relay(delay=delay).in_thread() as relay:
        there = made.to(relay.url)
        running = service(there, "up", DIGESTD_PROCESSES="2").start()
        until(lambda: len(senders(running)) == 2 and len(there.worker_names) == 2 and len(relay.taken) > 2)
        yield running, there, relay


def test_split_covers_everybody_once(
    tmp_path: Path, sqlite_url: str, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = install(tmp_path / "run", sqlite_url, now)
    made.people(sample_data.people(23))
    with made.db.read() as session:
        assert due.split(session, 4, now - timedelta(days=9)) == []
        assert due.split(session, 4, now) == [range(1, due.MAX_KEY)]
        monkeypatch.setattr(due, "PART_MIN", 8)
        parts = due.split(session, 4, now)
        found = [[one.key for one in due.due(session, keys.start - 1, 100, now, keys.stop)] for keys in parts]
    assert [len(keys) for keys in found] == [7, 8, 8]
    assert set().union(*found) == set(range(1, 24))


async def test_process_that_cannot_be_started_is_reported(
    tmp_path: Path, sqlite_url: str, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = install(tmp_path / "run", sqlite_url, now)
    monkeypatch.setattr("sys.executable", str(tmp_path / "none"))
    with capture_logs() as logs:
        assert not await ChildProcesses(made.app).run("planning", [{}], asyncio.Event())
    assert [entry["why"] for entry in logs] == ["No such file or directory"]


async def test_child_finds_digestd_that_is_not_installed(
    tmp_path: Path, sqlite_url: str, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = install(tmp_path / "run", sqlite_url, now)
    code = "import sys; sys.stdin.readline(); import digestd"
    bare = tmp_path / "python"
    bare.write_text(f"#!/bin/sh\nexec {sys.executable} -P -S -c '{code}'\n")
    bare.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(bare))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert await ChildProcesses(made.app).run("planning", [{}], asyncio.Event())


async def test_stop_lets_other_work_give_back_what_it_holds() -> None:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HOLDING), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdin is not None
    assert child.stdout is not None
    assert await child.stdout.readline() == b"holds\n"
    child.stdin.close()
    assert await child.stdout.read() == b"gives back\n"
    assert await child.wait() == FAILED


def test_up_sends_many_mails_by_two_processes(many: Install) -> None:
    with sending(many, 0.02) as (running, there, relay):
        until(lambda: there.states == {State.ACCEPTED: MAILS})
        until(lambda: not senders(running))
        terminate(running)
        assert running.end().code == 0
        assert relay.copies.total() == MAILS
        assert there.sound(relay.copies)


def test_up_plans_in_processes(tmp_path: Path, sqlite_url: str, now: datetime) -> None:
    made = install(tmp_path / "run", sqlite_url, now)
    made.papers(sample_data.papers(30))
    made.people(sample_data.people(20))
    with Relay().in_thread() as relay:
        running = service(made.to(relay.url), "up").start()
        seen = set[str]()

        def is_done() -> bool:
            seen.update(children(running.process.pid).values())
            return sum(made.states.values()) == 20 and made.states.get(State.READY, 0) == 0

        until(is_done)
        terminate(running)
        assert running.end().code == 0
    assert "planning" in seen
    assert "delivery" not in seen  # few mails are sent by the service itself


def test_killed_sender_loses_and_doubles_nothing(many: Install) -> None:
    with sending(many, 0.05) as (running, there, relay):
        os.kill(senders(running)[0], signal.SIGKILL)
        until(lambda: there.states.keys() <= {State.ACCEPTED, State.UNCERTAIN})
        terminate(running)
        ended = running.end()
        assert ended.code == 0
        assert "a process ended early" in ended.output
        assert there.sound(relay.copies)


def test_children_of_a_killed_service_end(many: Install) -> None:
    with sending(many, 0.05) as (running, there, relay):
        left = list(children(running.process.pid))
        running.process.kill()
        running.end()
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in left))
        assert State.FINAL_DOT not in there.states
        assert there.sound(relay.copies)


def test_sigterm_during_a_burst_ends_after_the_current_mails(many: Install) -> None:
    with sending(many, 0.2) as (running, there, relay):
        left = list(children(running.process.pid))
        terminate(running)
        assert running.end().code == 0
        assert not any(Path(f"/proc/{pid}").exists() for pid in left)
        assert there.states.keys() == {State.ACCEPTED, State.READY}
        assert there.sound(relay.copies)
