"""Parse inbound mails in a confined process, away from the service's secrets.

The process starts with the first mail. It is killed and replaced if a mail takes too much time or memory; that mail
waits for the operator. `digestd.security.confinement` limits what the process may do. Its answers are validated here,
because a hostile mail may have taken it over.
"""

import json
from threading import Lock, Timer
from typing import Annotated, Literal

from annotated_types import Len
from pydantic import TypeAdapter

from digestd.replies import mail_parser_process
from digestd.replies.bounces.formats import FORMATS
from digestd.replies.commands.command_mail import is_within_limits
from digestd.replies.inbound_mail import InboundMail
from digestd.replies.parsed_mail import UnreadableMail
from digestd.security.parser_process import ParserProcess

CPU_SECONDS = 10
TIMEOUT_SECONDS = 60.0
MEMORY_BYTES = 512_000_000
ANSWER_BYTES_MAX = 1_000_000


class MailParser:
    """A parser in a confined process. Threads may share it. Close it when done."""

    def __init__(self, memory: int = MEMORY_BYTES, seconds: float = TIMEOUT_SECONDS) -> None:
        self._memory = memory
        self._seconds = seconds
        self._lock = Lock()
        self._child: ParserProcess | None = None

    def __call__(self, raw: bytes, sent_to: tuple[str, ...] = ()) -> InboundMail:
        """Parse a mail like `parse_inbound_mail`, but in the confined process.

        Raises:
            UnreadableMail: The mail cannot be parsed, or the process failed.
        """
        with self._lock:
            child = self._running_child()
            watch = Timer(self._seconds, child.kill)
            watch.start()
            try:
                answer = _request(child, raw, sent_to)
            finally:
                watch.cancel()
            if answer is None:
                self._stop()
                raise UnreadableMail("parsing the mail took too much time or memory; the parser was restarted")
            try:
                return _decode_answer(answer)
            except ValueError as error:
                self._stop()  # a hostile mail may control it
                raise UnreadableMail("the mail parser sent an invalid answer; it was restarted") from error

    def close(self) -> None:
        with self._lock:
            self._stop()

    def _running_child(self) -> ParserProcess:
        """Return the parser process; start one if none is running."""
        if self._child is not None and not self._child.is_alive:
            self._stop()
        if self._child is None:
            self._child = ParserProcess(mail_parser_process.__file__, [str(CPU_SECONDS), str(self._memory)])
        return self._child

    def _stop(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.end()


def _request(child: ParserProcess, raw: bytes, sent_to: tuple[str, ...]) -> bytes | None:
    """Return the parser's answer; None if it ended."""
    try:
        child.send(json.dumps(sent_to).encode(), raw)
        return child.receive(ANSWER_BYTES_MAX)
    except OSError:
        return None


def _decode_answer(answer: bytes) -> InboundMail:
    """Return the validated answer of the parser process.

    Raises:
        UnreadableMail: The process could not parse the mail.
        ValueError: The answer is invalid.
    """
    found = _ANSWER.validate_json(answer, strict=True)
    if not isinstance(found, tuple):
        raise UnreadableMail(f"the mail cannot be parsed ({found['error'][:100]!a})")
    classified, mail = found
    status = classified.report.status if classified.report else ""
    is_status = len(status) <= 12 and set(status) <= set("0123456789.")
    if not (is_within_limits(mail) and classified.via in {"", *FORMATS} and is_status):
        raise ValueError("the answer exceeds its limits")
    return found


_ANSWER: TypeAdapter[InboundMail | dict[Literal["error"], str]] = TypeAdapter(
    InboundMail | Annotated[dict[Literal["error"], str], Len(1, 1)]
)
