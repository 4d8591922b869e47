"""Relay logs: which mails a relay has taken. Pure: lines in, names of mails out.

               taken                                    Message-ID
    postfix    qmgr[…]: QUEUEID: from=<…>, size=…       cleanup[…]: QUEUEID: message-id=<…>
               smtp[…]: QUEUEID: to=<…>, relay=…
               qmgr[…]: QUEUEID: removed
    exim       QUEUEID <= …                             … id=… (same line, without angle brackets)
    sendmail   sendmail[…]: QUEUEID: from=<…>, size=…   … msgid=<…> (same line)

Postfix's qmgr logs a mail when its file is complete and synced (qmgr(8)). Refusals by smtpd (`NOQUEUE: reject: …
from=<…>`) have no queue id; cleanup writes `removed (canceled)` of a mail whose client went away.

Every line is tried against each format, so the format of a log need not be configured.

Sources: qmgr(8); Exim specification, chapter "Log files"; Sendmail Operations Guide, section 2.1.2.
"""

import re
from dataclasses import dataclass

LINE_MAX = 4_000
"""Maximum bytes of a line that are matched."""
_POSTFIX = rb".{1,120}? postfix[\w-]*/(?:[\w-]+/)?%s\[\d+\]: (?P<id>[0-9A-Za-z]{6,20}): "
_SENDER = rb"from=<(?P<sender>[!-=?-~]{1,320})>, size="
FORMATS = {
    "postfix": (re.compile(_POSTFIX % b"qmgr" + _SENDER), None),
    "exim": (
        re.compile(
            rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?(?: [+-]\d{4})?(?: \[\d+\])? "
            rb"(?P<id>[0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4}) <= (?P<sender>[!-~]{1,320}) "
        ),
        re.compile(rb".{20,900}? <= [!-~]{1,320} .{0,900}? id=(?P<message>[!-~]{1,320})"),
    ),
    "sendmail": (
        re.compile(
            rb".{1,120}? (?:sendmail|sm-mta)\[\d+\]: (?P<id>[0-9A-Za-z]{8,20}): "
            + _SENDER
            + rb"\d+, class=-?\d+, nrcpts=[1-9]"
        ),
        re.compile(rb".{1,900}?, nrcpts=\d{1,9}, .{0,100}?msgid=(?P<message>[!-~]{1,320}),"),
    ),
}
"""The line of a mail that was taken, and where in it the Message-ID is."""
_POSTFIX_NAMED = re.compile(_POSTFIX % b"cleanup" + rb"message-id=(?P<message>[!-~]{1,320})")
_POSTFIX_DELIVERED = re.compile(
    _POSTFIX % rb"[\w-]{1,20}" + rb"to=<[!-=?-~]{1,320}>, (?:orig_to=<[!-=?-~]{1,320}>, )?relay="
)
_POSTFIX_REMOVED = re.compile(_POSTFIX % b"qmgr" + rb"removed$")


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
    if b": message-id=" in line and (match := _POSTFIX_NAMED.match(line)):
        return LogLine(_text(match["id"]), message_id=_text(match["message"]), is_taken=False)
    if b": to=<" in line and (match := _POSTFIX_DELIVERED.match(line)):
        return LogLine(_text(match["id"]))
    if b": removed" in line and (match := _POSTFIX_REMOVED.match(line)):
        return LogLine(_text(match["id"]))
    return None


def _text(matched: bytes) -> str:
    return matched.decode("ascii")
