"""A running `digestd up`: start and end it, and read from /proc what it uses."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from digestd.evaluation.bench.smtp_sink import TICKS

START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class RunningService:
    """A service: its process, and the port of its pages."""

    process: int
    port: int

    def tree(self) -> list[int]:
        """Return its process and all below it."""
        return _tree(self.process)

    def cpu(self) -> float:
        """Return the CPU seconds of its processes, those that have ended included."""
        return sum(_cpu(process) for process in self.tree())

    def wakeups(self) -> int:
        """Return how often the threads of its processes have waited for something."""
        files = [file for process in self.tree() for file in Path(f"/proc/{process}/task").glob("*/status")]
        return sum(_field(file, "voluntary_ctxt_switches") for file in files)

    def memory(self, field: str = "VmRSS") -> dict[int, float]:
        """Return a memory figure of proc_pid_status(5) of each of its processes, in MiB."""
        return {process: _field(Path(f"/proc/{process}/status"), field) / 1024 for process in self.tree()}


@contextlib.contextmanager
def run_service(environment: Mapping[str, str], folder: Path) -> Iterator[RunningService]:
    """Run `digestd up` until the end of the block.

    Raises:
        TimeoutError: its pages do not answer.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    everything = {**os.environ, **environment, "DIGESTD_WEB_PORT": str(port), "DIGESTD_LOG_LEVEL": "warning"}
    command = [sys.executable, "-m", "digestd", "up"]
    process = subprocess.Popen(command, env=everything, cwd=folder)  # noqa: S603  # our own words
    try:
        _wait_until_answers(port)
        yield RunningService(process.pid, port)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _wait_until_answers(port: int) -> None:
    begun = time.monotonic()
    while time.monotonic() < begun + START_SECONDS:
        with contextlib.suppress(OSError), urlopen(f"http://127.0.0.1:{port}/healthz"):
            return
        time.sleep(0.1)
    raise TimeoutError("the service did not start; see its output above")


def _tree(process: int) -> list[int]:
    found = [process]
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in task.read_text(encoding="ascii").split():
                found += _tree(int(child))
    return found


def _cpu(process: int) -> float:
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / TICKS
    return 0.0


def _field(status: Path, field: str) -> int:
    with contextlib.suppress(OSError):
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1])
    return 0
