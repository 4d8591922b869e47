"""Run digestd commands in processes forked from one that has imported everything.

The command runs as from a shell: same function, settings from the environment, own process. `run_killed_at` lets strace
kill it with SIGKILL at the nth call of a system call.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from random import Random

from tests.support.waiting import PATIENCE_SECONDS

CALLS = ("pwrite64", "fdatasync", "sendto", "recvfrom", "epoll_wait")
CONTEXT = get_context("forkserver")
"""A process has one fork server, so all tests share this context."""
CONTEXT.set_forkserver_preload(["digestd.cli", "tests.support.preloaded"])


@dataclass(frozen=True)
class ProcessResult:
    """The exit code (negative: the signal) and the output of a process."""

    code: int
    output: str

    @property
    def killed(self) -> bool:
        """Return True if SIGKILL ended the process."""
        return self.code == -signal.SIGKILL


@dataclass(frozen=True)
class Command:
    """A digestd command that is not running yet; `folder` is its working folder."""

    words: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path

    def run(self, seconds: float = PATIENCE_SECONDS) -> ProcessResult:
        """Run the command to its end."""
        return self.start().end(seconds)

    def start(self) -> "Running":
        """Start the command without waiting for its end."""
        running = self.start_waiting()
        running.go()
        return running

    def start_waiting(self) -> "Running":
        """Start a process that waits for `go`."""
        ours, theirs = CONTEXT.Pipe()
        output = self.folder / f"output.{os.urandom(4).hex()}"
        process = CONTEXT.Process(target=_run, args=(self.words, dict(self.environment), output, theirs), daemon=True)
        process.start()
        theirs.close()
        return Running(process, ours, output)

    def run_killed_at(self, call: str, nth: int) -> ProcessResult:
        """Run under strace, which kills the process at the nth call of a thread."""
        inject = ["-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={nth}"]
        return self._traced([*inject, "-o", os.devnull])

    def run_killed_after(self, seconds: float) -> ProcessResult:
        """Run and kill after `seconds`, for machines without strace."""
        running = self.start()
        running.process.join(seconds)
        running.process.kill()
        return running.end()

    def count_calls(self) -> Counter[str]:
        """Run under strace; return the maximum number of calls of each kind in one thread."""
        log = self.folder / "calls.log"
        ended = self._traced(["-e", f"trace={','.join(CALLS)}", "-o", str(log)])
        assert ended.code == 0, ended.output
        return most_calls(log, CALLS)

    def _traced(self, options: Sequence[str]) -> ProcessResult:
        running = self.start_waiting()
        pid = running.process.pid
        tracer = subprocess.Popen(
            ["strace", "-f", "-qq", "--seccomp-bpf", *options, "-p", str(pid)], stderr=subprocess.PIPE
        )
        assert pid is not None
        wait_until_traced(pid, tracer)
        running.go()
        ended = running.end()
        tracer.communicate(timeout=PATIENCE_SECONDS)
        return ended


@dataclass(frozen=True)
class Running:
    """A running process."""

    process: ForkServerProcess
    gate: Connection
    output: Path

    def go(self) -> None:
        """Let the process begin."""
        self.gate.send(None)

    def end(self, seconds: float = PATIENCE_SECONDS) -> ProcessResult:
        """Wait for the end of the process."""
        self.process.join(seconds)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
            raise TimeoutError(f"still running after {seconds} s; output: {self.output.read_text()}")
        return ProcessResult(self.process.exitcode, self.output.read_text() if self.output.exists() else "")


def can_trace() -> bool:
    """Return True if strace may trace our processes."""
    if shutil.which("strace") is None:
        return False
    probe = subprocess.run(["strace", "-f", "-qq", "-o", os.devnull, "true"], capture_output=True, check=False)
    return probe.returncode == 0 and os.geteuid() == 0


def kill_points(counted: Counter[str], most: int) -> list[tuple[str, int]]:
    """Return up to `most` points to kill at, drawn evenly from all counted calls."""
    each = [(call, nth) for call in CALLS for nth in range(1, counted[call] + 1)]
    return Random(1).sample(each, most) if len(each) > most else each


def most_calls(log: Path, calls: Sequence[str]) -> Counter[str]:
    """Return the most calls of each kind in one thread, from a strace log."""
    by_thread = Counter(
        (line.split()[0], call)
        for line in log.read_text(errors="replace").splitlines()
        for call in calls
        if f" {call}(" in line
    )
    most: Counter[str] = Counter()
    for (_, call), count in by_thread.items():
        most[call] = max(most[call], count)
    return most


def wait_until_traced(pid: int, tracer: "subprocess.Popen[bytes]") -> None:
    """Wait until strace has attached to a process."""
    status = Path(f"/proc/{pid}/status")
    for _ in range(20_000):
        if "TracerPid:\t0" not in status.read_text():
            return
        assert tracer.poll() is None, tracer.communicate()[1].decode()
        time.sleep(0.005)
    raise TimeoutError("strace did not attach")


def _run(words: Sequence[str], environment: Mapping[str, str], output: Path, gate: Connection) -> None:
    from digestd.cli import main  # noqa: PLC0415  # loaded in the fork server only

    out = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    for name in [name for name in os.environ if name.startswith("DIGESTD_")]:
        del os.environ[name]
    os.environ.update(environment)
    os.chdir(output.parent)
    sys.argv = ["digestd", *words]
    gate.recv()
    main()
