"""A running `digestd up`: start and end it, and read from /proc what it uses."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from tests.bench.smtp_sink import free_port
from tests.bench.subprocesses import cpu_seconds

START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class RunningService:
    """A service: its process, and the port of its pages."""

    process: int
    port: int

    def cpu(self) -> float:
        """Return the CPU seconds of its processes, those that have ended included."""
        return cpu_seconds(self.process)


@contextlib.contextmanager
def run_service(environment: Mapping[str, str], folder: Path, name: str = "up") -> Iterator[RunningService]:
    """Run `digestd up`, or another command with pages, until the end of the block.

    Raises:
        TimeoutError: its pages do not answer.
    """
    port = free_port()
    everything = {**os.environ, **environment, "DIGESTD_WEB_PORT": str(port), "DIGESTD_LOG_LEVEL": "warning"}
    command = [sys.executable, "-m", "digestd", name]
    process = subprocess.Popen(command, env=everything, cwd=folder)
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
