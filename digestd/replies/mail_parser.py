"""Parse inbound mails in a confined process, away from the service's secrets.

The process starts with the first mail. It is killed and replaced if a mail takes too much time or memory; that mail
waits for the operator. `digestd.security.confinement` limits what the process may do. Its answers are validated here,
because a hostile mail may have taken it over.
"""

import json
import re
from threading import Lock, Timer
from typing import Any

from digestd.domain.bounce import BounceKind
from digestd.replies import mail_parser_process
from digestd.replies.bounces.formats import FORMATS
from digestd.replies.bounces.parsed_mail import UnreadableMail
from digestd.replies.bounces.report import BounceReport, Classification
from digestd.replies.commands.authentication import AuthenticationResult
from digestd.replies.commands.command_mail import CommandMail, is_within_limits
from digestd.security.parser_process import ParserProcess

CPU_SECONDS = 10
TIMEOUT_SECONDS = 60.0
MEMORY_BYTES = 512_000_000
ANSWER_BYTES_MAX = 1_000_000
_STATUS = re.compile(r"[0-9.]*", re.ASCII)


class MailParser:
    """A parser in a confined process. Threads may share it. Close it when done."""

    def __init__(self, memory: int = MEMORY_BYTES, seconds: float = TIMEOUT_SECONDS) -> None:
        self._memory = memory
        self._seconds = seconds
        self._lock = Lock()
        self._child: ParserProcess | None = None

    def __call__(self, raw: bytes, sent_to: tuple[str, ...] = ()) -> tuple[Classification, CommandMail]:
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
                return _decode_answer(json.loads(answer))
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                self._stop()  # a hostile mail may control it
                raise UnreadableMail("the mail parser sent an invalid answer; it was restarted") from error

    def close(self) -> None:
        """End the parser process."""
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


def _decode_answer(answer: dict[str, Any]) -> tuple[Classification, CommandMail]:
    """Return the validated answer of the parser process.

    Raises:
        UnreadableMail: The process could not parse the mail.
        ValueError, TypeError, KeyError: The answer is invalid.
    """
    if not isinstance(answer, dict):
        raise TypeError("expected an object")
    if "error" in answer:
        raise UnreadableMail(f"the mail cannot be parsed ({_check_text(answer['error'])[:100]!a})")
    fields = answer["command_mail"]
    mail = CommandMail(
        sender=_check_text(fields["sender"]),
        subject=_check_text(fields["subject"]),
        lines=_check_texts(fields["lines"]),
        automatic=fields["automatic"] is not False,
        id=_check_text(fields["id"]),
        recipients=_check_texts(fields["recipients"]),
        authentication=_decode_authentication(fields["authentication"]),
    )
    if not is_within_limits(mail):
        raise ValueError("the mail exceeds its limits")
    return _decode_classification(answer["classification"]), mail


def _decode_authentication(fields: dict[str, Any]) -> AuthenticationResult:
    return AuthenticationResult(_check_text(fields["server"]), _check_text(fields["domain"]))


def _decode_classification(fields: dict[str, Any]) -> Classification:
    report = fields["report"]
    return Classification(
        report=None if report is None else _decode_report(report),
        via=_check_format(fields["via"]),
        envelopes=_check_texts(fields["envelopes"]),
        message_ids=_check_texts(fields["message_ids"]),
    )


def _decode_report(fields: dict[str, Any]) -> BounceReport:
    kind = None if fields["kind"] is None else BounceKind(fields["kind"])
    status = _check_text(fields["status"])[:12]
    if not _STATUS.fullmatch(status):
        raise ValueError("the status has not the form of RFC 3463")
    return BounceReport(kind, status, _check_texts(fields["envelopes"]))


def _check_format(value: object) -> str:
    via = _check_text(value)
    if via and via not in FORMATS:
        raise ValueError("unknown bounce format")
    return via


def _check_text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("expected a string")
    return value


def _check_texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError("expected a list of strings")
    return tuple(map(_check_text, value))
