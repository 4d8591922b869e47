"""Run heavy work of a service in child processes, which start when there is work and end with it.

The process of `digestd up` thereby stays small, and planning and delivery use every core. A child gets the settings and
its arguments as a line of JSON on standard input, and writes lines of JSON to standard output. The end of its standard
input asks it to stop: the parent has closed it, or has died. A child that dies loses nothing: what it did not finish is
still due in the database.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any

import structlog

import digestd
from digestd import app as wiring
from digestd import logs, tracing
from digestd.app import App
from digestd.digests.resource_limits import tune_gc_for_batch
from digestd.errors import DigestdError
from digestd.ranking.encoders import NONE, missing_package
from digestd.settings import Settings

DEFAULT_MOST = 4
"""Processes of a kind on a machine with more cores, as each takes memory and connections to the database."""
FAILED = 3
"""The exit status of a child that has logged why it failed."""
STOP_SECONDS = 30.0
"""Planning or delivery that has not ended so long after it was asked to is killed: longer than delivery waits for open
answers."""
CANCEL_SECONDS = 2.0
"""Time for other work, once cancelled, to give back the hosts that it holds."""
REFIT_SECONDS = 45 * 60.0
"""Time after which a refit ends between two blocks of profiles; the next one continues."""
NICENESS = 10
_ENVIRONMENT = {"MALLOC_ARENA_MAX": "1"}
"""Use one arena (mallopt(3)): with one for each thread, planning takes a tenth more memory and is no faster."""
log = structlog.get_logger(__name__)


class ChildProcesses:
    """Starts the child processes of an installation.

    `most`: how many do the same work at a time.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self.most = app.settings.processes or min(DEFAULT_MOST, len(os.sched_getaffinity(0)))

    async def run(
        self,
        name: str,
        parts: Sequence[Mapping[str, Any]],
        stop: asyncio.Event,
        heard: Callable[[dict[str, Any]], None] = lambda _line: None,
    ) -> bool:
        """Run one child for each part of some work until all have ended, and return True if all succeeded.

        Args:
            name: what they do; one of WORK.
            parts: the arguments of each.
            stop: asks them to stop.
            heard: called with each line that they write.
        """
        return all(await asyncio.gather(*(self._run(name, part, stop, heard) for part in parts)))

    async def _run(
        self, name: str, arguments: Mapping[str, Any], stop: asyncio.Event, heard: Callable[[dict[str, Any]], None]
    ) -> bool:
        try:
            child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", __name__, name),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env={**os.environ, **_ENVIRONMENT, "PYTHONPATH": _search_path()},
            )
        except OSError as error:  # no memory, or too many processes
            log.error("cannot start a process; the next tick tries again", work=name, why=error.strerror)
            return False
        assert child.stdin is not None  # noqa: S101  # for the type checker: both are pipes
        assert child.stdout is not None  # noqa: S101
        closing = asyncio.create_task(_close_at(stop, child.stdin))
        try:
            child.stdin.write(json.dumps([self._settings(), arguments]).encode() + b"\n")
            async for line in child.stdout:
                heard(json.loads(line))
            status = await child.wait()
        finally:
            closing.cancel()
            child.stdin.close()
            with suppress(ConnectionError):
                await child.stdin.wait_closed()
        if status not in (0, FAILED) and not stop.is_set():
            log.error("a process ended early; its work is repeated", work=name, status=status)
        return status == 0

    def _settings(self) -> dict[str, Any]:
        settings = self._app.settings.model_dump(mode="json")
        if settings["now"]:  # a clock that was set runs on
            settings["now"] = self._app.clock().isoformat()
        if missing_package(settings["embedding_model"]):  # this process has reported it
            settings["embedding_model"] = NONE
        return settings


def _search_path() -> str:
    """Return where a child finds digestd, though it runs from a checkout that is not installed."""
    return os.pathsep.join(filter(None, [str(Path(digestd.__file__).parents[1]), os.environ.get("PYTHONPATH")]))


async def _close_at(stop: asyncio.Event, pipe: asyncio.StreamWriter) -> None:
    await stop.wait()
    pipe.close()


