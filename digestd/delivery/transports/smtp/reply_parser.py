"""Parse SMTP replies of one or several lines (RFC 5321 section 4.2) within size limits."""

from collections.abc import Iterator

from digestd.delivery.retry import SmtpReply

LINE_MAX = 8_192
REPLY_MAX = 65_536
"""Maximum bytes of one reply, to bound memory."""
TEXT_MAX = 400


class InvalidReply(Exception):
    """The data is not an SMTP reply."""


class ReplyParser:
    """Turns received bytes into complete replies, in order."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> Iterator[SmtpReply]:
        """Yield the replies that these bytes complete; those before an error are valid.

        Raises InvalidReply, after which the parser is unusable.
        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if (reply := self._line(line)) is not None:
                yield reply
        if len(self._rest) > LINE_MAX:
            raise InvalidReply("a line is too long")

    def _line(self, line: bytes) -> SmtpReply | None:
        if not line[:3].isdigit() or line[3:4] not in b" -\r" or len(line) > LINE_MAX:
            raise InvalidReply(f"not an SMTP reply: {printable(line, 60)}")
        self._size += len(line)
        if self._size > REPLY_MAX:
            raise InvalidReply("a reply is too long")
        self._lines.append(line[4:])
        if line[3:4] == b"-":
            return None
        text = printable(b" ".join(self._lines), TEXT_MAX)
        self._lines, self._size = [], 0
        return SmtpReply(int(line[:3]), text)


def printable(raw: bytes, limit: int) -> str:
    """Return a relay's text as one printable line.

    Databases refuse NUL and invalid UTF-8.
    """
    text = " ".join(raw.decode("utf-8", "surrogateescape").split())[:limit]
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in text)
