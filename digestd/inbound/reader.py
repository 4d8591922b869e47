"""Mails are read in a process of their own, so that no stranger's bytes are parsed beside our secrets.

One child, started when the first mail is there, and a new one after one that had to be ended: a mail
that takes too much time or memory costs that child, and is for a person to look at.
"""

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Lock, Timer
from typing import Any, BinaryIO, cast

import digestd
from digestd import confinement
from digestd.bounces.finding import Finding, Reading
from digestd.bounces.mail import Unreadable
from digestd.commands import Authentication, Letter
from digestd.domain.bounce import BounceKind
from digestd.inbound import confined

CPU_SECONDS = 10
SECONDS = 60.0
MEMORY = 512_000_000
ANSWER_MAX = 1_000_000


class Reader:
    """Reads one mail at a time, whoever asks; `close` it at the end."""

    def __init__(self, memory: int = MEMORY, seconds: float = SECONDS) -> None:
        self._memory = memory
        self._seconds = seconds
        self._turn = Lock()
        self._child: subprocess.Popen[bytes] | None = None

    def __call__(self, raw: bytes, sent_to: tuple[str, ...] = ()) -> tuple[Reading, Letter]:
        """What `commands.read` makes of a mail. Raises Unreadable where it makes nothing."""
        with self._turn:
            child = self._child or self._start()
            watch = Timer(self._seconds, child.kill)
            watch.start()
            try:
                answer = _exchange(child, raw, sent_to)
            finally:
                watch.cancel()
            if answer is None:
                self._end()
                raise Unreadable("reading the mail took too much time or memory")
            try:
                return _answered(json.loads(answer))
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
                self._end()  # what makes no sense may be anything: it is not asked again
                raise Unreadable("what reads mails makes no sense") from error

    def close(self) -> None:
        """End the child."""
        with self._turn:
            self._end()

    def _start(self) -> subprocess.Popen[bytes]:
        """A child with nothing of ours in its environment."""
        root = Path(digestd.__file__).parents[1]
        self._child = subprocess.Popen(  # noqa: S603  # our own interpreter and file
            [sys.executable, "-I", confined.__file__, str(root), str(CPU_SECONDS), str(self._memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
        )
        return self._child

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for stream in (child.stdin, child.stdout):
            with suppress(OSError):
                cast(BinaryIO, stream).close()


def _exchange(child: "subprocess.Popen[bytes]", raw: bytes, sent_to: tuple[str, ...]) -> bytes | None:
    """The child's answer; None where it died."""
    told, heard = cast(BinaryIO, child.stdin), cast(BinaryIO, child.stdout)
    try:
        for message in (json.dumps(sent_to).encode(), raw):
            confinement.send(told, message)
        return confinement.receive(heard, ANSWER_MAX)
    except OSError:
        return None


def _answered(said: dict[str, Any]) -> tuple[Reading, Letter]:
    """What confined.py sent. Raises Unreadable for a mail that could not be read."""
    if "failed" in said:
        raise Unreadable(f"the mail cannot be taken apart ({str(said['failed'])[:100]})")
    letter = said["letter"]
    return _reading(said["reading"]), Letter(
        sender=str(letter["sender"]),
        subject=str(letter["subject"]),
        lines=_words(letter["lines"]),
        automatic=bool(letter["automatic"]),
        id=str(letter["id"]),
        recipients=_words(letter["recipients"]),
        authentication=Authentication(**{name: str(said) for name, said in letter["authentication"].items()}),
    )


def _reading(said: dict[str, Any]) -> Reading:
    finding = said["finding"]
    return Reading(
        finding=None if finding is None else _finding(finding),
        via=str(said["via"])[:12],
        envelopes=_words(said["envelopes"]),
        message_ids=_words(said["message_ids"]),
    )


def _finding(said: dict[str, Any]) -> Finding:
    kind = None if said["kind"] is None else BounceKind(said["kind"])
    return Finding(kind, str(said["status"])[:12], _words(said["envelopes"]))


def _words(given: list[Any]) -> tuple[str, ...]:
    return tuple(str(word) for word in given)
