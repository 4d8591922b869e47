"""The interface of transports.

A transport opens connections, a connection carries one mail at a time.

A mail is handed over in two steps, so that the caller can commit to the ledger between them: `offer` transfers
everything except the final dot, `commit` sends the final dot and waits for the answer.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from digestd.errors import BadInput

_WORD = re.compile(r"[!-;=?-~]*", re.ASCII)
SESSION_ENDS = 421
"""The relay ends this session (RFC 5321 section 3.8)."""


class Stage(StrEnum):
    """The command of a transaction that a reply answers."""

    SESSION = "session"  # connect, banner, EHLO, TLS, AUTH
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    FINAL_DOT = "dot"


@dataclass(frozen=True, slots=True)
class SmtpReply:
    """A reply of the relay. A `code` of 0 or below means no readable reply."""

    code: int
    text: str = ""

    @property
    def enhanced(self) -> str:
        """Return the RFC 3463 status such as `5.1.1`, or "" if there is none."""
        match = re.match(r"([245]\.\d{1,3}\.\d{1,3})\b", self.text)
        return match[1] if match else ""

    @property
    def queue_id(self) -> str | None:
        """Return the relay's queue id from its 250 reply, or None.

        Postfix writes `queued as ABC123`.
        """
        match = re.search(r"\bqueued as ([A-Za-z0-9]{4,60})\b", self.text)
        return match[1] if match else None


class LostReply(Exception):
    """The final dot may have been sent but no answer came.

    It is unknown whether the mail was accepted.
    """


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """One mail with its envelope.

    Attributes:
        envelope_from: The return path.
        message: The message with CRLF line ends, not dot-stuffed.
        envid: Identifies the attempt in the relay's reports (RFC 3461 section 4.4), or empty.
        dotless: True if no line begins with a dot, so that dot-stuffing can be skipped.

    Raises:
        BadInput: An address or `envid` is not allowed in an SMTP command.
    """

    envelope_from: str
    to: str
    message: bytes
    envid: str = ""
    dotless: bool = False

    def __post_init__(self) -> None:
        for word in (self.envelope_from, self.to, self.envid):
            if not _WORD.fullmatch(word):
                raise BadInput(f"{word[:80]!r} is not allowed in an SMTP command; correct the address")


@dataclass(frozen=True, slots=True)
class Refusal:
    """The transaction was refused at `stage`; nothing was sent."""

    stage: Stage
    reply: SmtpReply


class Connection(Protocol):
    """One session with the relay; used by one sending worker."""

    async def offer(self, mail: OutgoingMail) -> Refusal | None:
        """Transfer a mail except its final dot.

        Return a refusal, if any. Raises RelayFailed if the session is lost.
        """

    async def commit(self, then: OutgoingMail | None = None) -> SmtpReply:
        """Send the final dot and return the answer.

        Args:
            then: The mail offered next; its envelope may be sent along (RFC 2920).

        Raises:
            LostReply: No readable answer came.
            RelayFailed: The final dot was certainly not sent.
        """

    async def abandon(self) -> None:
        """Drop the offered mail so that it cannot be delivered.

        The connection is unusable afterwards.
        """

    async def close(self) -> None:
        """End the session with QUIT; never raises."""


class Transport(Protocol):
    """A destination of mail, as named by DIGESTD_TRANSPORT_URL."""

    async def connect(self) -> Connection:
        """Open a connection. Raises RelayFailed if the relay does not accept it."""
