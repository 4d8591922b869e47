"""Suppressions: addresses that must not be written to, by keyed hash.

They outlive the subscriber.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from digestd.domain.delivery import LIFTED_BY_CONSENT, LIFTED_BY_SIGNUP, SuppressionReason
from digestd.domain.subscriber import Cause, Status
from digestd.errors import NotFound
from digestd.store import consent, core, opt_outs, subscribers
from digestd.store.opt_outs import Event, OptOut
from digestd.store.timestamps import from_us, to_us

NOTE_MAX = 300
_S, _L, _WHO = core.suppression.c, core.lifted_suppression.c, core.subscriber.c
_STRENGTH = (
    SuppressionReason.SOFT_BOUNCE,
    SuppressionReason.HARD_BOUNCE,
    SuppressionReason.ERASED,
    SuppressionReason.REQUEST,
    SuppressionReason.COMPLAINT,
)
"""A later reason takes an earlier one's place, never the other way round.

A request and a complaint outlive an erasure: a new sign-up ends that, but nothing that strangers can ask for ends them.
"""


@dataclass(frozen=True, slots=True)
class Suppression:
    """A suppression; `address` is the subscriber's, None if there is none."""

    address_key: bytes
    address: str | None
    reason: SuppressionReason
    at: datetime


def suppress(session: Session, address_key: bytes, reason: SuppressionReason, now: datetime) -> None:
    """Suppress an address; its subscriber becomes `suppressed`."""
    known = subscribers.by_address_key(session, address_key, lock=True)
    if known is not None and known.status is Status.ERASED:
        return  # the address itself stays suppressed
    record(session, address_key, reason, now)
    if known is not None:
        subscribers.change_status(session, known.key, Status.SUPPRESSED, _CAUSE[reason], now)


_CAUSE = {
    SuppressionReason.HARD_BOUNCE: Cause.BOUNCE,
    SuppressionReason.SOFT_BOUNCE: Cause.BOUNCE,
    SuppressionReason.REQUEST: Cause.CLI,
    SuppressionReason.COMPLAINT: Cause.COMPLAINT,
    SuppressionReason.ERASED: Cause.ERASE,
}


def record(session: Session, address_key: bytes, reason: SuppressionReason, now: datetime) -> None:
    """Write the suppression alone; a weaker reason does not replace a stronger one."""
    opt_outs.note_suppression(session, address_key, reason, to_us(now))
    values = {"address_key": address_key, "reason": reason, "at_us": to_us(now)}
    try:
        with session.begin_nested():
            session.connection().execute(insert(core.suppression).values(values))
    except IntegrityError:
        weaker = _STRENGTH[: _STRENGTH.index(reason)]
        change = update(core.suppression).where(_S.address_key == address_key, _S.reason.in_(weaker))
        session.connection().execute(change.values(reason=reason, at_us=to_us(now)))


def reason_for(session: Session, address_key: bytes) -> SuppressionReason | None:
    return of_addresses(session, [address_key]).get(address_key)


def found_at(session: Session, address_key: bytes) -> tuple[SuppressionReason, datetime] | None:
    row = session.connection().execute(select(_S.reason, _S.at_us).where(_S.address_key == address_key)).first()
    return None if row is None else (SuppressionReason(row.reason), from_us(row.at_us))


def of_addresses(session: Session, address_keys: Iterable[bytes]) -> dict[bytes, SuppressionReason]:
    query = select(_S.address_key, _S.reason).where(_S.address_key.in_(list(address_keys)))
    return {row.address_key: SuppressionReason(row.reason) for row in session.connection().execute(query)}


def lift(session: Session, address_key: bytes, why: str, now: datetime) -> SuppressionReason | None:
    """Lift a suppression, store why, and return its reason; None if there was none.

    Earlier bounces no longer count. An erased address stays suppressed: only its owner can end that, by a new
    double opt-in (`lift_by_consent`).
    """
    return _lift(session, address_key, why, now, set(SuppressionReason) - {SuppressionReason.ERASED})


def lift_by_consent(session: Session, address_key: bytes, why: str, now: datetime) -> SuppressionReason | None:
    """Lift a suppression after a confirmed double opt-in, even an erasure. Return its reason, if any."""
    return _lift(session, address_key, why, now, LIFTED_BY_CONSENT)


def _lift(
    session: Session, address_key: bytes, why: str, now: datetime, reasons: Collection[SuppressionReason]
) -> SuppressionReason | None:
    gone = delete(core.suppression).where(_S.address_key == address_key, _S.reason.in_(sorted(reasons)))
    reason = session.connection().execute(gone.returning(_S.reason)).scalar()
    if reason is None:
        return None
    opt_outs.note(session, OptOut(Event.LIFTED, address_key, to_us(now)))
    row = {"address_key": address_key, "reason": reason, "note": why[:NOTE_MAX], "at_us": to_us(now)}
    session.connection().execute(insert(core.lifted_suppression).values(row))
    return SuppressionReason(reason)