def main() -> None:
    """Do the work that is named on the command line, as a child."""
    os.umask(0o077)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, which ends this process
    [name] = sys.argv[1:]
    given, arguments = json.loads(sys.stdin.buffer.readline())
    settings = Settings(**given)
    logs.configure(settings.log_format, settings.log_level)
    try:
        tracing.configure(settings.sentry_dsn)
        app = wiring.connect(settings)
        tune_gc_for_batch()
        asyncio.run(_run_until_stopped(WORK[name], app, arguments))
        app.db.close()
    except DigestdError as error:
        log.error(f"{name} failed", why=str(error), retry=error.retry)
        sys.exit(FAILED)
    except Exception as error:  # its text may hold personal data
        log.exception(f"{name} failed", kind=type(error).__name__)
        sys.exit(FAILED)


async def _run_until_stopped(work: Callable[..., Awaitable[None]], app: App, arguments: Mapping[str, Any]) -> None:
    """Run some work; SIGTERM and the end of standard input set its event `stop`, and cancel work that ignores it."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def stop_reading() -> None:
        loop.remove_reader(sys.stdin.fileno())
        stop.set()

    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_reader(sys.stdin.fileno(), stop_reading)  # nothing more is sent, so that it can only end
    task = asyncio.ensure_future(work(app, stop, **arguments))
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait([task, stopped], return_when=asyncio.FIRST_COMPLETED)
    if not task.done():
        if work not in _STOPPING:
            task.cancel()
        await asyncio.wait([task], timeout=STOP_SECONDS if work in _STOPPING else CANCEL_SECONDS)
    if not task.done() or task.cancelled():
        os._exit(FAILED)  # the next process continues
    await task


def _say(line: Mapping[str, Any]) -> None:
    with suppress(BrokenPipeError):  # the parent has died, which also sets `stop`
        print(json.dumps(line), flush=True)  # noqa: T201  # the parent reads it


async def _plan(app: App, stop: asyncio.Event, first: int, end: int, now: str, until: str) -> None:
    """Plan who is due among the subscribers with these row numbers; say so for each part that is ready to be sent."""
    from digestd.digests.planner import plan_keys

    planner = replace(app.planner, on_planned=lambda _session: _say({}))
    report = await asyncio.to_thread(
        plan_keys,
        app.db,
        planner,
        range(first, end),
        datetime.fromisoformat(now),
        until=datetime.fromisoformat(until),
        should_continue=lambda: not stop.is_set(),
    )
    _say(asdict(report))


async def _deliver(app: App, stop: asyncio.Event) -> None:
    from digestd.jobs.worker import deliver_ready

    await deliver_ready(app, stop, app.new_owner())


async def _ingest(app: App, _stop: asyncio.Event) -> None:
    from digestd.jobs.chores import read_sources

    await read_sources(app, app.sources)


async def _refit(app: App, _stop: asyncio.Event) -> None:
    """Refit the text model and compile profiles, at low priority, if it is due."""
    from digestd.digests.refit import is_due, prepare

    until = monotonic() + REFIT_SECONDS
    if is_due(app.db, app.encoder, app.clock()):
        os.nice(NICENESS)
        await asyncio.to_thread(prepare, app.db, app.encoder, app.clock(), lambda: monotonic() < until)
        log.info("text model and profiles prepared")


async def _judge(app: App, stop: asyncio.Event) -> None:
    """Have the language model judge papers for those who are due soon."""
    from digestd.digests.judging import AHEAD, RUN_SECONDS, judge_due
    from digestd.digests.planning_day import read_planning_day
    from digestd.store.ranking import judgments

    now, judge = app.clock(), app.judge
    with app.db.read() as session:
        is_any = judge is not None and judgments.due_topics(session, now, now + AHEAD, 1)
    if judge is not None and is_any:
        os.nice(NICENESS)
        day = await asyncio.to_thread(read_planning_day, app.db, now, replace(app.ranking, judged=False))
        await asyncio.to_thread(
            judge_due, app.db, judge, day, now + AHEAD, RUN_SECONDS, should_continue=lambda: not stop.is_set()
        )


WORK: Mapping[str, Callable[..., Awaitable[None]]] = {
    "planning": _plan,
    "delivery": _deliver,
    "ingest": _ingest,
    "refit": _refit,
    "judging": _judge,
}
"""The work of a child, by the name that the parent gives it."""
_STOPPING = (_plan, _deliver)
"""Work that ends by itself when it is asked to stop."""


if __name__ == "__main__":
    main()
