"""Run heavy work in child processes, which are started when there is work and end with it.

The process of `digestd up` thereby stays small, and planning and delivery use every core. A child gets its work on
standard input and writes lines of JSON to standard output. The end of its standard input asks it to stop: the parent
has closed it, or has died. A child that dies loses nothing: what it did not finish is still due in the database.
"""

import asyncio
import json
import os
import pickle
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog

from digestd.app import App
from digestd.ranking.encoders import NONE, missing_package
from digestd.settings import Settings

DEFAULT_MOST = 4
"""Processes of a kind on a machine with more cores, as each takes memory and connections to the database."""
FAILED = 3
"""The exit status of a child that has logged why it failed."""
_START = "import sys; sys.path[:] = sys.argv[2:]; from digestd.jobs.child import main; main()"
_ENVIRONMENT = {"MALLOC_ARENA_MAX": "1"}
"""Use one arena (mallopt(3)): with one for each thread, planning takes a tenth more memory and is no faster."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ChildWork:
    """The work of a child process: its name (see `child.WORK`), the settings, and its arguments."""

    name: str
    settings: Settings
    arguments: Mapping[str, Any]


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
            name: what they do; one of `child.WORK`.
            parts: the arguments of each.
            stop: asks them to stop.
            heard: called with each line that they write.
        """
        return all(await asyncio.gather(*(self._run(name, part, stop, heard) for part in parts)))

    async def _run(
        self, name: str, arguments: Mapping[str, Any], stop: asyncio.Event, heard: Callable[[dict[str, Any]], None]
    ) -> bool:
        settings = self._app.settings
        changed = {"now": self._app.clock().isoformat()} if settings.now else {}  # a clock that was set runs on
        if missing_package(settings.embedding_model):  # this process has reported it
            changed["embedding_model"] = NONE
        settings = settings.model_copy(update=changed)
        try:
            child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", _START, name, *sys.path),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env={**os.environ, **_ENVIRONMENT},
            )
        except OSError as error:  # no memory, or too many processes
            log.error("cannot start a process; the next tick tries again", work=name, why=error.strerror)
            return False
        assert child.stdin is not None  # noqa: S101  # for the type checker: both are pipes
        assert child.stdout is not None  # noqa: S101
        closing = asyncio.create_task(_close_at(stop, child.stdin))
        try:
            child.stdin.write(pickle.dumps(ChildWork(name, settings, arguments)))
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


async def _close_at(stop: asyncio.Event, pipe: asyncio.StreamWriter) -> None:
    await stop.wait()
    pipe.close()
