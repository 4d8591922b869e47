"""Replies to commands by mail, stored as values and rendered when they are sent."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReplyLine:
    """One line of a reply.

    Attributes:
        what: the name of the sentence in templates/email/reply.line.txt.j2.
        values: fill its placeholders.
    """

    what: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CommandReply:
    """The lines of a reply, in order.

    Attributes:
        answers: the Message-ID that it replies to; empty if unknown.
        asks: commands (verb, value, kind) that are executed once this very mail is answered with yes.
    """

    lines: tuple[ReplyLine, ...]
    answers: str = ""
    asks: tuple[tuple[str, str | None, str | None], ...] = ()
