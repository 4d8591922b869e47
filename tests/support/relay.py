"""An SMTP server that takes mails, or fails at one stage.

Stages: banner, EHLO, STARTTLS, MAIL, RCPT, DATA (the command), body (during it), dot, RSET, QUIT.
"""

import asyncio
import contextlib
import os
import re
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_MESSAGE_ID = re.compile(rb"^Message-ID: (\S+)", re.MULTILINE | re.IGNORECASE)
_DOT = re.compile(rb"(^|\r\n)\.\r\n")
_ADDRESS = re.compile(r"<([^>]*)>")


@dataclass(frozen=True)
class Fault:
    """An action of the relay instead of its usual reply.

    `act`: an SMTP reply such as `451 4.3.0 later`, or close, reset, silence, garbage. `times`: how often, afterwards
    the relay behaves. `to`: only in transactions for these recipients. `by`: only for this sender. `stored`: the mail
    is stored although the final dot fails.
    """

    act: str
    times: int = 1_000_000
    to: str | frozenset[str] | None = None
    by: str | None = None
    stored: bool = False


@dataclass(frozen=True)
class ReceivedMail:
    """A mail that was stored; `wire` as received, with dot-stuffing."""

    sender: str
    recipient: str
    wire: bytes

    @property
    def message(self) -> bytes:
        """Return the mail without dot-stuffing."""
        return b"\r\n".join(line[line.startswith(b".") :] for line in self.wire.split(b"\r\n"))

    @property
    def message_id(self) -> str:
        """Return the Message-ID, or an empty string."""
        found = _MESSAGE_ID.search(self.wire)
        return found[1].decode() if found else ""


@dataclass
class Relay:
    """The server's behaviour and memory.

    `journal`: a file that gets each Message-ID before its 250. `careless`: replies 354 to DATA though it refused the
    recipient (RFC 2920 section 3.1). `forgetful`: loses what came in the same write after a final dot.
    `mails_a_session`: closes the connection after so many, and first replies `farewell` to the next MAIL if there is
    one. `under_way`: open sessions. `rounds`: how often it had to
    read, which counts the client's round trips.
    """

    faults: Mapping[str, Fault] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    offers_starttls: bool = True
    offers: tuple[str, ...] = ("PIPELINING", "DSN")
    careless: bool = False
    forgetful: bool = False
    mails_a_session: int = 1_000_000
    farewell: str = ""
    delay: float = 0
    journal: Path | None = None
    host: str = "127.0.0.1"
    taken: list[ReceivedMail] = field(default_factory=list)
    commands: Counter[str] = field(default_factory=Counter)
    envelopes: list[str] = field(default_factory=list)
    sessions: int = 0
    under_way: int = 0
    rounds: int = 0
    port: int = 0
    _struck: Counter[str] = field(default_factory=Counter)

    @property
    def url(self) -> str:
        """Return its transport URL without TLS."""
        return f"smtp://{self.host}:{self.port}"

    @property
    def copies(self) -> Counter[str]:
        """Return the number of copies of each Message-ID."""
        return Counter(mail.message_id for mail in self.taken)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator["Relay"]:
        """Listen on a free port of `host` in the running loop."""
        server = await asyncio.start_server(self._session, self.host, self.port, limit=1 << 24)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    @contextlib.contextmanager
    def in_thread(self) -> Iterator["Relay"]:
        """Listen in a thread, for tests of processes."""
        ready, done = threading.Event(), threading.Event()

        async def serve() -> None:
            async with self.serving():
                ready.set()
                while not done.is_set():
                    await asyncio.sleep(0.05)

        thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
        thread.start()
        assert ready.wait(60)
        try:
            yield self
        finally:
            done.set()
            thread.join(60)

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.sessions += 1
        self.under_way += 1
        feed = reader.feed_data

        def fed(data: bytes) -> None:
            self.rounds += 1
            dot = _DOT.search(data) if self.forgetful else None
            feed(data[: dot.end()] if dot else data)

        setattr(reader, "feed_data", fed)  # noqa: B010  # observes each read
        with contextlib.suppress(ConnectionError, _Over, asyncio.IncompleteReadError, asyncio.CancelledError):
            await _Session(self, reader, writer).run()
        self.under_way -= 1
        writer.close()

    def until_quiet(self, seconds: float = 60) -> None:
        """Wait until no session is open: a killed client may have data in flight."""
        until = time.monotonic() + seconds
        while self.under_way and time.monotonic() < until:
            time.sleep(0.001)

    def strike(self, stage: str, sender: str, recipient: str) -> Fault | None:
        """Return the fault that is due at this stage, or None."""
        fault = self.faults.get(stage)
        if fault is None or self._struck[stage] >= fault.times:
            return None
        recipients = {fault.to} if isinstance(fault.to, str) else fault.to
        if (recipients is not None and recipient not in recipients) or fault.by not in {None, sender}:
            return None
        self._struck[stage] += 1
        return fault

    def keep(self, mail: ReceivedMail) -> None:
        """Store a mail, and write it to the journal on disk if there is one."""
        if self.journal is not None:
            with self.journal.open("a") as out:
                out.write(mail.message_id + "\n")
                out.flush()
                os.fsync(out.fileno())
        self.taken.append(mail)


