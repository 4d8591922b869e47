"""Run jobs of an installation in processes forked from a started one.

A job does what the command does after start-up: same functions, own process, own connections. strace attaches before it
begins, to kill it at a system call, to make a call fail, or to record all calls.
"""

import contextlib
import faulthandler
import os
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from digestd.app import App
from digestd.errors import DigestdError
from tests.parts.forks import CALLS, CONTEXT, Ended, counted_in, until_traced

Job = Callable[[App], None]
"""A job; a function of a module, because it is pickled by name for the forking process."""
UNFORESEEN = 70
"""The exit code of a run that ended with an unexpected exception."""
BUILD_SECONDS = 60
WAIT_SECONDS = 120


@dataclass(frozen=True)
class Blow:
    """An error or SIGKILL at the nth call of a kind, counted per thread.

    `on`: also at all later calls.
    """

    call: str
    nth: int
    error: str = ""
    on: bool = False

    @property
    def rule(self) -> str:
        """Return the strace option that injects the fault."""
        what = f"error={self.error}" if self.error else "signal=SIGKILL"
        return f"inject={self.call}:{what}:when={self.nth}{'+' * self.on}"


class Nursery:
    """A process that forks runs of one installation."""

    def __init__(self, pipe: Connection, folder: Path) -> None:
        self._pipe = pipe
        self._folder = folder

    def warm(self, job: Job) -> None:
        """Do a job once in the forking process, so that no run pays for one-time work."""
        self._ask("warm", job)

    def bear(self, job: Job) -> "Child":
        """Fork a run that waits for `go`."""
        output = self._folder / f"said.{os.urandom(4).hex()}"
        return Child(self, int(str(self._ask("bear", (job, output)))), output)

    def run(self, job: Job) -> Ended:
        """Run a job to its end without a fault."""
        child = self.bear(job)
        child.go()
        return child.end()

    def struck(self, job: Job, blow: Blow) -> tuple[Ended, bool]:
        """Run a job with a fault; return its end, and True if the fault took effect."""
        log = self._folder / "blow.log"
        ended = self.traced(job, ["-e", f"trace={blow.call}", "-e", blow.rule, "-o", str(log)])
        return ended, ended.killed or "(INJECTED)" in log.read_text(errors="replace")

    def counted(self, job: Job, calls: tuple[str, ...] = CALLS) -> Counter[str]:
        """Run without faults; return the most calls of each kind in one thread."""
        log = self._folder / "calls.log"
        ended = self.traced(job, ["-e", f"trace={','.join(calls)}", "-o", str(log)])
        assert ended.code == 0, ended.said
        return counted_in(log, calls)

    def traced(self, job: Job, options: list[str]) -> Ended:
        """Run a job under strace."""
        child = self.bear(job)
        command = ["strace", "-f", "-qq", *options, "-p", str(child.pid)]
        tracer = subprocess.Popen(command, stderr=subprocess.PIPE)
        until_traced(child.pid, tracer)
        child.go()
        ended = child.end()
        tracer.communicate(timeout=WAIT_SECONDS)
        return ended

    def _ask(self, verb: str, words: object) -> object:
        self._pipe.send((verb, words))
        if not self._pipe.poll(WAIT_SECONDS + BUILD_SECONDS):
            raise TimeoutError(f"no answer to {verb}")
        answer = self._pipe.recv()
        if isinstance(answer, _Failed):
            raise RuntimeError(answer.said)
        return answer


@dataclass(frozen=True)
class Child:
    """A forked run of a job."""

    nursery: Nursery
    pid: int
    output: Path

    def go(self) -> None:
        """Let the run begin."""
        self.nursery._ask("go", self.pid)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal. The process is not reaped yet, so its number cannot be reused."""
        os.kill(self.pid, number)

    def end(self) -> Ended:
        """Wait for the end of the run."""
        code = self.nursery._ask("reap", self.pid)
        said = self.output.read_text() if self.output.exists() else ""
        self.output.unlink(missing_ok=True)
        if code is None:
            raise TimeoutError(f"still running after {WAIT_SECONDS} s; it said: {said}")
        return Ended(int(str(code)), said)


@contextlib.contextmanager
def nursery(
    environment: Mapping[str, str], folder: Path, mutate: Callable[[], None] | None = None
) -> Iterator[Nursery]:
    """Start a forking process.

    Args:
        environment: Settings of the installation.
        folder: For logs and output.
        mutate: Called first in the forking process, to change its code.
    """
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=_tend, args=(dict(environment), theirs, mutate), daemon=True)
    process.start()
    theirs.close()
    made = Nursery(ours, folder)
    try:
        made._ask("hello", None)
        yield made
    finally:
        ours.close()
        process.join(10)
        if process.is_alive():
            process.kill()


@dataclass(frozen=True)
class _Failed:
    said: str


def _tend(environment: Mapping[str, str], pipe: Connection, mutate: Callable[[], None] | None) -> None:
    from digestd import app as wiring  # noqa: PLC0415  # loaded in the fork server only

    for name in [name for name in os.environ if name.startswith("DIGESTD_")]:
        del os.environ[name]
    os.environ.update(environment)
    if mutate is not None:
        mutate()
    app = wiring.build()
    app.db.close()
    gates: dict[int, int] = {}
    with contextlib.suppress(EOFError):
        while True:
            verb, words = pipe.recv()
            try:
                pipe.send(_answer(app, gates, verb, words))
            except Exception:
                pipe.send(_Failed(traceback.format_exc()))


def _answer(app: App, gates: dict[int, int], verb: str, words: Any) -> object:
    match verb, words:
        case "warm", job:
            job(app)
            app.db.close()  # an open file would overwrite a restored snapshot
        case "bear", (job, output):
            return _born(app, gates, job, output)
        case "go", int(pid):
            os.write(gates[pid], b"!")
        case "reap", int(pid):
            os.close(gates.pop(pid))
            return _reaped(pid)
    return None


def _born(app: App, gates: dict[int, int], job: Job, output: Path) -> int:
    waiting, gate = os.pipe()
    pid = os.fork()
    if pid:
        os.close(waiting)
        gates[pid] = gate
        return pid
    code = 1
    try:
        out = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(out, 1)
        os.dup2(out, 2)
        os.read(waiting, 1)
        faulthandler.dump_traceback_later(WAIT_SECONDS - 2)
        job(app)
        code = 0
    except DigestdError as error:
        print(f"digestd: {error}")
    except BaseException:
        traceback.print_exc()
        code = UNFORESEEN
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _reaped(pid: int) -> int | None:
    """Return the exit code, negative for a signal; None after a timeout."""
    until = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < until:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None
