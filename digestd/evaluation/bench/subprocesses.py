"""Commands of digestd in processes of their own, and what they spend."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.02
"""How often a running process is looked at."""


@dataclass(frozen=True, slots=True)
class ResourceUsage:
    """Seconds on the clock and of CPU, and the peak memory of the largest process."""

    seconds: float
    cpu: float
    rss_mib: float

    def per_item(self, idle: "ResourceUsage", count: int) -> tuple[float, float]:
        """Seconds on the clock and of CPU for each of `count`, without start-up."""
        return (self.seconds - idle.seconds) / count, (self.cpu - idle.cpu) / count


def run_commands(commands: Sequence[Sequence[str]], environment: Mapping[str, str]) -> ResourceUsage:
    """Run digestd commands side by side, to their ends."""
    began, cpu, rss = time.perf_counter(), 0.0, 0.0
    running = [_start([sys.executable, "-m", "digestd", *words, "--json"], environment) for words in commands]
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
        raise RuntimeError(f"digestd {' '.join(commands[0])} failed; its own words are above")
    return ResourceUsage(time.perf_counter() - began, cpu, rss)


def _peak_memory(pid: int) -> float:
    """MiB that a running process has had at most. What `wait4` tells counts what it was forked from."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def _start(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    everything = {**os.environ, **environment}
    return subprocess.Popen(command, env=everything, stdout=subprocess.DEVNULL)  # noqa: S603  # our own words
