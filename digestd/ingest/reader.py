"""Read answers in a process of their own, so that no stranger's bytes are parsed beside our secrets.

One child a run, started when the first answer is there to be read, and a new one after one that had
to be ended. What it may use is limited by the kernel (setrlimit(2)); what it says comes back as JSON.
"""

import asyncio
import json
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, cast

import digestd
from digestd import confinement
from digestd.domain.paper import PaperId, Sighting, Words
from digestd.errors import SourceAway, SourceFailed
from digestd.ingest import confined
from digestd.sources import Page, Reject
from digestd.sources.source import Parser

WHY_MAX = 500
LAST_WORDS = 60_000
"""Bytes that a process may say of its end; a pipe holds no more without a reader."""
DYING = 0.5
"""Seconds a process may take to be gone after its output has ended."""


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """What reading one answer may take: processor seconds, memory in bytes, seconds, bytes of the result."""

    cpu: int = 10
    memory: int = 512_000_000
    seconds: float = 60.0
    result: int = 200_000_000


class Reader:
    """`async with Reader() as reader`: reads one answer at a time."""

    def __init__(self, limits: ReadingLimits | None = None) -> None:
        self._limits = limits or ReadingLimits()
        self._turn = asyncio.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._knows: Parser | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    async def read(self, source: Parser, body: bytes, cursor: str | None) -> Page:
        """The page that `source.parse` makes of an answer. Raises SourceFailed, one line, when it makes none."""
        async with self._turn:
            reading = asyncio.ensure_future(asyncio.to_thread(self._exchange, source, body, cursor))
            is_late = False
            try:
                await asyncio.wait({reading}, timeout=self._limits.seconds)
            finally:
                if is_late := not reading.done():  # or nobody waits for it any more
                    self._kill()
                    await asyncio.wait({reading})
                    reading.exception()
            if is_late:
                why = f"took more than {self._limits.seconds:g} s"
                raise SourceAway(f"reading the answer {why}")
            return reading.result()

    def _exchange(self, source: Parser, body: bytes, cursor: str | None) -> Page:
        child = self._child or self._start()
        packed = b"" if source is self._knows else pickle.dumps(source)
        self._knows = source
        told, heard = cast(BinaryIO, child.stdin), cast(BinaryIO, child.stdout)
        frame = texts = None
        with suppress(OSError):  # it died while it was told
            for message in (packed, json.dumps(cursor).encode(), body):
                confinement.send(told, message)
            frame, texts = (confinement.receive(heard, self._limits.result) for _ in range(2))
        if frame is None or texts is None:
            raise SourceAway(self._died(child))
        return self._understood(frame, texts)

    def _understood(self, frame: bytes, texts: bytes) -> Page:
        """What is no page may be anything, so the process that said it is not asked again."""
        try:
            found = json.loads(frame)
            if isinstance(found, dict):
                why = str(found["failed"])
            else:
                return _page(found, texts)
        except (ValueError, TypeError, KeyError, StopIteration, RecursionError) as error:
            self._end()
            raise SourceAway("what reads answers makes no sense") from error
        raise SourceFailed(why[:WHY_MAX])

    def _start(self) -> subprocess.Popen[bytes]:
        """A child with nothing of ours in its environment."""
        root = Path(digestd.__file__).parents[1]
        self._knows = None
        self._child = subprocess.Popen(  # noqa: S603  # our own interpreter and file
            [sys.executable, "-I", confined.__file__, str(root), str(self._limits.cpu), str(self._limits.memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"MALLOC_TRIM_THRESHOLD_": "100000000", "MALLOC_MMAP_THRESHOLD_": "100000000"},
        )
        return self._child

    def _died(self, child: subprocess.Popen[bytes]) -> str:
        """Why it did, as far as can be told. One that only closed its output, or says too much, is ended here."""
        with suppress(subprocess.TimeoutExpired):
            child.wait(DYING)
        child.kill()
        last = cast(BinaryIO, child.stderr).read(LAST_WORDS).decode(errors="replace").split("\n")[-2:-1]
        self._end()
        code = child.returncode
        if code == -signal.SIGXCPU:
            why = f"took more than {self._limits.cpu} s of processor time"
        elif code == confinement.OUT_OF_MEMORY:
            why = f"took more than {self._limits.memory // 1_000_000} MB of memory"
        elif code == -signal.SIGKILL:
            why = f"was ended from outside, or says more than {self._limits.result // 1_000_000} MB"
        else:
            name = signal.Signals(-code).name if code < 0 else f"status {code}"
            why = f"ended the process that did it ({': '.join([name, *(line[:100] for line in last)])})"
        return f"reading the answer {why}; nothing of it was taken"

    def _kill(self) -> None:
        """Whoever waits for it goes on then."""
        if self._child is not None:
            self._child.kill()

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for stream in (child.stdin, child.stdout, child.stderr):
            with suppress(OSError):
                cast(BinaryIO, stream).close()


def _page(frame: list[Any], texts: bytes) -> Page:
    """The page as confined.py sent it. Raises ValueError or TypeError where it is none."""
    rest, lengths, rejects, after, total, day = frame
    words = _cut(texts.decode("utf-8", "surrogatepass"), lengths)
    return Page(
        tuple([_sighting(next(words), next(words), *values) for values in rest]),
        after,
        tuple([Reject(*values) for values in rejects]),
        total,
        date.fromisoformat(day) if day else None,
    )


def _cut(joined: str, lengths: Iterable[int]) -> Iterator[str]:
    start = 0
    for length in lengths:
        yield joined[start : start + length]
        start += length


def _sighting(  # noqa: PLR0913  # a sighting's fields, in the order in which confined.py lists them
    title: str,
    abstract: str,
    ids: list[str],
    authors: list[str],
    categories: list[str],
    published: str | None,
    version: int | None,
    announced: str,
    url: str | None,
    links: dict[str, str],
    signals: dict[str, float],
    day: str | None,
    withdrawn: bool,
) -> Sighting:
    return Sighting(
        tuple(map(PaperId, ids)),
        Words(title, abstract, tuple(authors), tuple(categories)),
        datetime.fromisoformat(published) if published else None,
        version,
        announced,
        url,
        links,
        signals,
        date.fromisoformat(day) if day else None,
        withdrawn,
    )
