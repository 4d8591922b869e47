"""Uncertain digests, offered by the next digest with a link; decided when that is planned.

An uncertain digest is never sent again blindly, but its papers count as seen. With the link its reader loses nothing.
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
"""An older one is of no use any more: two weekly digests have come since."""
_D = core.delivery.c


@dataclass(frozen=True, slots=True)
class OfferedDigest:
    """A digest that may not have arrived: its delivery and period."""

    delivery: int
    period: str


def offer_uncertain(session: Session, subscribers: Sequence[int], now: datetime) -> int:
    """Let the ready digests of these subscribers offer what is uncertain before them; how many. Each is offered once,
    unless what offered it never went out. In the transaction that plans the digests."""
    if session.connection().execute(select(_D.id).where(UNCERTAIN).limit(1)).first() is None:
        return 0  # as it mostly is
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
