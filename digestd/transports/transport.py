"""The port where mail goes: a transport opens channels, a channel carries one mail at a time.

A mail is handed over in two steps, so that the caller can commit its point of no return between
them: `offer` brings everything but the final dot, `commit` sends the dot and waits for the answer.
"""

import re
from dataclasses import dataclass
from typing import Protocol

from digestd.errors import BadInput
from digestd.retry import Reply, Stage

_WORD = re.compile(r"[!-;=?-~]*", re.ASCII)


class LostReply(Exception):
    """The dot may have left, and no answer came: nobody knows whether the mail was accepted."""


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """One mail as it goes over the wire: `message` has CRLF line ends and is not dot-stuffed.

    `envid` names the attempt in reports of the relay (RFC 3461 section 4.4). `dotless`: whoever composed it knows
    that no line begins with a dot, and it need not be looked through. Raises BadInput where an address could not
    stand in a command.
    """

    envelope_from: str
    to: str
    message: bytes
    envid: str = ""
    dotless: bool = False

    def __post_init__(self) -> None:
        for word in (self.envelope_from, self.to, self.envid):
            if not _WORD.fullmatch(word):
                raise BadInput(f"{word[:80]!r} cannot stand in an SMTP command; correct the address")


@dataclass(frozen=True, slots=True)
class Refusal:
    """The transaction was refused at `stage`; nothing was handed over."""

    stage: Stage
    reply: Reply


class Connection(Protocol):
    """One session with the other side; used by one lane."""

    async def offer(self, mail: OutgoingMail) -> Refusal | None:
        """Bring a mail up to, not including, its final dot. Raises RelayFailed when the session is lost."""

    async def commit(self, then: OutgoingMail | None = None) -> Reply:
        """Send the dot; the answer. `then`: what is offered next, so that its envelope may go along.

        Raises LostReply where none came that can be read, RelayFailed where the dot did not leave.
        """

    async def abandon(self) -> None:
        """Drop the offered mail so that it cannot be delivered; the channel is unusable afterwards."""

    async def close(self) -> None:
        """End the session politely; never raises."""


class Transport(Protocol):
    """Where mail goes, as DIGESTD_TRANSPORT_URL names it."""

    async def connect(self) -> Connection:
        """Open a channel. Raises RelayFailed where the other side does not serve us."""
