"""Transfer mails over SMTP sessions.

One recipient per transaction, the final dot sent apart from the body.

If the relay offers PIPELINING (RFC 2920), an envelope (MAIL, RCPT, DATA) is one write, and the next mail's envelope is
sent with this mail's final dot, so that a mail costs one round trip. Otherwise, or after the relay has answered out of
order, each command waits for its answer; the outcomes are the same.
"""

import asyncio
from dataclasses import dataclass

import structlog

from digestd.delivery.transports.smtp.session import Relay, SmtpSession, error_text, open_session
from digestd.delivery.transports.smtp.stream import CONNECTION_ERRORS, InvalidReply, SmtpStream
from digestd.delivery.transports.transport import (
    SESSION_ENDS,
    Connection,
    LostReply,
    OutgoingMail,
    Refusal,
    SmtpReply,
    Stage,
)
from digestd.errors import ConnectionFailed, RelayFailed
from digestd.mail.mime import dot_stuff

ENVELOPE_STAGES = (Stage.MAIL, Stage.RCPT, Stage.DATA)
START_MAIL_INPUT = 354
"""The answer to DATA that asks for the body (RFC 5321 section 4.2.3)."""
FINAL_DOT = b".\r\n"
QUIT_SECONDS = 5.0
log = structlog.get_logger(__name__)


class PipelineMismatch(ConnectionFailed):
    """The answers do not match the commands.

    It is unknown what the relay understood.
    """


@dataclass(slots=True)
class RelayBehaviour:
    """Behaviour observed of a relay.

    `pipelines`: it answers pipelined commands in order.
    """

    pipelines: bool = True


