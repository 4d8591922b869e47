"""Relay logs: which mails a relay has queued. Pure: lines in, return paths out.

    postfix    qmgr[…]: QUEUEID: from=<…>, size=…
    exim       QUEUEID <= …
    sendmail   sendmail[…]: QUEUEID: from=<…>, size=…

A format is one module and one line in FORMATS. Every line is tried against each format, so the format of a log need
not be configured.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from re import Pattern

from digestd.delivery.relay_logs import exim, postfix, sendmail

__all__ = ["FORMATS", "LINE_MAX", "Queued", "queued"]

LINE_MAX = 4_000
"""Maximum bytes of a line that are matched."""
FORMATS: Mapping[str, Pattern[bytes]] = {
    "postfix": postfix.QUEUED,
    "exim": exim.QUEUED,
    "sendmail": sendmail.QUEUED,
}


@dataclass(frozen=True, slots=True)
class Queued:
    """A mail that the relay queued: its queue id and its return path in lower case."""

    queue_id: str
    envelope_from: str


def queued(line: bytes) -> Queued | None:
    """Return the mail that a log line reports as queued, or None for any other line."""
    for pattern in FORMATS.values():
        if match := pattern.match(line[:LINE_MAX]):
            return Queued(match["id"].decode("ascii"), match["sender"].decode("ascii").lower())
    return None
