"""A relay with one fault at one point of the SMTP conversation.

It implements SMTP by hand, so that any bytes, or none, can replace any reply.
"""

import asyncio
import base64
import contextlib
import socket
import ssl
import struct
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from tests.support.relay import ReceivedMail

POINTS = ("connect", "banner", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "body", "dot", "QUIT")
FAULTS = ("4xx", "5xx", "421", "close", "reset", "silence", "drip", "garbage", "long line", "endless")
_REPLIES = {
    "STARTTLS": b"220 go on\r\n",
    "AUTH": b"235 2.7.0 welcome\r\n",
    "MAIL": b"250 2.1.0 ok\r\n",
    "RCPT": b"250 2.1.5 ok\r\n",
    "DATA": b"354 go on\r\n",
    "dot": b"250 2.0.0 Ok: queued as 4XyZ\r\n",
    "QUIT": b"221 2.0.0 bye\r\n",
}
_FAULTY_REPLIES = {
    "4xx": b"451 4.3.0 later\r\n",
    "5xx": b"554 5.3.0 no\r\n",
    "421": b"421 4.3.2 bye\r\n",
    "garbage": b"?? what is this\r\n",
    "long line": b"250 " + b"x" * 20_000 + b"\r\n",
    "endless": b"250-x\r\n" * 20_000,
}


class SessionEnd(Exception):
    """The session ends here."""


@dataclass
class FaultyRelay:
    """A relay with one fault at one point, in transactions for `victim`."""

    point: str
    fault: str
    victim: str
    tls: ssl.SSLContext | None = None
    taken: list[ReceivedMail] = field(default_factory=list)
    port: int = 0
    fault_count: int = 0

    @property
    def copies(self) -> Counter[str]:
        """Return the number of copies of each Message-ID."""
        return Counter(mail.message_id for mail in self.taken)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator["FaultyRelay"]:
        """Listen on a free port of 127.0.0.1."""
        server = await asyncio.start_server(self._session, "127.0.0.1", 0, limit=1 << 24)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, SessionEnd, asyncio.IncompleteReadError, ssl.SSLError):
            await _Session(self, reader, writer).run()
        writer.close()


@dataclass
class _Session:
    relay: FaultyRelay
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    sender: str = ""
    recipient: str = ""

    async def run(self) -> None:
        await self.answer("connect", b"220-relay.example.org\r\n")
        await self.answer("banner", b"220 ESMTP\r\n")
        while line := (await self.reader.readline()).decode("latin-1").strip():
            await self.handle(line.partition(" ")[0].upper(), line)

    async def handle(self, verb: str, line: str) -> None:
        if verb == "EHLO":
            offers = ["PIPELINING", "AUTH PLAIN", *(["STARTTLS"] if self.relay.tls else [])]
            lines = "".join(f"250-{offer}\r\n" for offer in offers)
            await self.answer("EHLO", f"250-relay.example.org\r\n{lines}250 8BITMIME\r\n".encode())
            return
        if verb in {"MAIL", "RCPT"}:
            address = line.partition("<")[2].partition(">")[0]
            self.sender, self.recipient = (address, "") if verb == "MAIL" else (self.sender, address)
        if verb == "AUTH":
            assert base64.b64decode(line.split()[-1]) == b"\0user\0secret"
        if not await self.answer(verb, _REPLIES.get(verb, b"250 2.0.0 ok\r\n")):
            return
        if verb == "STARTTLS":
            assert self.relay.tls is not None
            await self.writer.start_tls(self.relay.tls)
        if verb == "DATA":
            await self.data()
        if verb == "QUIT":
            raise SessionEnd

    async def data(self) -> None:
        if self.is_due("body"):
            await self.reader.readexactly(200)
            await self.act()
            raise SessionEnd
        wire = (await self.reader.readuntil(b"\r\n.\r\n"))[: -len(b".\r\n")]
        mail = ReceivedMail(self.sender, self.recipient, wire)
        if not self.is_due("dot"):
            self.relay.taken.append(mail)
            self.writer.write(_REPLIES["dot"])
            return
        if self.relay.fault not in {"4xx", "5xx", "421"}:
            self.relay.taken.append(mail)  # the mail is stored, but the client cannot know
        await self.act()

    async def answer(self, point: str, reply: bytes) -> bool:
        """Send the usual reply unless the fault is due here; return True if it was sent."""
        if not self.is_due(point):
            self.writer.write(reply)
            return True
        await self.act()
        return False

    def is_due(self, point: str) -> bool:
        if point != self.relay.point:
            return False
        if point == "MAIL":  # the recipient is not known yet: fail once
            return not self.relay.fault_count
        return point not in {"RCPT", "DATA", "body", "dot"} or self.recipient == self.relay.victim

    async def act(self) -> None:
        self.relay.fault_count += 1
        match self.relay.fault:
            case "close":
                raise SessionEnd
            case "reset":
                raw = self.writer.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.writer.transport.abort()
                raise SessionEnd
            case "silence":
                await asyncio.sleep(3)
                raise SessionEnd
            case "drip":
                for letter in b"250 2.0.0 everything is in order":
                    self.writer.write(bytes([letter]))
                    await asyncio.sleep(0.1)
                raise SessionEnd
            case fault:
                self.writer.write(_FAULTY_REPLIES[fault])
                if fault == "421":
                    raise SessionEnd
