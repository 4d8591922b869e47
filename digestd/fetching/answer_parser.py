"""Parse answers in a separate process.

This way, untrusted bytes are not parsed next to the service's secrets.

Each source has its own parser process, started at its first answer: an attacker who takes one over through a feed
must not answer for arXiv next. A process that had to be killed is replaced. `digestd.security.confinement` limits
what it may do; `page_validation` checks its answers.
"""

import asyncio
import json
import pickle
import re
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO, Self, cast

from digestd.errors import SourceFailed, SourceUnavailable
from digestd.fetching import page_validation, parser_main
from digestd.security.confinement import OUT_OF_MEMORY
from digestd.security.parser_process import ParserProcess
from digestd.sources.source import Page, Parser

_MALLOC = {"MALLOC_TRIM_THRESHOLD_": "100000000", "MALLOC_MMAP_THRESHOLD_": "100000000"}
"""Keep memory between answers instead of returning it to the kernel each time."""
LAST_WORDS = 60_000
"""Bytes that a process may say of its end; a pipe holds no more without a reader."""
_COUNT = re.compile(rb"\d{1,9}")
"""A message before the page: how many records were read so far."""
DYING = 0.5
"""Seconds a process may take to be gone after its output has ended."""


@dataclass(frozen=True, slots=True)
class ParserLimits:
    """Limits of parsing one answer: CPU seconds, bytes of memory, seconds, bytes of the result."""

    cpu: int = 10
    memory: int = 512_000_000
    seconds: float = 60.0
    result: int = 200_000_000


class AnswerParser:
    """Parses one answer at a time in a confined process: `async with AnswerParser()`."""

    def __init__(self, limits: ParserLimits | None = None) -> None:
        self._limits = limits or ParserLimits()
        self._turn = asyncio.Lock()
        self._child: ParserProcess | None = None
        self._knows: Parser | None = None
        self._source = ""
        self._is_late = False  # or nobody waits for the answer any more

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    async def parse(
        self, source: Parser, body: bytes, cursor: str | None, note: Callable[[int], None] = lambda _count: None
    ) -> Page:
        """Return what `source.parse` makes of an answer. Raises SourceFailed, in one line, if it fails.

        `note` is called in another thread with the number of records that were read so far.
        """
        async with self._turn:
            self._is_late = False
            reading = asyncio.ensure_future(asyncio.to_thread(self._exchange, source, body, cursor, note))
            try:
                await asyncio.wait({reading}, timeout=self._limits.seconds)
            finally:
                if not reading.done():
                    self._kill()
                    await asyncio.wait({reading})
                    reading.exception()
            if self._is_late:
                why = f"took more than {self._limits.seconds:g} s"
                raise SourceUnavailable(f"reading the answer {why}")
            return reading.result()

    def _exchange(self, source: Parser, body: bytes, cursor: str | None, note: Callable[[int], None]) -> Page:
        child = self._running(getattr(source, "name", ""))
        packed = b"" if source is self._knows else pickle.dumps(source)
        self._knows = source
        if self._is_late:  # before there was a process to kill
            child.kill()
        frame = texts = None
        with suppress(OSError):  # it ended while it was written to
            child.send(packed, json.dumps(cursor).encode(), body)
            while (frame := child.receive(self._limits.result)) is not None and _COUNT.fullmatch(frame):
                note(int(frame))
            texts = child.receive(self._limits.result)
        if frame is None or texts is None:
            raise SourceUnavailable(self._died(child))
        try:
            found = page_validation.decode(frame, texts)
        except (ValueError, TypeError, RecursionError) as error:
            self._end()  # it may be under a stranger's control
            raise SourceUnavailable(
                "the parser of answers sent something else than a page; it was restarted"
            ) from error
        if isinstance(found, str):
            raise SourceFailed(found)
        return found

    def _running(self, source: str) -> ParserProcess:
        """Return the parser process of a source. Start one if there is none, or if it ended between two answers."""
        if self._child is not None and not (self._child.is_alive and self._source == source):
            self._end()
        if self._child is None:
            self._knows, self._source = None, source
            arguments = [str(self._limits.cpu), str(self._limits.memory)]
            self._child = ParserProcess(parser_main.__file__, arguments, _MALLOC, capture_stderr=True)
        return self._child

    def _died(self, child: ParserProcess) -> str:
        """Return why it ended, as far as can be known. One that only closed its output, or says too much, is ended."""
        with suppress(subprocess.TimeoutExpired):
            child.process.wait(DYING)
        child.kill()
        last = cast(BinaryIO, child.process.stderr).read(LAST_WORDS).decode(errors="replace").split("\n")[-2:-1]
        self._end()
        code = child.process.returncode
        if code == -signal.SIGXCPU:
            why = f"took more than {self._limits.cpu} s of processor time"
        elif code == OUT_OF_MEMORY:
            why = f"took more than {self._limits.memory // 1_000_000} MB of memory"
        elif code == -signal.SIGKILL:
            why = f"was ended from outside, or says more than {self._limits.result // 1_000_000} MB"
        else:
            name = signal.Signals(-code).name if code < 0 else f"status {code}"
            details = [name, *(page_validation.message(line)[:100] for line in last)]
            why = f"ended the process that did it ({': '.join(details)})"
        return f"reading the answer {why}; the response was ignored"

    def _kill(self) -> None:
        """Kill the process, also one that is just starting; whoever waits for it continues."""
        self._is_late = True
        if self._child is not None:
            self._child.kill()

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.end()
