"""Run programs as subprocesses and measure the resources they use."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.02
"""Time between two measurements of a running process."""


@dataclass(frozen=True, slots=True)
class ResourceUsage:
    """Wall-clock seconds, CPU seconds, and the peak memory of the largest process."""

    seconds: float
    cpu: float
    rss_mib: float

    def per_item(self, idle: "ResourceUsage", count: int) -> tuple[float, float]:
        """Return wall-clock and CPU seconds per item without the start-up cost `idle`."""
        return (self.seconds - idle.seconds) / count, (self.cpu - idle.cpu) / count


def run_commands(commands: Sequence[Sequence[str]], environment: Mapping[str, str]) -> ResourceUsage:
    """Run digestd commands concurrently until all have ended.

    Raises:
        RuntimeError: a command failed.
    """
    return run_programs([[sys.executable, "-m", "digestd", *words, "--json"] for words in commands], environment)


def run_programs(programs: Sequence[Sequence[str]], environment: Mapping[str, str]) -> ResourceUsage:
    """Run programs concurrently until all have ended.

    Raises:
        RuntimeError: a program failed.
    """
    began, cpu, rss = time.perf_counter(), 0.0, 0.0
    running = [_start(program, environment) for program in programs]
    while any(process.returncode is None for process in running):
        for process in running:
            if process.returncode is None:
                rss = max(rss, _peak_memory(process.pid))
                pid, status, usage = os.wait4(process.pid, os.WNOHANG)
                if pid:
                    process.returncode = os.waitstatus_to_exitcode(status)
                    cpu += usage.ru_utime + usage.ru_stime
        time.sleep(POLL_SECONDS)
    if any(process.returncode for process in running):
        raise RuntimeError(f"{' '.join(programs[0])} failed; see its output above")
    return ResourceUsage(time.perf_counter() - began, cpu, rss)


def _peak_memory(pid: int) -> float:
    """Return the peak memory of a running process in MiB.

    `wait4` cannot be used: its figure includes the process that was forked.
    """
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def _start(program: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    everything = {**os.environ, **environment}
    return subprocess.Popen(program, env=everything, stdout=subprocess.DEVNULL)  # noqa: S603  # our own words
