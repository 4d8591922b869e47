"""The child processes of `digestd up`: plan, deliver, ingest or refit the text model, then end."""

import asyncio
import json
import os
import pickle
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import datetime
from threading import Timer
from time import monotonic
from typing import Any

import structlog

from digestd import app as wiring
from digestd import logs, tracing
from digestd.app import App
from digestd.digests.resource_limits import tune_gc_for_batch
from digestd.errors import DigestdError
from digestd.jobs.child_processes import FAILED, ChildWork

STOP_SECONDS = 30.0
"""A child that has not ended so long after it was asked to is killed: longer than delivery waits for open answers."""
REFIT_SECONDS = 45 * 60.0
"""Time after which a refit ends between two blocks of profiles; the next one continues."""
NICENESS = 10
log = structlog.get_logger(__name__)


def main() -> None:
    """Do the work that is described on standard input."""
    os.umask(0o077)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, which ends this process
    work: ChildWork = pickle.load(sys.stdin.buffer)  # noqa: S301  # from the parent alone
    logs.configure(work.settings.log_format, work.settings.log_level)
    try:
        tracing.configure(work.settings.sentry_dsn)
        app = wiring.connect(work.settings)
        run = WORK[work.name](app, **work.arguments)
        tune_gc_for_batch()
        asyncio.run(_run(run))
        app.db.close()
    except DigestdError as error:
        log.error(f"{work.name} failed", why=str(error), retry=error.retry)
        sys.exit(FAILED)
    except Exception as error:  # its text may hold personal data
        log.exception(f"{work.name} failed", kind=type(error).__name__)
        sys.exit(FAILED)


async def _run(work: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run some work with an event that SIGTERM and the end of standard input set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_reader(sys.stdin.fileno(), stop.set)  # nothing more is sent, so that it can only end
    kill = asyncio.create_task(_kill_after(stop))
    await work(stop)
    kill.cancel()


async def _kill_after(stop: asyncio.Event) -> None:
    await stop.wait()
    asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
    timer = Timer(STOP_SECONDS, os._exit, [FAILED])
    timer.daemon = True
    timer.start()


def _say(line: Mapping[str, Any]) -> None:
    with suppress(BrokenPipeError):  # the parent has died, which also sets `stop`
        print(json.dumps(line), flush=True)  # noqa: T201  # the parent reads it


def _plan(app: App, keys: range, now: datetime) -> Callable[[asyncio.Event], Awaitable[None]]:
    """Plan who is due among the subscribers with these row numbers; say so for each part that is ready to be sent."""
    from digestd.digests.planner import plan_keys

    async def work(stop: asyncio.Event) -> None:
        planner = replace(app.planner, on_planned=lambda _session: _say({}))
        report = await asyncio.to_thread(
            plan_keys, app.db, planner, keys, now, should_continue=lambda: not stop.is_set()
        )
        _say(asdict(report))

    return work


def _deliver(app: App) -> Callable[[asyncio.Event], Awaitable[None]]:
    """Send until nothing is ready, next to other processes that do the same."""
    from digestd.jobs.worker import deliver_ready

    return lambda stop: deliver_ready(app, stop, app.new_owner())


def _ingest(app: App) -> Callable[[asyncio.Event], Awaitable[None]]:
    """Fetch new papers from every source, and encode them."""
    from digestd.papers.embedding import embed_papers
    from digestd.papers.ingest import ingest

    async def fetch() -> None:
        report = await ingest(app.db, app.sources, app.client, app.clock)
        for source in report.sources:
            log.info("ingested", **source.counts)

    async def work(stop: asyncio.Event) -> None:
        fetching, stopped = asyncio.create_task(fetch()), asyncio.create_task(stop.wait())
        await asyncio.wait([fetching, stopped], return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            fetching.cancel()
            return
        await fetching
        if count := await asyncio.to_thread(embed_papers, app.db, app.encoder, lambda: not stop.is_set()):
            log.info("embedded papers", papers=count)

    return work


def _refit(app: App) -> Callable[[asyncio.Event], Awaitable[None]]:
    """Refit the text model and compile profiles, at low priority, if it is due."""
    from digestd.digests.refit import is_due, prepare

    def refit() -> None:
        until = monotonic() + REFIT_SECONDS
        if is_due(app.db, app.encoder, app.clock()):
            os.nice(NICENESS)
            prepare(app.db, app.encoder, app.clock(), lambda: monotonic() < until)
            log.info("text model and profiles prepared")

    async def work(stop: asyncio.Event) -> None:
        refitting, stopped = asyncio.create_task(asyncio.to_thread(refit)), asyncio.create_task(stop.wait())
        await asyncio.wait([refitting, stopped], return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            os._exit(FAILED)  # fitting cannot be interrupted, and the next process continues
        await refitting

    return work


WORK: Mapping[str, Callable[..., Callable[[asyncio.Event], Awaitable[None]]]] = {
    "planning": _plan,
    "delivery": _deliver,
    "ingest": _ingest,
    "refit": _refit,
}
"""The work of a child, by the name that the parent gives it."""
