"""What a relay's log proves: which mails it took into its queue. Pure: lines in, return paths out.

    postfix    qmgr[…]: QUEUEID: from=<…>, size=…
    exim       QUEUEID <= …
    sendmail   sendmail[…]: QUEUEID: from=<…>, size=…

A format is one file and one line in FORMATS; a line is tried against each, so a log need not be said to be of one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from re import Pattern

from digestd.relaylogs import exim, postfix, sendmail

__all__ = ["FORMATS", "LINE_MAX", "Queued", "queued"]

LINE_MAX = 4_000
"""Bytes of a line that are looked at: where a queue id and a return path stand."""
FORMATS: Mapping[str, Pattern[bytes]] = {
    "postfix": postfix.QUEUED,
    "exim": exim.QUEUED,
    "sendmail": sendmail.QUEUED,
}


@dataclass(frozen=True, slots=True)
class Queued:
    """A mail that the relay took: its name there, and its return path in lower case."""

    queue_id: str
    envelope_from: str


def queued(line: bytes) -> Queued | None:
    """What a line of the log says was taken; None for every other line, a refusal with the same address too."""
    for pattern in FORMATS.values():
        if match := pattern.match(line[:LINE_MAX]):
            return Queued(match["id"].decode("ascii"), match["sender"].decode("ascii").lower())
    return None