class SmtpTransport:
    """Opens SMTP connections to one relay."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._behaviour = RelayBehaviour()

    async def connect(self) -> Connection:
        connection = SmtpConnection(self._relay, self._behaviour)
        await connection.open()
        return connection


class _SessionClosed(ConnectionFailed):
    """The session ended before any command of the envelope was answered."""


class SmtpConnection:
    """Mails of one sending worker, over one session after the other."""

    def __init__(self, relay: Relay, behaviour: RelayBehaviour) -> None:
        self._relay = relay
        self._behaviour = behaviour
        self._session: SmtpSession | None = None
        self._used = False
        self._ahead: OutgoingMail | None = None  # its envelope was sent with the last final dot
        self._until = 0.0

    async def open(self) -> None:
        """Open a session in place of the current one. Raises RelayFailed."""
        self._drop()
        self._session, self._used = await open_session(self._relay), False

    async def offer(self, mail: OutgoingMail) -> Refusal | None:
        """Send envelope and body; see Connection.offer."""
        self._until = asyncio.get_running_loop().time() + self._relay.timeouts.mail
        if self._ahead is not mail and (self._ahead is not None or self._session is None):
            await self.open()
        pipelined = self._pipelines
        try:
            refused = await self._envelope(mail)
        except PipelineMismatch as error:
            if not pipelined:
                raise
            refused = await self._retry_without_pipelining(mail, error)
        except _SessionClosed:
            if not self._used:
                raise
            refused = await self._in_new_session(mail)
        # 421 after some mails in a session asks for another session, and not to slow down
        if refused is not None and refused.reply.code == SESSION_ENDS and self._used:
            refused = await self._in_new_session(mail)
        return refused or await self._body(mail)

    async def commit(self, then: OutgoingMail | None = None) -> SmtpReply:
        """Send the final dot; see Connection.commit."""
        stream = self._stream
        if stream.has_reply or stream.is_lost:
            return await self._early(stream)
        chained = b"".join(self._commands(then)) if then is not None and self._pipelines else b""
        stream.write(FINAL_DOT + chained, tail=len(FINAL_DOT + chained) - 1)
        try:
            reply = await stream.reply(self._relay.timeouts.final_dot)
        except CONNECTION_ERRORS as error:
            self._drop()
            if stream.is_blocked:
                raise _connection_error(error) from error
            raise LostReply(error_text(error)) from error
        except asyncio.CancelledError:
            self._drop()
            raise
        if not is_verdict(reply):
            self._drop()
            raise LostReply(f"unreadable answer {reply.code} {reply.text}")
        self._used, self._ahead = True, then if chained else None
        return reply

    async def abandon(self) -> None:
        """Close the connection, which is the only way to leave DATA.

        See Connection.abandon.
        """
        self._drop()

    async def close(self) -> None:
        """Send QUIT if the session is idle; see Connection.close."""
        stream = self._session.stream if self._session is not None else None
        if stream is not None and stream.is_idle and self._ahead is None:
            stream.write(b"QUIT\r\n")
            try:
                await stream.reply(QUIT_SECONDS)
            except CONNECTION_ERRORS as error:
                log.debug("no answer to QUIT", why=error_text(error))
        self._drop()

    @property
    def _stream(self) -> SmtpStream:
        if self._session is None:
            raise ConnectionFailed("the relay closed the connection before the final dot; digestd will retry later")
        return self._session.stream

    @property
    def _pipelines(self) -> bool:
        return self._session is not None and self._session.pipelining and self._behaviour.pipelines

    def _commands(self, mail: OutgoingMail) -> tuple[bytes, bytes, bytes]:
        return envelope_commands(mail, self._session is not None and self._session.dsn)

    def _drop(self) -> None:
        if self._session is not None:
            self._session.stream.abort()
        self._session = self._ahead = None

    async def _in_new_session(self, mail: OutgoingMail) -> Refusal | None:
        """Send the envelope in a new session: relays end one after so many mails, or so much time."""
        await self.open()
        return await self._envelope(mail)

    async def _retry_without_pipelining(self, mail: OutgoingMail, error: PipelineMismatch) -> Refusal | None:
        """Repeat the envelope over a new session, one command at a time.

        Nothing of the mail has been sent.
        """
        log.warning("pipelining disabled: the relay answered out of order", relay=self._relay.name, why=str(error))
        self._behaviour.pipelines = False
        return await self._in_new_session(mail)

    async def _envelope(self, mail: OutgoingMail) -> Refusal | None:
        """Send the envelope and read the answers.

        It is not sent again if it went with the last final dot.
        """
        ahead, self._ahead = self._ahead is mail, None
        stream = self._stream
        if not ahead and not stream.is_idle:
            raise _SessionClosed("the relay closed the session; digestd will retry later")
        if self._pipelines or ahead:
            if not ahead:
                stream.write(b"".join(self._commands(mail)))
            return await self._pipelined(stream, chained=ahead)
        return await self._one_by_one(stream, mail)

    async def _pipelined(self, stream: SmtpStream, chained: bool) -> Refusal | None:
        """Read all three answers; the first refusal counts."""
        refused = None
        for stage in ENVELOPE_STAGES:
            try:
                reply = await self._reply(stream, stage)
            except RelayFailed as error:
                if refused is not None:
                    return refused
                if isinstance(error.__cause__, InvalidReply) or (chained and isinstance(error.__cause__, TimeoutError)):
                    raise PipelineMismatch(str(error)) from error
                return _lost_at(stage, error)
            refused = refused or as_refusal(stage, reply)
        if refused is not None:
            await self._leave(stream, in_data=reply.code == START_MAIL_INPUT)
        return refused

    async def _one_by_one(self, stream: SmtpStream, mail: OutgoingMail) -> Refusal | None:
        for stage, command in zip(ENVELOPE_STAGES, self._commands(mail), strict=True):
            stream.write(command)
            try:
                refused = as_refusal(stage, await self._reply(stream, stage))
            except ConnectionFailed as error:
                self._drop()
                return _lost_at(stage, error)
            if refused is not None:
                await self._leave(stream, in_data=False)
                return refused
        return None

    async def _reply(self, stream: SmtpStream, stage: Stage) -> SmtpReply:
        """Read the answer to a command.

        Raises RelayFailed if it does not come in time, and _SessionClosed if not even MAIL is answered.
        """
        left = self._until - asyncio.get_running_loop().time()
        try:
            return await stream.reply(max(0.0, min(self._relay.timeouts.command, left)))
        except CONNECTION_ERRORS as error:
            self._drop()
            raise (
                _connection_error(error, _SessionClosed) if stage is Stage.MAIL else _connection_error(error)
            ) from error

    async def _leave(self, stream: SmtpStream, *, in_data: bool) -> None:
        """End a refused transaction.

        Send a lone dot if the relay waits for a body nevertheless (RFC 2920).
        """
        stream.write(FINAL_DOT if in_data else b"RSET\r\n")
        try:
            reply = await stream.reply(self._relay.timeouts.command)
        except CONNECTION_ERRORS:
            self._drop()
            return
        if not (is_verdict(reply) and reply.code != SESSION_ENDS):
            self._drop()

    async def _body(self, mail: OutgoingMail) -> Refusal | None:
        """Write the body until the kernel has all of it.

        This way, the final dot does not wait behind it.
        """
        stream = self._stream
        stream.write(mail.message if mail.dotless else dot_stuff(mail.message))
        try:
            await stream.drained(self._relay.timeouts.command)
        except CONNECTION_ERRORS as error:
            self._drop()
            raise _connection_error(error) from error
        return Refusal(Stage.FINAL_DOT, await self._early(stream)) if stream.has_reply else None

    async def _early(self, stream: SmtpStream) -> SmtpReply:
        """Read an answer that came during the body.

        The final dot is not sent, so it can only be a refusal.
        """
        try:
            reply = await stream.reply(0)
        except CONNECTION_ERRORS as error:
            raise _connection_error(error) from error
        finally:
            self._drop()
        if not 400 <= reply.code < 600:
            raise ConnectionFailed(f"the relay answered {reply.code} during the body; digestd will retry later")
        return reply


def envelope_commands(mail: OutgoingMail, dsn: bool) -> tuple[bytes, bytes, bytes]:
    """Return one command per stage.

    With `dsn` (RFC 3461), bounces name the attempt and contain only headers.
    """
    ret, notify = (f" RET=HDRS ENVID={mail.envid}", " NOTIFY=FAILURE") if dsn and mail.envid else ("", "")
    return (
        f"MAIL FROM:<{mail.envelope_from}>{ret}\r\n".encode("ascii"),
        f"RCPT TO:<{mail.to}>{notify}\r\n".encode("ascii"),
        b"DATA\r\n",
    )


def as_refusal(stage: Stage, reply: SmtpReply) -> Refusal | None:
    """Return the refusal that an answer means, if any.

    Raises PipelineMismatch if it fits no such command.
    """
    if reply.code == START_MAIL_INPUT if stage is Stage.DATA else 250 <= reply.code < 260:
        return None
    if 400 <= reply.code < 600:
        return Refusal(stage, reply)
    raise PipelineMismatch(f"the relay answers {reply.code} to {stage.upper()}; digestd will retry later")


def _lost_at(stage: Stage, error: RelayFailed) -> Refusal:
    """Return the refusal that a lost or absurd answer to RCPT is; raise the error at other stages."""
    if stage is not Stage.RCPT:
        raise error
    return Refusal(stage, SmtpReply(0, str(error)))


def is_verdict(reply: SmtpReply) -> bool:
    """Return True if an answer to the final dot says whether the mail was accepted."""
    return 200 <= reply.code < 300 or 400 <= reply.code < 600


def _connection_error(error: Exception, kind: type[RelayFailed] = ConnectionFailed) -> RelayFailed:
    return kind(f"the relay closed the connection: {error_text(error)}; digestd will retry later")
