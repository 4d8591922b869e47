"""What a mail in answer to commands says: kept as values, put into words when it is sent."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that is told: `what` names the sentence (see templates/email/reply.line.txt.j2), `values` stand in it."""

    what: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """`told` in its order. `answers`: the Message-ID of the mail it answers, empty where that is not known.

    `asks`: commands as (verb, value, kind), done once this very mail is answered with a yes.
    """

    told: tuple[Told, ...]
    answers: str = ""
    asks: tuple[tuple[str, str | None, str | None], ...] = ()
