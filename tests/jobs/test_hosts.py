"""Workers on hosts of their own network: one is cut off; the database fails over to its standby."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from digestd.domain.delivery import State
from digestd.store.database import open_database
from digestd.store.migrate import migrate
from tests.jobs.conftest import all_sent, due_install, none_lost_or_doubled
from tests.support import postgres, sample_data
from tests.support.hosts import NETWORK, Host, can_make_hosts, hosts
from tests.support.install import Install
from tests.support.postgres import Server
from tests.support.relay import Relay
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.postgresql]
SUBSCRIBERS = 60


@pytest.fixture
def two_hosts() -> Iterator[list[Host]]:
    if postgres.binaries() is None or not can_make_hosts():
        pytest.skip("needs PostgreSQL, root and network namespaces")
    with hosts(2) as made:
        yield made


@contextlib.contextmanager
def listening_for(at: list[Host]) -> Iterator[Server]:
    """Run a server that these hosts can reach."""
    with postgres.restartable_server() as server:
        with (server.data / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {NETWORK} trust\nhost replication all 127.0.0.1/32 trust\n")
        server.stop()
        server.addresses = ",".join(["127.0.0.1", *(host.centre for host in at)])
        server.start()
        yield server


def created(server: Server, folder: Path) -> Install:
    db = open_database(server.url)
    migrate(db)
    db.close()
    return due_install(folder / "run", server.url, SUBSCRIBERS)


@contextlib.contextmanager
def workers(made: Install, at: list[Host], url: str) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Run a worker on each host; the relay and the database of `url` are at the centre."""
    started = []
    try:
        for host in at:
            folder = made.folder / host.name
            folder.mkdir()
            environment = made.environment(
                DIGESTD_RUNNER="procrastinate",
                DIGESTD_JOURNAL_DIR=str(folder / "journals"),
                DIGESTD_DATABASE_URL=url.replace("127.0.0.1", host.centre),
                DIGESTD_TRANSPORT_URL=made.app.settings.transport_url.replace("0.0.0.0", host.centre) + "?tls=none",
            )
            started.append(host.start(environment, folder, "worker"))
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait()


def test_others_finish_the_work_of_a_host_that_is_cut_off(tmp_path: Path, two_hosts: list[Host]) -> None:
    with (
        listening_for(two_hosts) as server,
        Relay(host="0.0.0.0", delay=0.3).in_thread() as relay,
    ):
        made = created(server, tmp_path).to(relay.url, connections=2)
        with workers(made, two_hosts, server.url):
            until(lambda: len(relay.taken) >= 2)
            lost = next(host for host in two_hosts if list((made.folder / host.name).glob("journals/*.results")))
            lost.cut_off()
            began, relay.delay = time.monotonic(), 0
            until(lambda: all_sent(made, SUBSCRIBERS), lambda: made.states)
            print(f"all sent {time.monotonic() - began:.0f} s after a host was cut off, {made.states}")
            lost.reconnect()
            made.people(sample_data.people(20, first=SUBSCRIBERS))
            until(lambda: all_sent(made, SUBSCRIBERS + 20), lambda: made.states)
        assert none_lost_or_doubled(made, relay)
        assert made.states.get(State.UNCERTAIN, 0) <= 2
        assert made.unsafe == {}
        made.db.close()


def test_workers_follow_the_database_to_its_standby(tmp_path: Path, two_hosts: list[Host]) -> None:
    """Commits wait for the standby (synchronous replication), so it knows all that was sent."""
    with (
        listening_for(two_hosts) as primary,
        Relay(host="0.0.0.0", delay=0.3).in_thread() as relay,
        standby_of(primary) as standby,
    ):
        made = created(primary, tmp_path).to(relay.url, connections=2)
        both = f"host=127.0.0.1:{primary.port}&host=127.0.0.1:{standby.port}"
        url = f"postgresql://digestd@/postgres?{both}&target_session_attrs=read-write"
        with workers(made, two_hosts, url) as running:
            until(lambda: len(relay.taken) >= 2)
            primary.stop(signal.SIGKILL)
            subprocess.run(
                [standby.folder / "pg_ctl", "promote", "-D", standby.data], user=standby.user, check=True, cwd="/"
            )
            began, relay.delay = time.monotonic(), 0
            made.db.close()
            after = due_install_at(made, standby.url)
            until(lambda: all_sent(after, SUBSCRIBERS), lambda: after.states)
            print(f"all sent {time.monotonic() - began:.0f} s after the standby was promoted, {after.states}")
            assert [process.poll() for process in running] == [None, None]
        assert none_lost_or_doubled(after, relay)
        assert after.unsafe == {}
        after.db.close()


def due_install_at(made: Install, url: str) -> Install:
    """Return the installation on another server."""
    return replace(made, url=url, app=replace(made.app, db=open_database(url)))


@contextlib.contextmanager
def standby_of(primary: Server) -> Iterator[Server]:
    """Run a synchronous standby."""
    data = primary.data.with_name(primary.data.name + "-standby")
    standby = Server(primary.folder, data, postgres.free_port(), primary.user, primary.addresses)
    copy = [str(primary.folder / "pg_basebackup"), "-h", "127.0.0.1", "-p", str(primary.port), "-U", "digestd"]
    data.mkdir(mode=0o700)
    if primary.user:
        shutil.chown(data, primary.user)
    try:
        subprocess.run([*copy, "-D", str(data), "-R", "-X", "stream"], user=primary.user, check=True, cwd="/")
        standby.start()
        try:
            with (primary.data / "postgresql.auto.conf").open("a") as settings:
                settings.write("synchronous_standby_names = '*'\n")
            assert primary.process is not None
            os.kill(primary.process.pid, signal.SIGHUP)
            yield standby
        finally:
            standby.stop(signal.SIGQUIT)
    finally:
        shutil.rmtree(data, ignore_errors=True)
