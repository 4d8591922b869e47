"""One sending worker: one connection, one mail after the other.

For each mail: compose, transfer up to the final dot, pass the commit point, send the final dot, record the answer.
The next mail is composed before the final dot of this one, so that its envelope can travel in the same packet.
"""

import asyncio
from dataclasses import dataclass
from typing import NamedTuple

from digestd.delivery.attempt_recorder import AttemptRecorder
from digestd.delivery.claim_queue import ClaimQueue
from digestd.delivery.composer import Composer
from digestd.delivery.group_commit import GroupCommit
from digestd.delivery.transports import Route
from digestd.delivery.transports.transport import Connection, LostReply, OutgoingMail
from digestd.domain.delivery import Claim
from digestd.errors import RelayFailed
from digestd.security.links import envelope_tag
from digestd.store.ledger.commit_point import CommitDecision, CommitRequest

IDLE_SECONDS = 30.0
"""A connection idle for longer is reopened, because relays close idle connections."""


class PreparedMail(NamedTuple):
    """A claim and the mail composed from it.

    `sha256` is the hash of the message bytes.
    """

    claim: Claim
    mail: OutgoingMail
    sha256: bytes


@dataclass(frozen=True, slots=True)
class SendingContext:
    """The objects that all workers of one relay share."""

    owner: str
    route: Route
    queue: ClaimQueue
    composer: Composer
    commits: GroupCommit
    recorder: AttemptRecorder


class SendingWorker:
    """Sends mails over one connection, reopened as needed."""

    def __init__(self, context: SendingContext) -> None:
        self._context = context
        self._connection: Connection | None = None
        self._last_used = 0.0
        self._next: PreparedMail | None = None

    async def run(self) -> None:
        """Send mails until none are left. Raises RelayFailed if the relay cannot be used."""
        try:
            while (prepared := await self._next_mail()) is not None:
                await self._send(prepared)
        finally:
            if self._next is not None:
                self._context.recorder.record_not_sent(self._next.claim)
            if self._connection is not None:
                await self._connection.close()

    async def _next_mail(self) -> PreparedMail | None:
        """Return the next mail, or None if none are left."""
        prepared, self._next = self._next, None
        while prepared is None:
            self._context.recorder.stop_if_composing_fails()
            claim = await self._context.queue.next(self._context.route.name, self._context.recorder.counters)
            if claim is None:
                return None
            prepared = self._compose(claim)
        return prepared

    def _compose(self, claim: Claim) -> PreparedMail | None:
        try:
            composed = self._context.composer.compose(claim)
            sender = claim.envelope_from
            mail = OutgoingMail(sender, claim.address, composed.message, envelope_tag(sender), dotless=True)
            return PreparedMail(claim, mail, composed.sha256)
        except Exception as error:
            self._context.recorder.record_not_composed(claim, error)
            return None

    async def _send(self, prepared: PreparedMail) -> None:
        connection = await self._connect(prepared)
        try:
            refusal = await connection.offer(prepared.mail)
        except BaseException:
            await connection.abandon()
            self._context.recorder.record_interrupted(prepared.claim)
            raise
        self._compose_next()
        if refusal is not None:
            self._context.recorder.record_refusal(prepared.claim, refusal)
        elif await self._pass_commit_point(connection, prepared):
            await self._send_final_dot(connection, prepared.claim)
        self._last_used = asyncio.get_running_loop().time()

    async def _connect(self, prepared: PreparedMail) -> Connection:
        """Return the open connection, or a new one if it is missing or was idle for long."""
        if self._connection is not None and asyncio.get_running_loop().time() - self._last_used > IDLE_SECONDS:
            await self._connection.close()
            self._connection = None
        if self._connection is None:
            try:
                self._connection = await self._context.route.transport.connect()
            except BaseException:
                self._context.recorder.record_not_sent(prepared.claim)
                raise
        return self._connection

    def _compose_next(self) -> None:
        """Take and compose the next mail if one is available without waiting."""
        claim = self._context.queue.take_ready(self._context.route.name)
        self._next = self._compose(claim) if claim is not None else None

    async def _pass_commit_point(self, connection: Connection, prepared: PreparedMail) -> bool:
        """Return True once the ledger has committed that the final dot may be sent."""
        claim = prepared.claim
        request = CommitRequest(
            claim.key, claim.attempt, self._context.owner, prepared.sha256, self._context.route.name, claim.message_id
        )
        try:
            gated = await self._context.commits.pass_commit_point(request)
        except BaseException:
            await connection.abandon()
            self._context.recorder.record_not_sent(claim)
            raise
        if gated is not CommitDecision.OK:
            await connection.abandon()
            self._context.recorder.record_stopped_at_commit_point(claim, gated)
        return gated is CommitDecision.OK

    async def _send_final_dot(self, connection: Connection, claim: Claim) -> None:
        recorder = self._context.recorder
        try:
            reply = await connection.commit(self._next.mail if self._next is not None else None)
        except LostReply as lost:
            recorder.record_uncertain(claim, f"no answer to the final dot: {lost}")
            return
        except RelayFailed:
            recorder.record_interrupted(claim)
            raise
        except asyncio.CancelledError:
            recorder.record_uncertain(claim, "stopped while waiting for the answer to the final dot")
            raise
        recorder.record_answer(claim, reply)
