"""A lane: one channel, one mail after the other. Compose, offer, gate, dot, record."""

import asyncio
import hashlib
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random

import structlog

from digestd.deliver.committer import Committer
from digestd.deliver.composer import Composer
from digestd.deliver.supply import Supply
from digestd.deliver.tally import Tally
from digestd.domain.delivery import Claim, Outcome, State
from digestd.errors import RelayFailed
from digestd.retry import SAME_REFUSALS_STOP, Reply, Stage, Verdict, next_wait, verdict
from digestd.store.ledger import Gated, Pass, Result
from digestd.transports import Channel, LostReply, Mail, Refusal, Transport

IDLE_SECONDS = 30.0
"""A channel that rested longer is opened anew: relays close those that say nothing."""
COMPOSE_TRIES = 3
COMPOSE_WAIT = timedelta(minutes=10)
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Lane:
    """What a lane works with; several run at once over the same supply, committer and tally."""

    owner: str
    transport: Transport
    supply: Supply
    composer: Composer
    committer: Committer
    tally: Tally
    rng: Random

    async def run(self) -> None:
        """Carry mails until the supply has none. Raises RelayFailed when the relay will not serve us."""
        channel: Channel | None = None
        loop_time = asyncio.get_running_loop().time
        used = loop_time()
        try:
            while (claim := await self.supply.next(self.tally)) is not None:
                if channel is not None and loop_time() - used > IDLE_SECONDS:
                    await channel.close()
                    channel = None
                if channel is None:
                    channel = await self._connect(claim)
                channel = await self._carry(channel, claim)
                used = loop_time()
        finally:
            if channel is not None:
                await channel.close()

    async def _connect(self, claim: Claim) -> Channel:
        try:
            return await self.transport.connect()
        except BaseException:
            self._not_sent(claim)
            raise

    async def _carry(self, channel: Channel, claim: Claim) -> Channel | None:
        """One mail over the channel; the channel if it can be used again."""
        message = self._compose(claim)
        if message is None:
            return channel
        try:
            refusal = await channel.offer(Mail(claim.envelope_from, claim.address, message))
        except BaseException:
            await channel.abandon()
            # A mail that makes the relay break off must not stand first in line for ever.
            self._not_sent(claim, next_wait(claim.attempt, self.rng))
            raise
        if refusal is not None:
            self._refused(claim, refusal)
            return channel
        return await self._dot(channel, claim, hashlib.sha256(message).digest())

    def _compose(self, claim: Claim) -> bytes | None:
        try:
            return self.composer.compose(claim)
        except Exception as error:  # whatever a template or a paper does, it is this mail's problem alone
            log.error("cannot compose", delivery=claim.key, error=type(error).__name__)
            last = claim.failures + 1 >= COMPOSE_TRIES
            state = State.POISONED if last else State.READY
            self.tally.poisoned += last
            self.tally.deferred += not last
            failed = self._result(claim, state, Outcome.NOT_SENT)
            why = f"cannot be composed: {type(error).__name__}"
            self.committer.record(replace(failed, reason=why if last else None, wait=COMPOSE_WAIT, failed=True))
            return None

    async def _dot(self, channel: Channel, claim: Claim, sha256: bytes) -> Channel | None:
        try:
            gated = await self.committer.gate(Pass(claim.key, claim.attempt, self.owner, sha256))
        except BaseException:
            await channel.abandon()
            self._not_sent(claim)
            raise
        if gated is not Gated.OK:
            await channel.abandon()
            self.tally.skipped += gated is Gated.GONE
            self.tally.expired += gated is Gated.EXPIRED
            if gated is Gated.FENCED:
                self._not_sent(claim)
            return None
        try:
            reply = await channel.commit()
        except LostReply as lost:
            self._uncertain(claim, f"no answer to the dot: {lost}")
            return None
        except RelayFailed:
            self._not_sent(claim, next_wait(claim.attempt, self.rng))
            raise
        except asyncio.CancelledError:
            self._uncertain(claim, "stopped while waiting for the answer to the dot")
            raise
        self._answered(claim, reply)
        return channel

    def _answered(self, claim: Claim, reply: Reply) -> None:
        if 200 <= reply.code < 300:
            self.tally.accepted += 1
            self.tally.refusals.clear()
            self.committer.record(self._result(claim, State.ACCEPTED, Outcome.ACCEPTED, reply))
            return
        self._refused(claim, Refusal(Stage.DOT, reply))

    def _refused(self, claim: Claim, refusal: Refusal) -> None:
        """Write down a refusal; raises RelayFailed where it is the relay that refuses, not this mail."""
        # Never the relay's words: they name the recipient, and reasons are logged and outlive erasure.
        said = f"{refusal.stage}: {refusal.reply.code} {refusal.reply.enhanced}".strip()
        match verdict(refusal.stage, refusal.reply):
            case Verdict.NEVER:
                self.tally.rejected += 1
                refused = self._result(claim, State.REJECTED, Outcome.PERM, refusal.reply)
                self.committer.record(replace(refused, reason=said))
                self._stop_if_all_alike(refusal)
            case Verdict.LATER:
                self.tally.deferred += 1
                later = self._result(claim, State.READY, Outcome.TEMP, refusal.reply)
                self.committer.record(replace(later, wait=next_wait(claim.attempt, self.rng)))
            case Verdict.LANE:
                self.tally.deferred += 1
                later = self._result(claim, State.READY, Outcome.TEMP, refusal.reply)
                self.committer.record(replace(later, wait=next_wait(claim.attempt, self.rng)))
                raise RelayFailed(f"the relay refuses to serve us ({said}); it is tried again later")

    def _stop_if_all_alike(self, refusal: Refusal) -> None:
        if refusal.stage is Stage.DOT:
            self.tally.refusals[refusal.reply.code] += 1
            if self.tally.refusals[refusal.reply.code] >= SAME_REFUSALS_STOP:
                raise RelayFailed(
                    f"the relay refused {SAME_REFUSALS_STOP} mails alike "
                    f"({refusal.reply.code} {refusal.reply.enhanced}); "
                    "look at the template, DKIM and the relay's policy before going on"
                )

    def _uncertain(self, claim: Claim, reason: str) -> None:
        self.tally.uncertain += 1
        ended = self._result(claim, State.UNCERTAIN, Outcome.UNCERTAIN)
        self.committer.record(replace(ended, reason=reason[:200]))

    def _not_sent(self, claim: Claim, wait: timedelta = timedelta(0)) -> None:
        self.committer.record(replace(self._result(claim, State.READY, Outcome.NOT_SENT), wait=wait))

    def _result(self, claim: Claim, state: State, outcome: Outcome, reply: Reply | None = None) -> Result:
        return Result(
            delivery=claim.key,
            attempt=claim.attempt,
            owner=self.owner,
            state=state,
            outcome=outcome,
            code=reply.code if reply else None,
            text=reply.text if reply else "",
            queue_id=reply.queue_id if reply else None,
        )
