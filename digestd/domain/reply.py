"""What a mail in answer to commands says: kept as values, put into words when it is sent."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReplyLine:
    """One line of a reply: `what` names the sentence (templates/email/reply.line.txt.j2), `values` fill it."""

    what: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CommandReply:
    """The lines of an answer in order. `answers`: the Message-ID that it answers, empty if unknown.

    `asks`: commands as (verb, value, kind), done once this very mail is answered with a yes.
    """

    lines: tuple[ReplyLine, ...]
    answers: str = ""
    asks: tuple[tuple[str, str | None, str | None], ...] = ()
