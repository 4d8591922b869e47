"""Suppressions: addresses never to write to, by keyed hash. They outlive the subscriber."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from digestd.domain.subscriber import Cause, Status
from digestd.domain.suppression import SuppressionReason
from digestd.store import core, subscribers
from digestd.store.instants import to_us

_S = core.suppression.c
_STRENGTH = (
    SuppressionReason.HARD_BOUNCE,
    SuppressionReason.REQUEST,
    SuppressionReason.COMPLAINT,
    SuppressionReason.ERASED,
)
"""A later reason takes an earlier one's place, never the other way round."""


def suppress(session: Session, address_key: bytes, reason: SuppressionReason, now: datetime) -> None:
    """Never write to this address again, whoever it is; a subscriber behind it becomes `suppressed`."""
    known = subscribers.by_address_key(session, address_key, lock=True)
    note(session, address_key, reason, now)
    if known is not None and known.status is not Status.ERASED:
        subscribers.change_status(session, known.key, Status.SUPPRESSED, _CAUSE[reason], now)


_CAUSE = {
    SuppressionReason.HARD_BOUNCE: Cause.BOUNCE,
    SuppressionReason.REQUEST: Cause.CLI,
    SuppressionReason.COMPLAINT: Cause.COMPLAINT,
    SuppressionReason.ERASED: Cause.ERASE,
}


def note(session: Session, address_key: bytes, reason: SuppressionReason, now: datetime) -> None:
    """Write the suppression alone; a weaker reason than the standing one changes nothing."""
    values = {"address_key": address_key, "reason": reason, "at_us": to_us(now)}
    try:
        with session.begin_nested():
            session.connection().execute(insert(core.suppression).values(values))
    except IntegrityError:
        weaker = _STRENGTH[: _STRENGTH.index(reason)]
        change = update(core.suppression).where(_S.address_key == address_key, _S.reason.in_(weaker))
        session.connection().execute(change.values(reason=reason, at_us=to_us(now)))


def is_suppressed(session: Session, address_key: bytes) -> SuppressionReason | None:
    """Why an address must not be written to; None where it may."""
    return among(session, [address_key]).get(address_key)


def among(session: Session, address_keys: Iterable[bytes]) -> dict[bytes, SuppressionReason]:
    """Those of a block of addresses that are suppressed, and why."""
    query = select(_S.address_key, _S.reason).where(_S.address_key.in_(list(address_keys)))
    return {row.address_key: SuppressionReason(row.reason) for row in session.connection().execute(query)}


def lift(session: Session, address_key: bytes) -> bool:
    """Take a suppression back; True if there was one. Only fresh consent after a bounce does this."""
    done = session.connection().execute(delete(core.suppression).where(_S.address_key == address_key))
    return done.rowcount > 0
