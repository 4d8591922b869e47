"""Run programs as subprocesses, and measure the resources that processes use."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
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
                # `wait4` cannot be used: its figure includes the process that was forked
                rss = max(rss, proc_field(process.pid, "status", "VmHWM") / 1024)
                pid, status, usage = os.wait4(process.pid, os.WNOHANG)
                if pid:
                    process.returncode = os.waitstatus_to_exitcode(status)
                    cpu += usage.ru_utime + usage.ru_stime
        time.sleep(POLL_SECONDS)
    if any(process.returncode for process in running):
        raise RuntimeError(f"{' '.join(programs[0])} failed; see its output above")
    return ResourceUsage(time.perf_counter() - began, cpu, rss)


def wait_for(process: subprocess.Popen[bytes]) -> float:
    """Wait for a program and return the CPU seconds that it used.

    Raises:
        RuntimeError: it failed.
    """
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


@contextlib.contextmanager
def busy_processes(count: int) -> Iterator[list[int]]:
    """Keep so many processes busy until the end of the block; yield their ids."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield [process.pid for process in running]
    finally:
        for process in running:
            process.kill()
            process.wait()


def process_tree(process: int) -> list[int]:
    """Return a process and all below it."""
    found = [process]
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{process}/task").glob("*/children"):
            found += (below for child in task.read_text().split() for below in process_tree(int(child)))
    return found


def cpu_seconds(process: int) -> float:
    """Return the CPU seconds of a process and of all below it, those that have ended included."""
    total = 0.0
    for one in process_tree(process):
        with contextlib.suppress(OSError):
            total += sum(map(int, Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()[11:15])) / TICKS
    return total


def proc_field(process: int, file: str, field: str) -> int:
    """Return a number in a file of /proc/PID (proc_pid_status(5)); 0 if the process has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/{file}").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1])
    return 0


def _start(program: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    everything = {**os.environ, **environment}
    return subprocess.Popen(program, env=everything, stdout=subprocess.DEVNULL)
