"""A transport based on aiosmtplib, command by command, to compare with."""

import contextlib

from aiosmtplib import SMTP, SMTPException, SMTPResponse

from digestd.delivery.transports.transport import Connection, LostReply, OutgoingMail, Refusal, SmtpReply, Stage
from digestd.errors import RelayFailed
from digestd.mail.mime import dot_stuff

_LOST = (SMTPException, OSError, EOFError)
SECONDS = 0.5


class PlainTransport:
    """A transport to 127.0.0.1."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def connect(self) -> Connection:
        """See Transport.connect."""
        client = SMTP(hostname="127.0.0.1", port=self._port, use_tls=False, start_tls=False, timeout=SECONDS)
        await client.connect()
        await client.ehlo()
        return PlainChannel(client)


class PlainChannel:
    """A session of aiosmtplib."""

    def __init__(self, client: SMTP) -> None:
        self._client = client

    async def offer(self, mail: OutgoingMail) -> Refusal | None:
        """See Channel.offer."""
        commands = (
            (Stage.MAIL, b"MAIL FROM:<" + mail.envelope_from.encode() + b">", 250),
            (Stage.RCPT, b"RCPT TO:<" + mail.to.encode() + b">", 250),
            (Stage.DATA, b"DATA", 354),
        )
        for stage, command, wanted in commands:
            reply = await self._command(command)
            if reply.code == wanted:
                continue
            if not 400 <= reply.code < 600:
                raise RelayFailed("out of step")
            with contextlib.suppress(RelayFailed):
                await self._command(b"RSET")
            return Refusal(stage, reply)
        assert self._client.protocol is not None
        self._client.protocol.write(dot_stuff(mail.message))
        return None

    async def commit(self, _then: OutgoingMail | None = None) -> SmtpReply:
        """See Channel.commit."""
        try:
            reply = _reply(await self._client.execute_command(b"."))
        except _LOST as error:
            raise LostReply(str(error)) from error
        if not (200 <= reply.code < 300 or 400 <= reply.code < 600):
            raise LostReply(f"{reply.code}")
        return reply

    async def abandon(self) -> None:
        """See Channel.abandon."""
        self._client.close()

    async def close(self) -> None:
        """See Channel.close."""
        with contextlib.suppress(*_LOST):
            await self._client.quit(timeout=SECONDS)
        self._client.close()

    async def _command(self, command: bytes) -> SmtpReply:
        try:
            return _reply(await self._client.execute_command(command))
        except _LOST as error:
            self._client.close()
            raise RelayFailed(str(error)) from error


def _reply(response: SMTPResponse) -> SmtpReply:
    return SmtpReply(response.code, response.message)
