"""A lane: one channel, one mail after the other. Compose, offer, gate, dot, record.

The next mail is composed before the dot of this one, so that its envelope can go with the dot.
"""

import asyncio
from dataclasses import dataclass
from typing import NamedTuple

from digestd.deliver.committer import Committer
from digestd.deliver.composer import Composer
from digestd.deliver.outcomes import Outcomes
from digestd.deliver.supply import Supply
from digestd.domain.delivery import Claim
from digestd.errors import RelayFailed
from digestd.links import envelope_tag
from digestd.store.ledger import CommitDecision, CommitRequest
from digestd.transports import Channel, LostReply, Mail, Route

IDLE_SECONDS = 30.0
"""A channel that rested longer is opened anew: relays close those that say nothing."""


class Letter(NamedTuple):
    """A claim and the mail composed from it."""

    claim: Claim
    mail: Mail
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Desk:
    """What the lanes to one route work with."""

    owner: str
    route: Route
    supply: Supply
    composer: Composer
    committer: Committer
    outcomes: Outcomes


class Lane:
    """Carries mails over one channel after the other."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._channel: Channel | None = None
        self._used = 0.0
        self._next: Letter | None = None

    async def run(self) -> None:
        """Carry mails until the supply has none. Raises RelayFailed when the relay will not serve us."""
        try:
            while (letter := await self._letter()) is not None:
                await self._carry(letter)
        finally:
            if self._next is not None:
                self._desk.outcomes.not_sent(self._next.claim)
            if self._channel is not None:
                await self._channel.close()

    async def _letter(self) -> Letter | None:
        """The next mail; None when the supply has none."""
        letter, self._next = self._next, None
        while letter is None:
            self._desk.outcomes.stop_if_none_can_be_made()
            claim = await self._desk.supply.next(self._desk.route.name, self._desk.outcomes.tally)
            if claim is None:
                return None
            letter = self._composed(claim)
        return letter

    def _composed(self, claim: Claim) -> Letter | None:
        try:
            composed = self._desk.composer.take(claim)
            sender = claim.envelope_from
            mail = Mail(sender, claim.address, composed.message, envelope_tag(sender), dotless=True)
            return Letter(claim, mail, composed.sha256)
        except Exception as error:
            self._desk.outcomes.not_composed(claim, error)
            return None

    async def _carry(self, letter: Letter) -> None:
        """One mail, and what became of it."""
        channel = await self._open(letter)
        try:
            refusal = await channel.offer(letter.mail)
        except BaseException:
            await channel.abandon()
            self._desk.outcomes.broke_off(letter.claim)
            raise
        self._look_ahead()
        if refusal is not None:
            self._desk.outcomes.refused(letter.claim, refusal)
        elif await self._passes(channel, letter):
            await self._dot(channel, letter.claim)
        self._used = asyncio.get_running_loop().time()

    async def _open(self, letter: Letter) -> Channel:
        """The channel, opened anew where it has rested for long."""
        if self._channel is not None and asyncio.get_running_loop().time() - self._used > IDLE_SECONDS:
            await self._channel.close()
            self._channel = None
        if self._channel is None:
            try:
                self._channel = await self._desk.route.transport.connect()
            except BaseException:
                self._desk.outcomes.not_sent(letter.claim)
                raise
        return self._channel

    def _look_ahead(self) -> None:
        """Take and compose the next mail, if one is at hand."""
        claim = self._desk.supply.at_hand(self._desk.route.name)
        self._next = self._composed(claim) if claim is not None else None

    async def _passes(self, channel: Channel, letter: Letter) -> bool:
        """Whether the gate lets the dot go."""
        claim = letter.claim
        wish = CommitRequest(
            claim.key, claim.attempt, self._desk.owner, letter.sha256, self._desk.route.name, claim.message_id
        )
        try:
            gated = await self._desk.committer.gate(wish)
        except BaseException:
            await channel.abandon()
            self._desk.outcomes.not_sent(claim)
            raise
        if gated is not CommitDecision.OK:
            await channel.abandon()
            self._desk.outcomes.turned_away(claim, gated)
        return gated is CommitDecision.OK

    async def _dot(self, channel: Channel, claim: Claim) -> None:
        outcomes = self._desk.outcomes
        try:
            reply = await channel.commit(self._next.mail if self._next is not None else None)
        except LostReply as lost:
            outcomes.uncertain(claim, f"no answer to the dot: {lost}")
            return
        except RelayFailed:
            outcomes.broke_off(claim)
            raise
        except asyncio.CancelledError:
            outcomes.uncertain(claim, "stopped while waiting for the answer to the dot")
            raise
        outcomes.answered(claim, reply)
