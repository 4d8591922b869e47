"""Uncertain digests, offered by the next digest with a link.

Decided when that is planned.

An uncertain digest is not sent again, but its papers count as seen. The link lets the subscriber read it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlmodel import Session

from digestd.domain.delivery import UNSENT, MailKind, State
from digestd.store import core
from digestd.store.bulk import KeyLookup
from digestd.store.ledger.indexes import UNCERTAIN
from digestd.store.timestamps import to_us

OFFERED_FOR = timedelta(days=15)
"""Older ones are useless: two weekly digests have been sent since."""
_D = core.delivery.c


@dataclass(frozen=True, slots=True)
class OfferedDigest:
    """A digest that may not have arrived: its delivery and period."""

    delivery: int
    period: str


def offer_uncertain(session: Session, subscribers: Sequence[int], now: datetime) -> int:
    """Let the ready digests of these subscribers offer earlier uncertain ones.

    Return how many.

    Each is offered once, or again if the digest that offered it was not sent. Called in the transaction that plans.
    """
    if session.connection().execute(select(_D.id).where(UNCERTAIN).limit(1)).first() is None:
        return 0  # the usual case
    next_, lost = core.delivery.alias("next"), core.delivery.alias("lost")
    coming = select(func.max(next_.c.id)).where(
        next_.c.subscriber_id == _D.subscriber_id,
        next_.c.kind == MailKind.DIGEST,
        next_.c.state == State.READY,
        next_.c.id > _D.id,
    )
    unsent = select(lost.c.id).where(lost.c.id == _D.offered_in, lost.c.state.in_(sorted(UNSENT)))
    statement = (
        update(core.delivery)
        .where(
            UNCERTAIN,
            _D.kind == MailKind.DIGEST,
            _D.subscriber_id.in_(subscribers),
            _D.due_us > to_us(now - OFFERED_FOR),
            _D.offered_in.is_(None) | unsent.exists(),
        )
        .values(offered_in=coming.scalar_subquery())
    )
    return session.connection().execute(statement).rowcount


def offered_by(session: Session, deliveries: Sequence[int]) -> dict[int, tuple[OfferedDigest, ...]]:
    """Return the uncertain digests that each of these digests offers, oldest first."""
    found: dict[int, tuple[OfferedDigest, ...]] = {}
    for by, key, period in _OFFERED.rows(session, deliveries):
        found[by] = (*found.get(by, ()), OfferedDigest(key, period))
    return found


_OFFERED = KeyLookup(select(_D.offered_in, _D.id, _D.key).order_by(_D.id), _D.offered_in)
