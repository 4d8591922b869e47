"""SMTP replies out of bytes, one line or many (RFC 5321 section 4.2), with bounds."""

from collections.abc import Iterator

from digestd.retry import Reply

LINE_MAX = 8_192
REPLY_MAX = 65_536
"""Bytes of one reply; what is longer is no reply, and would fill the memory."""
TEXT_MAX = 400


class InvalidReply(Exception):
    """What came is no SMTP reply."""


class ReplyParser:
    """Feed it what arrives; whole replies come out in their order."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> Iterator[Reply]:
        """The replies that these bytes complete, one by one: those before a fault count.

        Raises Unreadable, after which nothing more can be read.
        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if (reply := self._line(line)) is not None:
                yield reply
        if len(self._rest) > LINE_MAX:
            raise InvalidReply("a line without an end")

    def _line(self, line: bytes) -> Reply | None:
        if not line[:3].isdigit() or line[3:4] not in b" -\r" or len(line) > LINE_MAX:
            raise InvalidReply(f"no SMTP reply: {printable(line, 60)}")
        self._size += len(line)
        if self._size > REPLY_MAX:
            raise InvalidReply("a reply without an end")
        self._lines.append(line[4:])
        if line[3:4] == b"-":
            return None
        text = printable(b" ".join(self._lines), TEXT_MAX)
        self._lines, self._size = [], 0
        return Reply(int(line[:3]), text)


def printable(said: bytes, limit: int) -> str:
    """A relay's words on one line: a database takes no NUL and no byte that is not UTF-8."""
    text = " ".join(said.decode("utf-8", "surrogateescape").split())[:limit]
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in text)
