"""A private Postfix on a free port of 127.0.0.1, with its own configuration and spool."""

import contextlib
import os
import pwd
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from digestd.errors import BadInput
from tests.bench.smtp_sink import Sink, find_program, free_port, wait_until_listening

STARTS = 4
"""Postfix may be late on a busy machine, or its port taken."""
DISCARD = """\
default_transport = discard
relay_transport = discard
"""
"""Settings with which it accepts and then discards every mail."""


@contextlib.contextmanager
def run_postfix(folder: Path, settings: str = DISCARD) -> Iterator[Sink]:
    """Run Postfix until the end of the block.

    Args:
        folder: A folder for everything that Postfix keeps. Other users must be able to enter those above it.
        settings: Further lines of its main.cf.

    Raises:
        BadInput: Postfix is not installed, or this user may not start it.
        RuntimeError: It did not start.
    """
    program = find_program("postfix")
    if program is None or os.geteuid() != 0 or not Path("/etc/postfix/main.cf").exists():
        raise BadInput("--relay postfix: needs Postfix installed with a /etc/postfix/main.cf, and root to start it")
    for made in (folder, folder / "spool", folder / "data"):
        made.mkdir(parents=True, exist_ok=True)
        made.chmod(0o755)  # its daemons are other users, and the umask may be strict
    os.chown(folder / "data", pwd.getpwnam("postfix").pw_uid, -1)
    (folder / "main.cf").write_text(_MAIN.format(folder=folder) + settings)
    command = [program, "-c", str(folder)]
    try:
        yield _start(command, folder)
    finally:
        subprocess.run(
            [*command, "stop"], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60
        )


def _start(command: list[str], folder: Path) -> Sink:
    said = ""
    for _ in range(STARTS):
        port = free_port()
        _write_services(folder, port)
        started = subprocess.run([*command, "start"], check=False, capture_output=True, text=True, umask=0o022)
        if started.returncode == 0:
            wait_until_listening(port)
            pid = int((folder / "spool" / "pid" / "master.pid").read_text())
            return Sink("postfix", port, pid, folder / "mail.log")
        said = started.stderr
        subprocess.run(
            [*command, "stop"], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60
        )
        time.sleep(2)
    raise RuntimeError(f"Postfix did not start: {said}")


def _write_services(folder: Path, port: int) -> None:
    packaged = Path("/etc/postfix/master.cf")
    packaged = packaged if packaged.exists() else Path("/usr/share/postfix/master.cf.dist")
    (folder / "master.cf").write_text("".join(_service(line, port) for line in packaged.open()))


def _service(line: str, port: int) -> str:
    """Return a line of master.cf without chroot, and with smtpd on our port."""
    fields = line.split()
    if line[:1] in {"#", " ", "\n"} or len(fields) < 8:  # the columns of a service
        return line
    if fields[0] == "smtp" and fields[1] == "inet":
        fields[0] = f"127.0.0.1:{port}"
    fields[4] = "n"
    return " ".join(fields) + "\n"


_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
myhostname = mx.example.net
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination
disable_dns_lookups = yes
"""
