"""Send bytes over one SMTP connection, read replies, and know what has certainly not been sent.

asyncio calls `pause_writing` while more than a limit of bytes are still buffered here. With that limit set to the
number of bytes that follow the final dot, a connection that breaks while paused has certainly not sent it.

`ReplyParser` parses replies of one or several lines (RFC 5321 section 4.2) within size limits.
"""

import asyncio
from collections import deque
from collections.abc import Iterator

from digestd.delivery.transports.transport import SmtpReply

REPLY_LINE_MAX = 8_192
"""Maximum bytes of one line of a reply."""
REPLY_BYTES_MAX = 65_536
"""Maximum bytes of one reply, to bound memory."""
REPLY_TEXT_MAX = 400
"""Characters kept of a reply's text."""
TLS_SLACK = 256
"""Bytes that TLS may add to the last records. With more left, the record of the final dot is incomplete."""


class InvalidReply(Exception):
    """The data is not an SMTP reply."""


CONNECTION_ERRORS = (OSError, EOFError, InvalidReply)
"""Errors that `reply` and `drained` raise when the connection has become unusable."""


class SmtpStream(asyncio.Protocol):
    """Takes over a connected transport; used by one sending worker."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._slack = TLS_SLACK if transport.get_extra_info("sslcontext") else 0
        self._parse = ReplyParser()
        self._replies: deque[SmtpReply] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._paused = False
        self._deadline = 0.0
        self._alarm: asyncio.TimerHandle | None = None
        transport.set_protocol(self)

    @property
    def is_lost(self) -> bool:
        return self._error is not None or self._transport.is_closing()

    @property
    def is_idle(self) -> bool:
        """Return True if the connection is open and has no unread replies."""
        return not (self.is_lost or self._replies)

    @property
    def is_blocked(self) -> bool:
        """Return True if the final dot was certainly not sent.

        More than the last write's tail is then still buffered. Only asyncio's own transports resume writing as soon as
        a part has been sent; with those of uvloop the answer is unknown.
        """
        return self._paused and isinstance(self._transport, asyncio.Transport)

    def write(self, data: bytes, tail: int = 0) -> None:
        """Send data, or nothing if the connection is lost.

        `tail` is the number of bytes after the final dot.
        """
        if self._error is None:
            limit = tail + self._slack
            self._transport.set_write_buffer_limits(limit, limit)
            self._transport.write(data)

    @property
    def has_reply(self) -> bool:
        return bool(self._replies)

    async def drained(self, seconds: float) -> None:
        """Wait until the kernel has all data or a reply comes.

        Raises one of CONNECTION_ERRORS, which includes TimeoutError.
        """
        if not self._paused:
            return
        self._set_deadline(seconds)
        while self._paused and self._error is None and not self._replies:
            await self._wait()
        self._deadline = 0.0
        if self._error is not None and not self._replies:
            raise self._error

    async def reply(self, seconds: float) -> SmtpReply:
        """Return the next reply.

        Raises one of CONNECTION_ERRORS, which includes TimeoutError.
        """
        if not self._replies:
            self._set_deadline(seconds)
            while not self._replies and self._error is None:
                await self._wait()
            self._deadline = 0.0
        if self._replies:
            return self._replies.popleft()
        assert self._error is not None  # noqa: S101  # one of the two ended the loop
        raise self._error

    def abort(self) -> None:
        """Close at once: what the kernel does not have is never sent."""
        self._fail(ConnectionAbortedError("closed by digestd"))

    def data_received(self, data: bytes) -> None:
        try:
            self._replies.extend(self._parse.feed(data))
        except InvalidReply as error:
            self._fail(error)
        self._wake()

    def eof_received(self) -> bool:
        self._fail(ConnectionResetError("the relay closed the connection"))
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(error or ConnectionResetError("the connection was closed"))

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._wake()

    def _fail(self, error: Exception) -> None:
        if self._error is None:
            self._error = error
        self._transport.abort()
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _set_deadline(self, seconds: float) -> None:
        """Set the deadline.

        One timer per connection is postponed instead of replaced, as most answers come at once.
        """
        self._deadline = self._loop.time() + seconds
        if self._alarm is None or self._alarm.when() > self._deadline:
            if self._alarm is not None:
                self._alarm.cancel()
            self._alarm = self._loop.call_at(self._deadline, self._on_alarm)

    def _on_alarm(self) -> None:
        self._alarm = None
        if not self._deadline:
            return
        if self._loop.time() < self._deadline:
            self._alarm = self._loop.call_at(self._deadline, self._on_alarm)
            return
        self._fail(TimeoutError("no answer in time"))


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
        if len(self._rest) > REPLY_LINE_MAX:
            raise InvalidReply("a line is too long")

    def _line(self, line: bytes) -> SmtpReply | None:
        if not line[:3].isdigit() or line[3:4] not in b" -\r" or len(line) > REPLY_LINE_MAX:
            raise InvalidReply(f"not an SMTP reply: {printable(line, 60)}")
        self._size += len(line)
        if self._size > REPLY_BYTES_MAX:
            raise InvalidReply("a reply is too long")
        self._lines.append(line[4:])
        if line[3:4] == b"-":
            return None
        text = printable(b" ".join(self._lines), REPLY_TEXT_MAX)
        self._lines, self._size = [], 0
        return SmtpReply(int(line[:3]), text)


def printable(raw: bytes, limit: int) -> str:
    """Return a relay's text as one printable line.

    Databases refuse NUL and invalid UTF-8.
    """
    text = " ".join(raw.decode("utf-8", "surrogateescape").split())[:limit]
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in text)
