"""Relay logs: which mails a relay has taken. Pure: lines in, names of mails out.

               taken                                    Message-ID
    postfix    qmgr[…]: QUEUEID: from=<…>, size=…       cleanup[…]: QUEUEID: message-id=<…>
    exim       QUEUEID <= …                             … id=… (same line)
    sendmail   sendmail[…]: QUEUEID: from=<…>, size=…   … msgid=<…> (same line)

A format is one module and one line in FORMATS. Every line is tried against each format, so the format of a log need
not be configured.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from re import Pattern

from digestd.delivery.relay_logs import exim, postfix, sendmail

__all__ = ["FORMATS", "LINE_MAX", "LogLine", "read_line"]

LINE_MAX = 4_000
"""Maximum bytes of a line that are matched."""
FORMATS: Mapping[str, tuple[Pattern[bytes], Pattern[bytes] | None]] = {
    "postfix": (postfix.QUEUED, None),
    "exim": (exim.QUEUED, exim.NAMED),
    "sendmail": (sendmail.QUEUED, sendmail.NAMED),
}
"""The line of a mail that was taken, and where in it the Message-ID is."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line about one mail.

    Attributes:
        queue_id: The relay's name of the mail.
        envelope_from: Its return path in lower case, or empty.
        message_id: Its Message-ID with angle brackets, or empty.
        is_taken: True if the line proves that the relay has taken the mail.
    """

    queue_id: str
    envelope_from: str = ""
    message_id: str = ""
    is_taken: bool = True


def read_line(line: bytes) -> LogLine | None:
    """Return what a line says about a mail, or None for any other line."""
    line = line[:LINE_MAX].rstrip()
    for queued, named in FORMATS.values():
        if match := queued.match(line):
            name = named.match(line) if named is not None else None
            sender, message_id = match["sender"].decode("ascii").lower(), "" if name is None else _text(name["message"])
            return LogLine(_text(match["id"]), sender, f"<{message_id.strip('<>')}>" if message_id else "")
    if b": message-id=" in line and (match := postfix.NAMED.match(line)):
        return LogLine(_text(match["id"]), message_id=_text(match["message"]), is_taken=False)
    if b": to=<" in line and (match := postfix.DELIVERED.match(line)):
        return LogLine(_text(match["id"]))
    if b": removed" in line and (match := postfix.REMOVED.match(line)):
        return LogLine(_text(match["id"]))
    return None


def _text(matched: bytes) -> str:
    return matched.decode("ascii")
