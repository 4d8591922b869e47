"""Workers as on several machines: killed, frozen, and the database restarted. None lost, none doubled, work goes on."""

import os
import signal
import time
from pathlib import Path

import pytest

from digestd.domain.delivery import State
from digestd.store.database import open_database
from digestd.store.migrate import migrate
from tests.jobs.conftest import all_sent, due_install, none_lost_or_doubled, workers
from tests.support import postgres
from tests.support.command_process import Running
from tests.support.install import Install
from tests.support.postgres import Server
from tests.support.relay import Relay
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.long]
SUBSCRIBERS = 60


def send(running: Running, signum: signal.Signals) -> None:
    os.kill(running.process.pid or 0, signum)


def sender(made: Install, running: list[Running]) -> Running:
    """Return a worker that has claimed mails, found by its journal."""
    found: list[Running] = []

    def look() -> bool:
        found[:] = [
            each for number, each in enumerate(running)
            if each.process.is_alive() and list((made.folder / f"host{number}").glob("journals/*.results"))
        ]  # fmt: skip
        return bool(found)

    until(look)
    return found[0]


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGSTOP])
def test_others_finish_the_work_of_a_lost_worker(queued: Install, signum: signal.Signals) -> None:
    with Relay(delay=0.3).in_thread() as relay, workers(queued.to(relay.url, connections=2), 2) as running:
        there = queued.to(relay.url, connections=2)
        until(lambda: len(relay.taken) >= 2)
        lost = sender(there, running)
        send(lost, signum)
        began, relay.delay = time.monotonic(), 0
        until(lambda: all_sent(there, SUBSCRIBERS), lambda: there.states)
        print(f"{signum.name}: all sent after {time.monotonic() - began:.0f} s, {there.states}")
        if signum is signal.SIGSTOP:
            send(lost, signal.SIGCONT)
        for each in running:
            if each.process.is_alive():
                send(each, signal.SIGTERM)
        assert [each.end().code for each in running if not (each is lost and signum is signal.SIGKILL)].count(0) >= 1
        assert none_lost_or_doubled(there, relay)
        assert there.states.get(State.UNCERTAIN, 0) <= 2
        assert there.unsafe == {}


@pytest.mark.postgresql
def test_workers_go_on_after_postgresql_restarts(tmp_path: Path) -> None:
    if postgres.binaries() is None:
        pytest.skip("PostgreSQL is not installed here")
    with postgres.restartable_server() as server, Relay(delay=0.2).in_thread() as relay:
        made = _create(server, tmp_path)
        there = made.to(relay.url, connections=2)
        with workers(there, 2) as running:
            until(lambda: len(relay.taken) >= 2)
            server.stop(signal.SIGQUIT)
            server.start()
            began, relay.delay = time.monotonic(), 0
            until(lambda: all_sent(there, SUBSCRIBERS), lambda: there.states)
            print(f"all sent {time.monotonic() - began:.0f} s after PostgreSQL restarted, {there.states}")
            assert all(each.process.is_alive() for each in running)
        assert none_lost_or_doubled(there, relay)
        assert there.unsafe == {}
        made.db.close()


def _create(server: Server, folder: Path) -> Install:
    db = open_database(server.url)
    migrate(db)
    db.close()
    return due_install(folder / "run", server.url, SUBSCRIBERS)
