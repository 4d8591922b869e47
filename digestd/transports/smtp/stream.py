"""One SMTP connection below the level of mails: bytes out, replies in, and what has certainly not left.

asyncio tells by `pause_writing` that more than so many bytes are still ours. With that limit set to
what follows a dot, a connection that breaks off while paused has certainly not taken the dot.
"""

import asyncio
from collections import deque

from digestd.retry import Reply
from digestd.transports.smtp.reply_parser import InvalidReply, ReplyParser

LOST = (OSError, EOFError, InvalidReply)
"""What `reply` and `drained` raise once the connection is of no use any more."""
TLS_SLACK = 256
"""What TLS adds to the last records: with more than this left besides, the record of the dot is not whole."""


class SmtpStream(asyncio.Protocol):
    """Takes over a connected transport; a lane uses it alone."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._slack = TLS_SLACK if transport.get_extra_info("sslcontext") else 0
        self._parse = ReplyParser()
        self._replies: deque[Reply] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._paused = False
        self._deadline = 0.0
        self._alarm: asyncio.TimerHandle | None = None
        transport.set_protocol(self)

    @property
    def is_lost(self) -> bool:
        """Whether it is of no use any more."""
        return self._error is not None or self._transport.is_closing()

    @property
    def is_idle(self) -> bool:
        """Whether it stands, and nothing was said that nobody asked for."""
        return not (self.is_lost or self._replies)

    @property
    def holds_back(self) -> bool:
        """Whether more than the last write's tail is still ours: the dot has certainly not left."""
        return self._paused

    def write(self, data: bytes, tail: int = 0) -> None:
        """Send; nothing is sent on a lost connection. `tail`: so many bytes at the end follow what matters."""
        if self._error is None:
            limit = tail + self._slack
            self._transport.set_write_buffer_limits(limit, limit)
            self._transport.write(data)

    @property
    def has_said(self) -> bool:
        """Whether a reply waits to be read."""
        return bool(self._replies)

    async def drained(self, seconds: float) -> None:
        """Until the kernel has what was written, or the relay says something. Raises one of LOST, also TimeoutError."""
        if not self._paused:
            return
        self._until(seconds)
        while self._paused and self._error is None and not self._replies:
            await self._wait()
        self._deadline = 0.0
        if self._error is not None and not self._replies:
            raise self._error

    async def reply(self, seconds: float) -> Reply:
        """The next reply. Raises one of LOST, also TimeoutError."""
        if not self._replies:
            self._until(seconds)
            while not self._replies and self._error is None:
                await self._wait()
            self._deadline = 0.0
        if self._replies:
            return self._replies.popleft()
        assert self._error is not None  # noqa: S101  # the loop ended for one of the two
        raise self._error

    def abort(self) -> None:
        """Break off: what is not with the kernel never leaves."""
        self._fail(ConnectionAbortedError("broken off by us"))

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        try:
            self._replies.extend(self._parse.feed(data))
        except InvalidReply as error:
            self._fail(error)
        self._wake()

    def eof_received(self) -> bool:
        """See asyncio.Protocol: the transport closes."""
        self._fail(ConnectionResetError("the relay closed the connection"))
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._fail(error or ConnectionResetError("the connection was closed"))

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        self._paused = True

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
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

    def _until(self, seconds: float) -> None:
        """One alarm a connection, put off rather than replaced: most answers come at once."""
        self._deadline = self._loop.time() + seconds
        if self._alarm is None or self._alarm.when() > self._deadline:
            if self._alarm is not None:
                self._alarm.cancel()
            self._alarm = self._loop.call_at(self._deadline, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        if not self._deadline:
            return
        if self._loop.time() < self._deadline:
            self._alarm = self._loop.call_at(self._deadline, self._ring)
            return
        self._fail(TimeoutError("no answer in time"))
