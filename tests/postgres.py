"""A private PostgreSQL for the tests: own data directory, own port, gone afterwards."""

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
from itertools import cycle
from pathlib import Path


def binaries() -> Path | None:
    """The folder that holds initdb and postgres, or None where PostgreSQL is not installed."""
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    on_path = shutil.which("initdb")
    folders = [*packaged, *([Path(on_path).resolve().parent] if on_path else [])]
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


@contextmanager
def server() -> Iterator[str]:
    """Run a server on 127.0.0.1; yields the URL of its `postgres` database."""
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
        port = free_port()
        process = subprocess.Popen(
            [str(folder / "postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port), "-k", str(data)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=user,
            cwd="/",
        )
        try:
            _wait_until_ready(folder, port)
            yield f"postgresql://digestd@127.0.0.1:{port}/postgres"
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=30)
    finally:
        shutil.rmtree(data, ignore_errors=True)


def free_port() -> int:
    """A port on 127.0.0.1 that nobody uses now, and that nobody takes before the caller's server does.

    Below the range that outgoing connections are numbered from, and never the same for two test workers.
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
    for _ in range(150):
        if subprocess.run(ask, capture_output=True, check=False).returncode == 0:
            return
        subprocess.run(["sleep", "0.2"], check=True)
    raise RuntimeError("PostgreSQL did not start within 30 s")


def _unprivileged() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