def undo(session: Session, address_key: bytes, why: str, by: Cause, now: datetime) -> Status | None:
    """Lift a suppression and restore the status from before; return it.

    After a complaint or a request they become unsubscribed, because only they can change that. Raises NotFound
    if the address is not suppressed, or was erased.
    """
    known = subscribers.by_address_key(session, address_key, lock=True)
    reason = lift(session, address_key, why, now)
    if reason is None:
        raise NotFound(
            "this address is not suppressed, or it was erased; only a new sign-up by its owner can lift that"
        )
    if known is None or known.status is not Status.SUPPRESSED:
        return None if known is None else known.status
    status = _before(session, known.key) if reason in LIFTED_BY_SIGNUP else Status.UNSUBSCRIBED
    return subscribers.change_status(session, known.key, status, by, now).status


def _before(session: Session, subscriber: int) -> Status:
    past = [event.status for event in consent.history(session, subscriber) if event.status is not Status.SUPPRESSED]
    return past[-1] if past and past[-1] in {Status.ACTIVE, Status.PAUSED} else Status.UNSUBSCRIBED


def since(session: Session, address_key: bytes, reason: SuppressionReason) -> int:
    """Return when an address was suppressed for a reason, in microseconds. -1 if it is not suppressed for it."""
    query = select(_S.at_us).where(_S.address_key == address_key, _S.reason == reason)
    found = session.connection().execute(query).scalar()
    return -1 if found is None else int(found)


@dataclass(frozen=True, slots=True)
class SuppressionFilter:
    """A selection of suppressions by time and reason, and by domain or relay if these are given."""

    since: datetime
    until: datetime
    reasons: frozenset[SuppressionReason]
    domain: str = ""
    relay: str = ""


def matching(session: Session, wave: SuppressionFilter, after: bytes, limit: int) -> list[Suppression]:
    """Return up to `limit` suppressions of a wave with keys beyond `after`, by key; never those of erasures."""
    query = (
        select(core.suppression, _WHO.address)
        .select_from(core.suppression.outerjoin(core.subscriber, _WHO.address_key == _S.address_key))
        .where(_S.address_key > after, _S.at_us >= to_us(wave.since), _S.at_us <= to_us(wave.until))
        .where(_S.reason.in_(sorted(wave.reasons - {SuppressionReason.ERASED})))
        .order_by(_S.address_key)
        .limit(limit)
    )
    if wave.domain:
        query = query.where(func.lower(_WHO.address).endswith(f"@{wave.domain.lower()}", autoescape=True))
    if wave.relay:
        query = query.where(_came_by(wave.relay))
    rows = session.connection().execute(query)
    return [
        Suppression(bytes(row.address_key), row.address, SuppressionReason(row.reason), from_us(row.at_us))
        for row in rows
    ]


def _came_by(relay: str) -> core.Condition:
    """Return the condition that a bounce over this relay made a suppression."""
    bounce, last, earlier = core.bounce.c, core.delivery.c, core.earlier_attempt.c
    query = (
        select(bounce.key)
        .join_from(core.bounce, core.delivery, last.id == bounce.delivery_id)
        .outerjoin(core.earlier_attempt, (earlier.delivery_id == last.id) & (earlier.n == bounce.attempt))
        .where(((last.attempts == bounce.attempt) & (last.relay == relay)) | (earlier.relay == relay))
    )
    return query.where(bounce.address_key == _S.address_key, bounce.at_us == _S.at_us).exists()


@dataclass(frozen=True, slots=True)
class LiftedSuppression:
    """A suppression that was taken back."""

    reason: SuppressionReason
    why: str
    at: datetime


def lifted(session: Session, address_key: bytes) -> list[LiftedSuppression]:
    query = select(core.lifted_suppression).where(_L.address_key == address_key).order_by(_L.id)
    rows = session.connection().execute(query)
    return [LiftedSuppression(SuppressionReason(row.reason), row.note, from_us(row.at_us)) for row in rows]


def erase_notes(session: Session, address_key: bytes) -> None:
    """Erase the operator's notes about an address, which may name the erased person."""
    session.connection().execute(update(core.lifted_suppression).where(_L.address_key == address_key).values(note=""))


def count(session: Session) -> dict[SuppressionReason, int]:
    query = select(_S.reason, func.count().label("how_many")).group_by(_S.reason)
    found = {SuppressionReason(row.reason): row.how_many for row in session.connection().execute(query)}
    return dict.fromkeys(SuppressionReason, 0) | found
