"""Postfix's tools: smtp-sink, smtp-source, a private Postfix with Maildirs."""

import contextlib
import os
import pwd
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.bench.postfix import run_postfix
from tests.bench.smtp_sink import find_program
from tests.support.postgres import free_port


def tool(name: str, package: str = "postfix") -> str:
    """Return the path of a mail program; skip the test if it is not installed."""
    found = find_program(name)
    if found is None:
        pytest.skip(f"{name} is not installed here (Debian: {package})")
    return found


@dataclass
class Sink:
    """A running smtp-sink and the file of its counters."""

    port: int
    log: Path

    @property
    def url(self) -> str:
        """Return its transport URL."""
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def count(self) -> int:
        """Return how many mails it has taken."""
        found = re.findall(r"mesg=(\d+)", self.log.read_text(errors="replace"))
        return int(found[-1]) if found else 0


@contextlib.contextmanager
def smtp_sink(folder: Path, *options: str) -> Iterator[Sink]:
    """Run a counting smtp-sink on a free port of 127.0.0.1."""
    sink = Sink(free_port(), folder / "sink.log")
    command = [tool("smtp-sink"), *(["-u", "nobody"] if os.geteuid() == 0 else []), "-c", *options]
    with sink.log.open("wb") as log:
        process = subprocess.Popen([*command, f"127.0.0.1:{sink.port}", "1000"], stdout=log, stderr=log)
        try:
            _until_listening(sink.port)
            yield sink
        finally:
            process.terminate()
            process.wait(60)


@dataclass
class Postfix:
    """A running private Postfix for example.net with one Maildir per address."""

    port: int
    folder: Path

    @property
    def url(self) -> str:
        """Return its transport URL."""
        return f"smtp://127.0.0.1:{self.port}"

    def mails(self, address: str) -> list[Path]:
        """Return the mails of an address."""
        return sorted((self.folder / "vmail" / address.partition("@")[0] / "new").glob("*"))

    @property
    def queued(self) -> int:
        """Return how many mails are in the queue or being received."""
        queues = (self.folder / "spool" / name for name in ("incoming", "active", "deferred"))
        return sum(file.is_file() for queue in queues for file in queue.rglob("*"))

    @property
    def log(self) -> str:
        """Return its mail log."""
        file = self.folder / "mail.log"
        return file.read_text(errors="replace") if file.exists() else ""


@contextlib.contextmanager
def postfix(folder: Path, addresses: list[str], transports: str = "") -> Iterator[Postfix]:
    """Run Postfix with its own configuration and spool; needs root.

    Args:
        transports: Lines of a transport map, e.g. for domains that bounce everything.
    """
    tool("postfix")
    if os.geteuid() != 0:
        pytest.skip("only root can start a private Postfix")
    if not Path("/etc/postfix/main.cf").exists():
        pytest.skip("Postfix asks for a /etc/postfix/main.cf, be it empty; tests/run makes one")
    with run_postfix(folder, _configure(folder, addresses, transports)) as started:
        yield Postfix(started.port, folder)


def _configure(folder: Path, addresses: list[str], transports: str) -> str:
    """Make the Maildirs' folder and maps; return the settings that name them."""
    owner = pwd.getpwnam("nobody")
    (folder / "vmail").mkdir(parents=True)
    os.chown(folder / "vmail", owner.pw_uid, owner.pw_gid)
    for above in [folder, *folder.parents][:-1]:
        with contextlib.suppress(PermissionError):
            above.chmod(above.stat().st_mode | 0o011)  # its daemons do not run as root
    (folder / "boxes").write_text("".join(f"{a} {a.partition('@')[0]}/\n" for a in addresses))
    (folder / "transports").write_text(transports)
    return _MAIN.format(folder=folder, uid=owner.pw_uid, gid=owner.pw_gid)


_MAIN = """\
recipient_delimiter = +
transport_maps = texthash:{folder}/transports
smtpd_reject_unlisted_recipient = no
virtual_mailbox_domains = example.net, example.org
virtual_mailbox_base = {folder}/vmail
virtual_mailbox_maps = texthash:{folder}/boxes
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
smtpd_helo_required = yes
smtp_host_lookup = native
smtpd_client_connection_count_limit = 0
"""


def _until_listening(port: int) -> None:
    for _ in range(2_400):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=60):
            return
        time.sleep(0.05)
    raise TimeoutError(f"nobody listens on port {port}")
