"""Assemble a past digest again by today's templates, and say whether its bytes are those that were sent."""

import hashlib
from dataclasses import dataclass

from digestd.delivery.chat_rooms import ROUTE
from digestd.delivery.composer import Composer, Sender
from digestd.domain.delivery import State
from digestd.domain.schedule import period_date
from digestd.errors import NotFound
from digestd.mail.content import Rendered
from digestd.mail.templates import Templates
from digestd.store.database import Database
from digestd.store.ledger import queries
from digestd.store.ledger.queries import DeliveryView

_NEAREST = 5


@dataclass(frozen=True, slots=True)
class ReplayedDigest:
    """A rebuilt digest: its bytes, its rendered content and its ledger row."""

    message: bytes
    rendered: Rendered
    ledger: DeliveryView

    @property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.message).digest()

    @property
    def verdict(self) -> str:
        """Return a sentence for the operator on whether these bytes were sent."""
        if self.ledger.sha256 is None:
            return f"was never sent: its delivery is {self.ledger.state}"
        done = _DONE.get(self.ledger.state, "was offered last and not accepted")
        if self.differs:
            return (
                f"differs from what {done} (sha256 {self.ledger.sha256.hex()}, now {self.sha256.hex()}): the "
                "subscriber's name, address or language, a sender setting or a template has changed since"
            )
        return f"matches what {done} (sha256 {self.sha256.hex()})"

    @property
    def differs(self) -> bool:
        return self.ledger.sha256 not in (None, self.sha256)


_DONE: dict[str, str] = {
    State.ACCEPTED: "was sent",
    State.UNCERTAIN: "was sent with an unknown outcome",
    State.FINAL_DOT: "is being sent",
}


def replay(db: Database, sender: Sender, templates: Templates, subscriber: int, period: str) -> ReplayedDigest:
    """Rebuild a subscriber's digest for a period. Raises NotFound if there is none."""
    with db.read() as session:
        known = queries.digests(session, subscriber)
        planned = next((one for one in known if one.period == period), None)
        claim = None if planned is None else queries.as_claim(session, planned.key)
    if planned is None or claim is None:
        raise NotFound(f"there is no digest for {period}; {_nearest_periods(known, period)}")
    if planned.state is State.EMPTY:
        raise NotFound(f"the digest for {period} was empty, so no mail was sent")
    composer = Composer(db, sender, templates)
    composer.prepare([claim])
    went_to_room = planned.relay == ROUTE
    composed = composer.compose_for_room(claim) if went_to_room else composer.compose(claim)
    return ReplayedDigest(composed.message, composer.render(claim), planned)


def _nearest_periods(known: list[DeliveryView], period: str) -> str:
    wanted = period_date(period)
    periods = [one.period for one in known if one.state is not State.EMPTY]
    if not periods:
        return "no digest has been planned for this subscriber yet"
    nearest = sorted(periods, key=lambda key: abs(period_date(key) - wanted))[:_NEAREST]
    return f"the nearest are {', '.join(sorted(nearest, key=period_date))}"
