"""SMTP by aiosmtplib, command by command: one recipient a transaction, the dot apart.

`send()` and `sendmail()` cannot tell a mail stored from one refused when the line drops, so
they are never used. TLS is required off this machine unless the URL says `tls=none` out loud.
"""

import asyncio
import contextlib
import ssl
from dataclasses import dataclass, field

from aiosmtplib import SMTP, SMTPException, SMTPResponse
from aiosmtplib.errors import SMTPAuthenticationError

from digestd.errors import RelayFailed
from digestd.message import dot_stuffed
from digestd.retry import Reply, Stage
from digestd.transports.transport import Channel, LostReply, Mail, Refusal

_LOST = (SMTPException, OSError, EOFError, asyncio.TimeoutError)


@dataclass(frozen=True, slots=True)
class Patience:
    """How many seconds an answer is waited for (RFC 5321 section 4.5.3.2).

    A shorter wait for the answer to the dot manufactures uncertainty, and with it duplicates.
    """

    connect: float = 30.0
    command: float = 300.0
    dot: float = 600.0


@dataclass(frozen=True, slots=True)
class Relay:
    """Where the relay is and how it is spoken to. `tls`: `none`, `starttls` or `implicit`."""

    host: str
    port: int
    tls: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ehlo: str = "localhost"
    context: ssl.SSLContext | None = None
    patience: Patience = Patience()


class SmtpTransport:
    """Opens one connection a channel."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    async def connect(self) -> Channel:
        """See Transport.connect."""
        relay = self._relay
        client = SMTP(
            hostname=relay.host,
            port=relay.port,
            username=relay.username,
            password=relay.password,
            local_hostname=relay.ehlo,
            timeout=relay.patience.connect,
            use_tls=relay.tls == "implicit",
            start_tls=relay.tls == "starttls",
            tls_context=relay.context,
        )
        try:
            await client.connect()
            if client.is_ehlo_or_helo_needed:  # aiosmtplib greets by itself only on its own commands
                await client.ehlo()
        except SMTPAuthenticationError as error:
            raise RelayFailed(
                f"relay {relay.host}:{relay.port} refuses the user name or password ({error.code} {error.message}); "
                "correct DIGESTD_TRANSPORT_URL"
            ) from error
        except _LOST as error:
            client.close()
            raise RelayFailed(f"relay {relay.host}:{relay.port}: {_said(error)}; it is tried again later") from error
        return SmtpChannel(client, relay.patience)


class SmtpChannel:
    """One SMTP session."""

    def __init__(self, client: SMTP, patience: Patience) -> None:
        self._client = client
        self._patience = patience
        assert client.protocol is not None  # noqa: S101  # it has just connected
        assert isinstance(client.transport, asyncio.WriteTransport)  # noqa: S101  # so there is a stream to write to
        self._stream = asyncio.StreamWriter(client.transport, client.protocol, None, asyncio.get_running_loop())

    async def offer(self, mail: Mail) -> Refusal | None:
        """See Channel.offer."""
        commands = (
            (Stage.MAIL, (b"MAIL", b"FROM:<" + mail.envelope_from.encode("ascii") + b">"), 250),
            (Stage.RCPT, (b"RCPT", b"TO:<" + mail.to.encode("ascii") + b">"), 250),
            (Stage.DATA, (b"DATA",), 354),
        )
        for stage, command, wanted in commands:
            reply = await self._command(*command)
            if reply.code != wanted and not (stage is Stage.RCPT and reply.code == 251):
                await self._reset()
                return Refusal(stage, reply)
        await self._write(dot_stuffed(mail.message))
        return None

    async def commit(self) -> Reply:
        """See Channel.commit."""
        if not self._client.is_connected:
            raise RelayFailed("the relay broke off amid the mail, before its final dot; it is tried again later")
        try:
            reply = _reply(await self._client.execute_command(b".", timeout=self._patience.dot))
        except _LOST as error:
            self._client.close()
            raise LostReply(_said(error)) from error
        if not 200 <= reply.code < 600 or 300 <= reply.code < 400:
            self._client.close()
            raise LostReply(f"unreadable answer {reply.code} {reply.text}")
        return reply

    async def abandon(self) -> None:
        """See Channel.abandon: there is no way to leave DATA but to break the connection off."""
        transport = self._client.transport
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()
        self._client.close()

    async def close(self) -> None:
        """See Channel.close."""
        with contextlib.suppress(*_LOST):
            await self._client.quit(timeout=5)
        self._client.close()

    async def _command(self, *parts: bytes) -> Reply:
        try:
            return _reply(await self._client.execute_command(*parts, timeout=self._patience.command))
        except _LOST as error:
            self._client.close()
            raise RelayFailed(f"the relay broke off: {_said(error)}; it is tried again later") from error

    async def _reset(self) -> None:
        with contextlib.suppress(RelayFailed):
            await self._command(b"RSET")

    async def _write(self, body: bytes) -> None:
        """Hand the body to the kernel, as far as the relay takes it: the dot must not wait behind it."""
        try:
            if not self._client.is_connected:
                raise ConnectionResetError("connection lost")
            self._stream.write(body)
            await asyncio.wait_for(self._stream.drain(), self._patience.command)
        except _LOST as error:
            raise RelayFailed(f"the relay broke off: {_said(error)}; it is tried again later") from error


def _reply(response: SMTPResponse) -> Reply:
    return Reply(response.code, _printable(response.message, 400))


def _said(error: BaseException) -> str:
    return _printable(str(error), 300) or type(error).__name__


def _printable(text: str, limit: int) -> str:
    """A relay's words on one line: a database takes no NUL and no byte that is not UTF-8."""
    return "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split())[:limit])
