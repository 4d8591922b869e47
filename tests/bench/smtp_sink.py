"""A relay that accepts and discards every mail, and a sender that reaches the speed limit of the protocol.

They are smtp-sink and smtp-source of Postfix. Where these are missing, and for a relay that answers late, the built-in
sink (`sink_server`) is used.
"""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.subprocesses import cpu_seconds, wait_for

_PATH = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin"
_COUNTED = re.compile(r"mesg=(\d+)")
_TIMED = re.compile(r"(?:mesg=(\d+)|connection) at=([\d.]+)")
MOST_SESSIONS = 1_000
"""Sessions that a sink accepts if nothing else is asked for."""


@dataclass(frozen=True, slots=True)
class SinkAnswers:
    """The way in which the built-in sink answers.

    Attributes:
        latency: Seconds between a command and its answer.
        connections: The maximum number of connections; further ones are refused.
        pipelining: Whether it offers PIPELINING (RFC 2920).
    """

    latency: float = 0.0
    connections: int = MOST_SESSIONS
    pipelining: bool = True

    @property
    def allowed(self) -> float | None:
        """Return the mails per second that the relay allows; None if it is as fast as its CPU.

        Over each connection one mail per answer if it pipelines, as the next envelope is sent with the final dot;
        otherwise one per four answers: MAIL, RCPT, DATA and the final dot.
        """
        return self.connections / (self.latency * (1 if self.pipelining else 4)) if self.latency else None


@dataclass(frozen=True, slots=True)
class Sink:
    """A running relay; `kind` is "smtp-sink", "built-in" or "postfix"."""

    kind: str
    port: int
    pid: int
    log: Path

    @property
    def url(self) -> str:
        """Return its address as a transport URL."""
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def count(self) -> int:
        """Return the number of mails that it has accepted."""
        log = self.log.read_text(errors="replace") if self.log.exists() else ""
        if self.kind == "postfix":
            return log.count(" message-id=")
        found = _COUNTED.findall(log)
        return int(found[-1]) if found else 0

    def times(self, after: int) -> list[float]:
        """Return when the first connection was opened after so many mails, and when each later mail was accepted.

        In seconds; only of the built-in sink.
        """
        events = [(int(number or 0), float(at)) for number, at in _TIMED.findall(self.log.read_text())]
        numbers = [number for number, _ in events]
        later = events[numbers.index(after) + 1 if after else 0 :]
        opened = [at for number, at in later if not number]
        return [*opened[:1], *(at for number, at in later if number)]

    @property
    def cpu(self) -> float:
        """Return the CPU seconds that it and its processes have used."""
        return cpu_seconds(self.pid)


def find_program(name: str) -> str | None:
    """Return the path of one of Postfix's programs; None if it is not installed."""
    return shutil.which(name, path=_PATH)


@contextlib.contextmanager
def run_sink(folder: Path, answers: SinkAnswers | None = None) -> Iterator[Sink]:
    """Run a sink on a free port of 127.0.0.1 until the end of the block; the built-in one to answer in a given way."""
    port, log = free_port(), folder / "sink.log"
    program = find_program("smtp-sink") if answers is None else None
    as_nobody = ["-u", "nobody"] if os.geteuid() == 0 else []
    listen = [*as_nobody, "-c", f"127.0.0.1:{port}", f"{MOST_SESSIONS}"]
    command = [program, *listen] if program else _builtin_command(port, answers or SinkAnswers())
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
        try:
            wait_until_listening(port)
            yield Sink("smtp-sink" if program else "built-in", port, process.pid, log)
        finally:
            process.terminate()
            process.wait(10)


def run_smtp_source(to: Sink, mail: Path, count: int, sessions: int = 16) -> tuple[float, float]:
    """Send mails with smtp-source; return wall-clock and CPU seconds."""
    program = find_program("smtp-source")
    if program is None:
        raise FileNotFoundError("smtp-source")
    command = [program, "-4", "-s", f"{sessions}", "-d", "-F", str(mail), "-m", str(count), f"127.0.0.1:{to.port}"]
    began = time.perf_counter()
    cpu = wait_for(subprocess.Popen(command))
    return time.perf_counter() - began, cpu


def _builtin_command(port: int, answers: SinkAnswers) -> list[str]:
    latency = ["--latency", f"{answers.latency * 1_000}", "--connections", f"{answers.connections}"]
    pipelining = [] if answers.pipelining else ["--no-pipelining"]
    return [sys.executable, "-m", "tests.bench.sink_server", f"{port}", *latency, *pipelining]


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_listening(port: int) -> None:
    """Wait until something listens on a port of 127.0.0.1.

    Raises:
        TimeoutError: Nothing does after some seconds.
    """
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")