class _Over(Exception):
    """The session ends here."""


@dataclass
class _Session:
    relay: Relay
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    sender: str = ""
    recipient: str = ""
    open: bool = False
    mails: int = 0

    async def run(self) -> None:
        await self._answer("banner", "220 relay.example.org ESMTP")
        while line := (await self.reader.readline()).decode("latin-1").rstrip("\r\n"):
            verb = line.partition(" ")[0].upper()
            self.relay.commands[verb] += 1
            if verb in {"MAIL", "RCPT"}:
                self.relay.envelopes.append(line)
            await self._obey(verb, line)

    async def _obey(self, verb: str, line: str) -> None:
        match verb:
            case "EHLO":
                starttls = self.relay.tls is not None and self.relay.offers_starttls
                lines = ["relay.example.org", *self.relay.offers, *["STARTTLS"] * starttls]
                await self._answer("EHLO", "".join(f"250-{line}\r\n" for line in lines) + "250 8BITMIME")
            case "STARTTLS":
                await self._answer("STARTTLS", "220 go on")
                assert self.relay.tls is not None
                await self.writer.start_tls(self.relay.tls)
            case "MAIL":
                await self._begin_mail(line)
            case "RCPT":
                self.recipient = _ADDRESS.findall(line)[0]
                if not self.open:
                    await self._say("503 5.5.1 MAIL first")
                    return
                self.open = await self._answer("RCPT", "250 2.1.5 ok")
            case "DATA":
                await self._begin_data()
            case "QUIT":
                await self._answer("QUIT", "221 2.0.0 bye")
                raise _Over
            case _:
                await self._answer(verb, "250 2.0.0 ok")

    async def _begin_mail(self, line: str) -> None:
        if self.mails >= self.relay.mails_a_session:
            await self._say(self.relay.farewell)
            raise _Over
        self.sender, self.recipient, self.open = _ADDRESS.findall(line)[0], "", False
        self.open = await self._answer("MAIL", "250 2.1.0 ok")

    async def _begin_data(self) -> None:
        if not (self.open or self.relay.careless):
            await self._say("554 5.5.1 no valid recipients")
        elif not self.open:
            await self._say("354 go on")
            await self.reader.readuntil(b".\r\n")
            await self._say("554 5.5.1 no valid recipients")
        elif await self._answer("DATA", "354 go on"):
            await self._data()

    async def _data(self) -> None:
        if "body" in self.relay.faults and (fault := self.relay.strike("body", self.sender, self.recipient)):
            await self.reader.readexactly(200)
            await self._act(fault)
            return
        wire = b"" if (body := await self.reader.readuntil(b"\r\n.\r\n")) == b".\r\n" else body[: -len(b".\r\n")]
        mail = ReceivedMail(self.sender, self.recipient, wire)
        if fault := self.relay.strike("dot", self.sender, self.recipient):
            if fault.stored:
                self.relay.keep(mail)
            await self._act(fault)
            return
        if self.relay.delay:
            await asyncio.sleep(self.relay.delay)
        self.relay.keep(mail)
        await self._say(f"250 2.0.0 Ok: queued as {len(self.relay.taken):08X}")
        self.mails += 1
        if self.mails >= self.relay.mails_a_session and not self.relay.farewell:
            raise _Over

    async def _answer(self, stage: str, usual: str) -> bool:
        """Send the usual reply unless a fault is due; return True if it was sent."""
        fault = self.relay.strike(stage, self.sender, self.recipient)
        await (self._say(usual) if fault is None else self._act(fault))
        return fault is None

    async def _act(self, fault: Fault) -> None:
        match fault.act:
            case "close":
                raise _Over
            case "reset":
                raw = self.writer.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.writer.transport.abort()
                raise _Over
            case "silence":
                await self.reader.read()
                raise _Over
            case "garbage":
                await self._say("?? what is this")
            case reply:
                await self._say(reply)
                if reply.startswith("421"):
                    raise _Over

    async def _say(self, text: str) -> None:
        self.writer.write(text.encode("utf-8", "surrogateescape") + b"\r\n")
        await self.writer.drain()
