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

CONNECT_SECONDS = 30.0
COMMAND_SECONDS = 300.0
DOT_SECONDS = 600.0
"""RFC 5321 section 4.5.3.2.6: a shorter wait manufactures uncertainty, and with it duplicates."""
_LOST = (SMTPException, OSError, EOFError, asyncio.TimeoutError)


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
            timeout=CONNECT_SECONDS,
            use_tls=relay.tls == "implicit",
            start_tls=relay.tls == "starttls",
            tls_context=relay.context,
        )
        try:
            await client.connect()
        except SMTPAuthenticationError as error:
            raise RelayFailed(
                f"relay {relay.host}:{relay.port} refuses the user name or password ({error.code} {error.message}); "
                "correct DIGESTD_TRANSPORT_URL"
            ) from error
        except _LOST as error:
            client.close()
            raise RelayFailed(f"relay {relay.host}:{relay.port}: {_said(error)}; it is tried again later") from error
        return SmtpChannel(client)


class SmtpChannel:
    """One SMTP session."""

    def __init__(self, client: SMTP) -> None:
        self._client = client

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
        self._write(dot_stuffed(mail.message))
        return None

    async def commit(self) -> Reply:
        """See Channel.commit."""
        try:
            reply = _reply(await self._client.execute_command(b".", timeout=DOT_SECONDS))
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
            return _reply(await self._client.execute_command(*parts, timeout=COMMAND_SECONDS))
        except _LOST as error:
            self._client.close()
            raise RelayFailed(f"the relay broke off: {_said(error)}; it is tried again later") from error

    async def _reset(self) -> None:
        with contextlib.suppress(RelayFailed):
            await self._command(b"RSET")

    def _write(self, body: bytes) -> None:
        try:
            assert self._client.protocol is not None  # noqa: S101  # DATA was just answered on it
            self._client.protocol.write(body)
        except _LOST as error:
            raise RelayFailed(f"the relay broke off: {_said(error)}; it is tried again later") from error


def _reply(response: SMTPResponse) -> Reply:
    return Reply(response.code, " ".join(response.message.split())[:400])


def _said(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
