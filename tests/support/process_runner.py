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
from tests.support.command_process import CALLS, CONTEXT, ProcessResult, most_calls, wait_until_traced

Job = Callable[[App], None]
"""A job; a function of a module, because it is pickled by name for the forking process."""
UNEXPECTED_ERROR = 70
"""The exit code of a run that ended with an unexpected exception."""
BUILD_SECONDS = 60
WAIT_SECONDS = 120


@dataclass(frozen=True)
class InjectedFault:
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


class ProcessRunner:
    """A process that forks runs of one installation."""

    def __init__(self, pipe: Connection, folder: Path) -> None:
        self._pipe = pipe
        self._folder = folder

    def warm_up(self, job: Job) -> None:
        """Do a job once in the forking process, so that no run pays for one-time work."""
        self._ask("warm_up", job)

    def fork(self, job: Job) -> "ForkedRun":
        """Fork a run that waits for `go`."""
        output = self._folder / f"output.{os.urandom(4).hex()}"
        return ForkedRun(self, int(str(self._ask("fork", (job, output)))), output)

    def run(self, job: Job) -> ProcessResult:
        """Run a job to its end without a fault."""
        child = self.fork(job)
        child.go()
        return child.end()

    def run_with_fault(self, job: Job, fault: InjectedFault) -> tuple[ProcessResult, bool]:
        """Run a job with a fault; return its end, and True if the fault took effect."""
        log = self._folder / "fault.log"
        ended = self.run_traced(job, ["-e", f"trace={fault.call}", "-e", fault.rule, "-o", str(log)])
        return ended, ended.killed or "(INJECTED)" in log.read_text(errors="replace")

    def count_calls(self, job: Job, calls: tuple[str, ...] = CALLS) -> Counter[str]:
        """Run without faults; return the most calls of each kind in one thread."""
        log = self._folder / "calls.log"
        ended = self.run_traced(job, ["-e", f"trace={','.join(calls)}", "-o", str(log)])
        assert ended.code == 0, ended.output
        return most_calls(log, calls)

    def run_traced(self, job: Job, options: list[str]) -> ProcessResult:
        """Run a job under strace."""
        child = self.fork(job)
        command = ["strace", "-f", "-qq", *options, "-p", str(child.pid)]
        tracer = subprocess.Popen(command, stderr=subprocess.PIPE)
        wait_until_traced(child.pid, tracer)
        child.go()
        ended = child.end()
        tracer.communicate(timeout=WAIT_SECONDS)
        return ended

    def _ask(self, verb: str, words: object) -> object:
        self._pipe.send((verb, words))
        if not self._pipe.poll(WAIT_SECONDS + BUILD_SECONDS):
            raise TimeoutError(f"no answer to {verb}")
        answer = self._pipe.recv()
        if isinstance(answer, _Failure):
            raise RuntimeError(answer.output)
        return answer


@dataclass(frozen=True)
class ForkedRun:
    """A forked run of a job."""

    runner: ProcessRunner
    pid: int
    output: Path

    def go(self) -> None:
        """Let the run begin."""
        self.runner._ask("go", self.pid)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal. The process is not reaped yet, so its number cannot be reused."""
        os.kill(self.pid, number)

    def end(self) -> ProcessResult:
        """Wait for the end of the run."""
        code = self.runner._ask("reap", self.pid)
        output = self.output.read_text() if self.output.exists() else ""
        self.output.unlink(missing_ok=True)
        if code is None:
            raise TimeoutError(f"still running after {WAIT_SECONDS} s; output: {output}")
        return ProcessResult(int(str(code)), output)


@contextlib.contextmanager
def start_process_runner(
    environment: Mapping[str, str], folder: Path, mutate: Callable[[], None] | None = None
) -> Iterator[ProcessRunner]:
    """Start a forking process.

    Args:
        environment: Settings of the installation.
        folder: For logs and output.
        mutate: Called first in the forking process, to change its code.
    """
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=_serve, args=(dict(environment), theirs, mutate), daemon=True)
    process.start()
    theirs.close()
    made = ProcessRunner(ours, folder)
    try:
        made._ask("hello", None)
        yield made
    finally:
        ours.close()
        process.join(10)
        if process.is_alive():
            process.kill()


@dataclass(frozen=True)
class _Failure:
    output: str


def _serve(environment: Mapping[str, str], pipe: Connection, mutate: Callable[[], None] | None) -> None:
    from digestd import app as wiring  # noqa: PLC0415  # loaded in the fork server only

    for name in [name for name in os.environ if name.startswith("DIGESTD_")]:
        del os.environ[name]
    os.environ.update(environment)
    if mutate is not None:
        mutate()
    app = wiring.build()
    app.db.close()
    pipes: dict[int, int] = {}
    with contextlib.suppress(EOFError):
        while True:
            verb, words = pipe.recv()
            try:
                pipe.send(_answer(app, pipes, verb, words))
            except Exception:
                pipe.send(_Failure(traceback.format_exc()))


def _answer(app: App, pipes: dict[int, int], verb: str, words: Any) -> object:
    match verb, words:
        case "warm_up", job:
            job(app)
            app.db.close()  # an open file would overwrite a restored snapshot
        case "fork", (job, output):
            return _fork(app, pipes, job, output)
        case "go", int(pid):
            os.write(pipes[pid], b"!")
        case "reap", int(pid):
            os.close(pipes.pop(pid))
            return _wait(pid)
    return None


def _fork(app: App, pipes: dict[int, int], job: Job, output: Path) -> int:
    waiting, gate = os.pipe()
    pid = os.fork()
    if pid:
        os.close(waiting)
        pipes[pid] = gate
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
        code = UNEXPECTED_ERROR
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _wait(pid: int) -> int | None:
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
