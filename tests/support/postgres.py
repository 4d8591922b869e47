"""A private PostgreSQL server for tests, removed afterwards."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import psycopg


def binaries() -> Path | None:
    """Return the folder of initdb and postgres; None if not installed."""
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    on_path = shutil.which("initdb")
    folders = [*packaged, *([Path(on_path).resolve().parent] if on_path else [])]
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


@dataclass
class Server:
    """A PostgreSQL server that can be killed; `url` stays the same after each start.

    `addresses`: where it listens, besides its socket in `data`.
    """

    folder: Path
    data: Path
    port: int
    user: str | None
    addresses: str = "127.0.0.1"
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """Return the URL of its `postgres` database."""
        return f"postgresql://digestd@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        command = [str(self.folder / "postgres"), "-D", str(self.data), "-h", self.addresses, "-p", str(self.port)]
        self.process = subprocess.Popen(
            [*command, "-k", str(self.data), *_FAST],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=self.user,
            cwd="/",
            start_new_session=True,
        )
        _wait_until_ready(self.folder, self.port)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server.

        Args:
            how: SIGINT for a clean stop, SIGQUIT as `pg_ctl -m immediate`, SIGKILL for all its processes.
        """
        assert self.process is not None
        if how is signal.SIGKILL:
            mains = [self.process.pid, *_children(self.process.pid)]
            for pid in mains:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, how)
        else:
            self.process.send_signal(how)
        self.process.wait(timeout=120)


_FAST = ("-c", "autovacuum=off", "-c", "jit=off")
"""Options of a server whose databases are small and soon dropped. digestd refuses one without fsync."""


def create(admin: str, name: str, template: str = "template1") -> None:
    """Create a database as a copy of another."""
    with psycopg.connect(admin, autocommit=True) as connection:
        # copies the files, which takes half the time of a copy by the log
        strategy = "STRATEGY FILE_COPY" if connection.info.server_version >= 150_000 else ""
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} {strategy}".encode())


def drop(admin: str, name: str) -> None:
    """Drop a database, whoever still uses it."""
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@contextmanager
def server() -> Iterator[str]:
    """Run a server on 127.0.0.1; yield the URL of its `postgres` database."""
    with restartable_server() as made:
        yield made.url


@contextmanager
def restartable_server() -> Iterator[Server]:
    """Run a server on 127.0.0.1 that a test may kill and start again."""
    folder = binaries()
    assert folder is not None
    user = _unprivileged()
    data = Path(tempfile.mkdtemp(prefix="digestd-pg-"))
    if user:
        os.chown(data, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
    try:
        options = ["-U", "digestd", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
        initdb = [str(folder / "initdb"), "-D", str(data), *options]
        subprocess.run(initdb, check=True, capture_output=True, user=user, cwd="/")
        made = Server(folder, data, free_port(), user)
        made.start()
        try:
            yield made
        finally:
            made.stop(signal.SIGQUIT)  # the data is deleted anyway, so no clean shutdown
    finally:
        shutil.rmtree(data, ignore_errors=True)


def free_port() -> int:
    """Return a port on 127.0.0.1 that stays free until the caller's server takes it.

    It is below the range of ephemeral ports, and never the same for two test workers.
    """
    for port in _PORTS:
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no port is free on 127.0.0.1")


_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_PORTS = cycle(12_000 + _WORKER % 10 * 1_000 + (os.getpid() + step) % 1_000 for step in range(1_000))


def _wait_until_ready(folder: Path, port: int) -> None:
    ask = [str(folder / "pg_isready"), "-h", "127.0.0.1", "-p", str(port)]
    for _ in range(600):
        if subprocess.run(ask, capture_output=True, check=False).returncode == 0:
            return
        subprocess.run(["sleep", "0.2"], check=True)
    raise RuntimeError("PostgreSQL did not start within two minutes")


def _unprivileged() -> str | None:
    """Return options to run as another user: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]
