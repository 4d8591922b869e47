"""A past digest once more: composed from what was frozen, and held against what was sent."""

import hashlib
from dataclasses import dataclass

from digestd.deliver.composer import Composer
from digestd.deliver.sender import Sender
from digestd.domain.delivery import State
from digestd.errors import NotFound
from digestd.render import Rendered
from digestd.schedule import period_date
from digestd.store.database import Database
from digestd.store.ledger import queries
from digestd.store.ledger.queries import PlannedDigest

_NEAREST = 5


@dataclass(frozen=True, slots=True)
class Replayed:
    """A digest composed again: its bytes, the same in words, and what the ledger says of it."""

    message: bytes
    rendered: Rendered
    ledger: PlannedDigest

    @property
    def sha256(self) -> bytes:
        """Of the bytes composed now."""
        return hashlib.sha256(self.message).digest()

    @property
    def verdict(self) -> str:
        """Whether these are the bytes that were handed over, in words for the operator."""
        if self.ledger.sha256 is None:
            return f"was never sent: its delivery is {self.ledger.state}"
        done = _DONE.get(self.ledger.state, "was offered last, and not taken")
        if self.differs:
            return (
                f"differs from what {done} (sha256 {self.ledger.sha256.hex()}, here {self.sha256.hex()}): "
                "the subscriber's name, address or language, or a setting of the sender, has changed since"
            )
        return f"matches what {done} (sha256 {self.sha256.hex()})"

    @property
    def differs(self) -> bool:
        """Whether other bytes than these were handed over."""
        return self.ledger.sha256 not in (None, self.sha256)


_DONE = {
    State.ACCEPTED: "was sent",
    State.UNCERTAIN: "was handed over, whether it arrived or not",
    State.DOT: "is being sent",
}


def replay(db: Database, sender: Sender, subscriber: int, period: str) -> Replayed:
    """Compose the digest that a subscriber was planned for a period. Raises NotFound where there is nothing to."""
    with db.read() as session:
        known = queries.digests(session, subscriber)
        planned = next((one for one in known if one.period == period), None)
        claim = None if planned is None else queries.as_claim(session, planned.key)
    if planned is None or claim is None:
        raise NotFound(f"there is no digest of {period}; {_instead(known, period)}")
    if planned.state is State.EMPTY:
        raise NotFound(f"the day was empty: {period} held nothing for this subscriber, so there was no mail")
    composer = Composer(db, sender)
    composer.prepare([claim])
    return Replayed(composer.compose(claim), composer.render(claim), planned)


def _instead(known: list[PlannedDigest], period: str) -> str:
    wanted = period_date(period)
    held = [one.period for one in known if one.state is not State.EMPTY]
    if not held:
        return "no digest was planned for this subscriber yet"
    nearest = sorted(held, key=lambda key: abs(period_date(key) - wanted))[:_NEAREST]
    return f"the nearest: {', '.join(sorted(nearest, key=period_date))}"
