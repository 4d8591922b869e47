"""Mails over SMTP sessions: one recipient a transaction, the dot apart from the body.

Where the relay offers PIPELINING (RFC 2920), an envelope (MAIL, RCPT, DATA) is one write, and that of
the next mail goes with the dot of this one, so that a mail costs one round trip. Where it does not,
or once it has answered out of step, each command waits for its answer; the outcomes are the same.
"""

import asyncio
from dataclasses import dataclass

import structlog

from digestd.errors import RelayFailed
from digestd.message import dot_stuffed
from digestd.retry import Reply, Stage
from digestd.transports.smtp.envelope import GO_AHEAD, STAGES, PipelineMismatch, commands, is_verdict, refusal
from digestd.transports.smtp.relay import Relay
from digestd.transports.smtp.reply_parser import InvalidReply
from digestd.transports.smtp.session import SmtpSession, error_text, open_session
from digestd.transports.smtp.stream import LOST, SmtpStream
from digestd.transports.transport import Connection, LostReply, OutgoingMail, Refusal

DOT = b".\r\n"
QUIT_SECONDS = 5.0
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class RelayBehaviour:
    """What the channels to a relay have learnt of it. `in_step`: it answers pipelined commands one by one."""

    in_step: bool = True


class SmtpTransport:
    """Opens one session a channel."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._habits = RelayBehaviour()

    async def connect(self) -> Connection:
        """See Transport.connect."""
        channel = SmtpConnection(self._relay, self._habits)
        await channel.open()
        return channel


class _Closed(RelayFailed):
    """The session ended before the envelope had any answer."""


class SmtpConnection:
    """The mails of one lane, over one session after the other."""

    def __init__(self, relay: Relay, habits: RelayBehaviour) -> None:
        self._relay = relay
        self._habits = habits
        self._session: SmtpSession | None = None
        self._used = False
        self._ahead: OutgoingMail | None = None  # its envelope went with the last dot
        self._until = 0.0

    async def open(self) -> None:
        """Begin a session in place of the present one. Raises RelayFailed."""
        self._drop()
        self._session, self._used = await open_session(self._relay), False

    async def offer(self, mail: OutgoingMail) -> Refusal | None:
        """See Channel.offer."""
        self._until = asyncio.get_running_loop().time() + self._relay.patience.mail
        if self._ahead is not mail and (self._ahead is not None or self._session is None):
            await self.open()
        pipelined = self._pipelines
        try:
            refused = await self._envelope(mail)
        except PipelineMismatch as error:
            if not pipelined:
                raise
            refused = await self._in_plain(mail, error)
        except _Closed:
            if not self._used:
                raise
            await self.open()  # relays close a session after so many mails, or so much time
            refused = await self._envelope(mail)
        return refused or await self._body(mail)

    async def commit(self, then: OutgoingMail | None = None) -> Reply:
        """See Channel.commit."""
        wire = self._wire
        if wire.has_said or wire.is_lost:
            return await self._early(wire)
        chained = b"".join(self._commands(then)) if then is not None and self._pipelines else b""
        wire.write(DOT + chained, tail=len(DOT + chained) - 1)
        try:
            reply = await wire.reply(self._relay.patience.dot)
        except LOST as error:
            self._drop()
            if wire.holds_back:
                raise _broken(error) from error
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
        """See Channel.abandon: there is no way to leave DATA but to break the connection off."""
        self._drop()

    async def close(self) -> None:
        """See Channel.close."""
        wire = self._session.wire if self._session is not None else None
        if wire is not None and wire.is_idle and self._ahead is None:
            wire.write(b"QUIT\r\n")
            try:
                await wire.reply(QUIT_SECONDS)
            except LOST as error:
                log.debug("no answer to QUIT", why=error_text(error))
        self._drop()

    @property
    def _wire(self) -> SmtpStream:
        if self._session is None:
            raise RelayFailed("the relay broke off before the dot; it is tried again later")
        return self._session.wire

    @property
    def _pipelines(self) -> bool:
        return self._session is not None and self._session.pipelining and self._habits.in_step

    def _commands(self, mail: OutgoingMail) -> tuple[bytes, bytes, bytes]:
        return commands(mail, self._session is not None and self._session.dsn)

    def _drop(self) -> None:
        if self._session is not None:
            self._session.wire.abort()
        self._session = self._ahead = None

    async def _in_plain(self, mail: OutgoingMail, error: PipelineMismatch) -> Refusal | None:
        """The envelope once more, over a new session and command by command: nothing of the mail has left."""
        log.warning("pipelining is given up, as the answers were out of step", relay=self._relay.name, why=str(error))
        self._habits.in_step = False
        await self.open()
        return await self._envelope(mail)

    async def _envelope(self, mail: OutgoingMail) -> Refusal | None:
        """The envelope's answers: of what went ahead, or of what is sent now."""
        ahead, self._ahead = self._ahead is mail, None
        wire = self._wire
        if not ahead and not wire.is_idle:
            raise _Closed("the relay closed the session; it is tried again later")
        if self._pipelines or ahead:
            if not ahead:
                wire.write(b"".join(self._commands(mail)))
            return await self._pipelined(wire, chained=ahead)
        return await self._one_by_one(wire, mail)

    async def _pipelined(self, wire: SmtpStream, chained: bool) -> Refusal | None:
        """Read all three answers; the first refusal counts."""
        refused = None
        for stage in STAGES:
            try:
                reply = await self._reply(wire, stage)
            except RelayFailed as error:
                if refused is not None:
                    return refused
                if isinstance(error.__cause__, InvalidReply) or (chained and isinstance(error.__cause__, TimeoutError)):
                    raise PipelineMismatch(str(error)) from error
                raise
            refused = refused or refusal(stage, reply)
        if refused is not None:
            await self._leave(wire, in_data=reply.code == GO_AHEAD)
        return refused

    async def _one_by_one(self, wire: SmtpStream, mail: OutgoingMail) -> Refusal | None:
        for stage, command in zip(STAGES, self._commands(mail), strict=True):
            wire.write(command)
            refused = refusal(stage, await self._reply(wire, stage))
            if refused is not None:
                await self._leave(wire, in_data=False)
                return refused
        return None

    async def _reply(self, wire: SmtpStream, stage: Stage) -> Reply:
        """The answer to a command. Raises _Closed where not even the first came, else RelayFailed."""
        left = self._until - asyncio.get_running_loop().time()
        try:
            return await wire.reply(max(0.0, min(self._relay.patience.command, left)))
        except LOST as error:
            self._drop()
            raise (_broken(error, _Closed) if stage is Stage.MAIL else _broken(error)) from error

    async def _leave(self, wire: SmtpStream, *, in_data: bool) -> None:
        """End a refused transaction: where the relay waits for a body all the same, by a lone dot (RFC 2920)."""
        wire.write(DOT if in_data else b"RSET\r\n")
        try:
            reply = await wire.reply(self._relay.patience.command)
        except LOST:
            self._drop()
            return
        if not (is_verdict(reply) and reply.code != 421):
            self._drop()

    async def _body(self, mail: OutgoingMail) -> Refusal | None:
        """Hand the body to the kernel, as far as the relay takes it: the dot must not wait behind it."""
        wire = self._wire
        wire.write(mail.message if mail.dotless else dot_stuffed(mail.message))
        try:
            await wire.drained(self._relay.patience.command)
        except LOST as error:
            self._drop()
            raise _broken(error) from error
        return Refusal(Stage.DOT, await self._early(wire)) if wire.has_said else None

    async def _early(self, wire: SmtpStream) -> Reply:
        """What the relay said amid the body. The dot is not sent any more, so only a refusal can be meant."""
        try:
            reply = await wire.reply(0)
        except LOST as error:
            raise _broken(error) from error
        finally:
            self._drop()
        if not 400 <= reply.code < 600:
            raise RelayFailed(f"the relay answered {reply.code} amid the body; it is tried again later")
        return reply


def _broken(error: Exception, kind: type[RelayFailed] = RelayFailed) -> RelayFailed:
    return kind(f"the relay broke off: {error_text(error)}; it is tried again later")
