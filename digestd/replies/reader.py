"""Parse incoming mails in a process of its own, so that no stranger's bytes are parsed next to the service's secrets.

One parser process, started when the first mail is there, and a new one after one that had to be ended: a mail that
takes too much time or memory costs that process, and is for a person to look at. `digestd.security.confinement`
limits what it may do. Its answers are checked here, because it has read a stranger's bytes.
"""

import json
import re
from threading import Lock, Timer
from typing import Any

from digestd.domain.bounce import BounceKind
from digestd.replies import confined
from digestd.replies.bounces.finding import Finding, Reading
from digestd.replies.bounces.formats import FORMATS
from digestd.replies.bounces.mail import Unreadable
from digestd.replies.commands.authentication import Authentication
from digestd.replies.commands.letter import Letter, is_within_limits
from digestd.security.confinement.parser_process import ParserProcess

CPU_SECONDS = 10
SECONDS = 60.0
MEMORY = 512_000_000
ANSWER_MAX = 1_000_000
_STATUS = re.compile(r"[0-9.]*", re.ASCII)


class Reader:
    """Reads one mail at a time, whoever asks; `close` it at the end."""

    def __init__(self, memory: int = MEMORY, seconds: float = SECONDS) -> None:
        self._memory = memory
        self._seconds = seconds
        self._turn = Lock()
        self._child: ParserProcess | None = None

    def __call__(self, raw: bytes, sent_to: tuple[str, ...] = ()) -> tuple[Reading, Letter]:
        """What `commands.read` makes of a mail. Raises Unreadable where it makes nothing."""
        with self._turn:
            child = self._running()
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
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                self._end()  # it may be under a stranger's control
                raise Unreadable("the parser of mails sent something else than a mail; it was restarted") from error

    def close(self) -> None:
        """End the child."""
        with self._turn:
            self._end()

    def _running(self) -> ParserProcess:
        """Return the parser process; start one if there is none, or if it ended between two mails."""
        if self._child is not None and not self._child.is_alive:
            self._end()
        if self._child is None:
            self._child = ParserProcess(confined.__file__, [str(CPU_SECONDS), str(self._memory)])
        return self._child

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.end()


def _exchange(child: ParserProcess, raw: bytes, sent_to: tuple[str, ...]) -> bytes | None:
    """Return the parser's answer; None if it ended."""
    try:
        child.send(json.dumps(sent_to).encode(), raw)
        return child.receive(ANSWER_MAX)
    except OSError:
        return None


def _answered(said: dict[str, Any]) -> tuple[Reading, Letter]:
    """Return what confined.py sent. Raises Unreadable for a mail that could not be read, ValueError or TypeError."""
    if not isinstance(said, dict):
        raise TypeError("expected an object")
    if "failed" in said:
        raise Unreadable(f"the mail cannot be taken apart ({_text(said['failed'])[:100]!a})")
    letter = said["letter"]
    found = Letter(
        sender=_text(letter["sender"]),
        subject=_text(letter["subject"]),
        lines=_texts(letter["lines"]),
        automatic=letter["automatic"] is not False,
        id=_text(letter["id"]),
        recipients=_texts(letter["recipients"]),
        authentication=_authentication(letter["authentication"]),
    )
    if not is_within_limits(found):
        raise ValueError("the letter is not within its limits")
    return _reading(said["reading"]), found


def _authentication(said: dict[str, Any]) -> Authentication:
    return Authentication(_text(said["server"]), _text(said["domain"]))


def _reading(said: dict[str, Any]) -> Reading:
    finding = said["finding"]
    return Reading(
        finding=None if finding is None else _finding(finding),
        via=_via(said["via"]),
        envelopes=_texts(said["envelopes"]),
        message_ids=_texts(said["message_ids"]),
    )


def _finding(said: dict[str, Any]) -> Finding:
    kind = None if said["kind"] is None else BounceKind(said["kind"])
    status = _text(said["status"])[:12]
    if not _STATUS.fullmatch(status):
        raise ValueError("the status is none of RFC 3463")
    return Finding(kind, status, _texts(said["envelopes"]))


def _via(said: object) -> str:
    via = _text(said)
    if via and via not in FORMATS:
        raise ValueError("there is no such form of a bounce")
    return via


def _text(said: object) -> str:
    if not isinstance(said, str):
        raise TypeError("expected text")
    return said


def _texts(said: object) -> tuple[str, ...]:
    if not isinstance(said, list):
        raise TypeError("expected a list of texts")
    return tuple(map(_text, said))
