"""Hold suppressions back while unusually many mails bounce.

By relay and by recipient domain.

The column `held` marks a bounce that suppressed nobody. Suppressions by the same surge from before it was noticed are
lifted. Mails to unconfirmed addresses do not count, so that strangers cannot cause a surge.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, func, or_, select, update
from sqlmodel import Session

from digestd.domain.bounce import MANY_PART, Bounce, BounceKind, FailureCounts
from digestd.domain.delivery import UNCONFIRMED, Outcome, State
from digestd.domain.subscriber import Cause, Status
from digestd.domain.suppression import SuppressionReason
from digestd.store import core, suppressions
from digestd.store.timestamps import to_us

RELAY_WINDOW = timedelta(hours=2)
"""A relay is judged by the attempts from so long before and after the one that failed: longer than a mail rests."""
REACH = 1_000
"""Deliveries with numbers this near are compared as well: those planned together."""
DOMAIN_WINDOW = timedelta(days=1)
"""A domain is judged by all its readers, of whom each gets a mail a day."""
HELD_FOR = timedelta(days=7)
"""A held bounce is shown so long."""
FAILED_MAX = 1_000
REASON = "held: unusually many bounces at the same time"
_A, _B, _D, _S = core.attempt.c, core.bounce.c, core.delivery.c, core.subscriber.c
_OPEN = (Status.ACTIVE, Status.PAUSED)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class _Failed:
    """The address keys at a domain that failed recently.

    Also how many of them still get mail.
    """

    keys: frozenset[bytes]
    open: int


def must_hold(session: Session, bounce: Bounce, now: datetime) -> bool:
    """Return True if a stored hard bounce must not suppress.

    Lift earlier suppressions of the same surge.
    """
    if bounce.delivery is not None and bounce.attempt is not None:
        relay, closed_us = _attempt(session, bounce.delivery, bounce.attempt)
        if relay_share(session, relay, bounce.delivery, closed_us).is_unusual:
            lift_suppressions(session, _failed_at_relay(session, relay, bounce.delivery, closed_us), now)
            return True
    return must_hold_domain(session, bounce.address_key, now)


def must_hold_domain(session: Session, address_key: bytes, now: datetime) -> bool:
    """Return True if unusually many addresses at this domain failed.

    Lift their suppressions.
    """
    address = session.connection().execute(select(_S.address).where(_S.address_key == address_key)).scalar()
    if not address:
        return False
    domain = address.rpartition("@")[2]
    failed = _failed_at_domain(session, domain, now)
    living = _subscribers_at(session, domain, int(len(failed.keys) / MANY_PART) + failed.open)
    if not FailureCounts(living - failed.open + len(failed.keys), len(failed.keys)).is_unusual:
        return False
    lift_suppressions(session, failed.keys, now)
    return True


def relay_share(session: Session, relay: str | None, delivery: int, at_us: int) -> FailureCounts:
    """Return the share of failed subscribers among mails of a relay around this one.

    A subscriber counts once, because they can cause any number of replies that bounce.
    """
    if relay is None:
        return FailureCounts()
    readers = func.count(_D.subscriber_id.distinct())
    reached = readers.filter(_A.outcome == Outcome.ACCEPTED, _B.key.is_(None))
    failed = readers.filter(or_(_A.outcome == Outcome.PERM, _B.key.is_not(None)))
    query = select(readers, failed, reached).select_from(_AROUND)
    row = session.connection().execute(query.where(*_around(relay, delivery, at_us))).one()
    return FailureCounts(*row)


def lift_suppressions(session: Session, address_keys: Iterable[bytes], now: datetime) -> int:
    """Lift suppressions by hard bounces of the last day.

    Hold those bounces, and return how many there were.

    Suppressions by the operator stay.
    """
    since, lifted = to_us(now - DOMAIN_WINDOW), 0
    for key in sorted(set(address_keys)):
        at_us = suppressions.since(session, key, SuppressionReason.HARD_BOUNCE)
        if at_us >= since and _is_made_by_bounce(session, key, at_us):
            suppressions.undo(session, key, REASON, Cause.BOUNCE, now)
            lifted += 1
        change = update(core.bounce).where(_B.address_key == key, _B.kind == BounceKind.HARD, _B.at_us >= since)
        session.connection().execute(change.values(held=True))
    return lifted


def _is_made_by_bounce(session: Session, address_key: bytes, at_us: int) -> bool:
    query = select(_B.key).where(_B.address_key == address_key, _B.kind == BounceKind.HARD, _B.at_us == at_us)
    return session.connection().execute(query.limit(1)).first() is not None


def hold(session: Session, keys: Sequence[bytes]) -> None:
    """Mark these bounces, by their keys, as held."""
    session.connection().execute(update(core.bounce).where(_B.key.in_(keys)).values(held=True))


def held_addresses(session: Session, now: datetime, since: datetime | None = None) -> list[bytes]:
    """Return the addresses, by key, whose hard bounces are held.

    They were not reached since.
    """
    later = (
        select(_D.id)
        .join_from(core.delivery, core.subscriber, _S.id == _D.subscriber_id)
        .where(_S.address_key == core.bounce.c.address_key, _D.recipient_key.is_(None))
        .where(_D.state == State.ACCEPTED, _D.closed_us > _B.at_us, ~_is_back())
        .correlate(core.bounce)
        .exists()
    )
    suppressed = select(core.suppression.c.address_key).where(core.suppression.c.address_key == _B.address_key)
    query = (
        select(_B.address_key)
        .distinct()
        .where(_B.held, _B.at_us >= to_us(since or now - HELD_FOR), ~suppressed.exists(), ~later)
        .order_by(_B.address_key)
    )
    return [bytes(key) for key in session.connection().execute(query).scalars()]


def release(session: Session, address_keys: Sequence[bytes]) -> None:
    """Stop holding the bounces of these addresses."""
    session.connection().execute(update(core.bounce).where(_B.address_key.in_(address_keys)).values(held=False))


def is_contradicted(session: Session, bounce: Bounce, oldest: datetime) -> bool:
    """Return True if a bounce must not count.

    It comes too late, or its recipient gave feedback after the mail was sent.

    Everybody who has a mail can read its return path, so bounces may be forged.
    """
    if bounce.delivery is None or bounce.attempt is None:
        return False
    _, closed_us = _attempt(session, bounce.delivery, bounce.attempt)
    if not closed_us:
        return False
    if closed_us < to_us(oldest):
        return True
    F = core.feedback.c
    query = (
        select(F.id)
        .join_from(core.feedback, core.subscriber, _S.id == F.subscriber_id)
        .where(_S.address_key == bounce.address_key, F.at_us > closed_us)
        .limit(1)
    )
    return session.connection().execute(query).first() is not None


_AROUND = core.attempt.join(core.delivery, _D.id == _A.delivery_id).outerjoin(
    core.bounce,
    and_(_B.delivery_id == _A.delivery_id, _B.attempt == _A.n, _B.kind == BounceKind.HARD),
)


def _around(relay: str, delivery: int, at_us: int) -> tuple[core.Condition, ...]:
    window = RELAY_WINDOW // _MICROSECOND
    return (
        _A.delivery_id.between(delivery - REACH, delivery + REACH),
        _A.closed_us.between(at_us - window, at_us + window),
        _A.relay == relay,
        _A.outcome.in_([Outcome.ACCEPTED, Outcome.PERM]),
        _D.kind.not_in(sorted(UNCONFIRMED)),
    )


def _attempt(session: Session, delivery: int, attempt: int) -> tuple[str | None, int]:
    """Return relay and end of an attempt; (None, 0) if it is unknown or under way."""
    query = select(_A.relay, _A.closed_us).where(_A.delivery_id == delivery, _A.n == attempt)
    row = session.connection().execute(query).first()
    return (None, 0) if row is None else (row.relay, row.closed_us or 0)


def _failed_at_relay(session: Session, relay: str | None, delivery: int, at_us: int) -> list[bytes]:
    if relay is None:
        return []
    query = select(_B.address_key).select_from(_AROUND).where(*_around(relay, delivery, at_us), _B.key.is_not(None))
    return [bytes(key) for key in session.connection().execute(query.limit(FAILED_MAX)).scalars()]


def _failed_at_domain(session: Session, domain: str, now: datetime) -> _Failed:
    query = (
        select(_S.address_key, _S.status)
        .distinct()
        .join_from(core.bounce, core.subscriber, _S.address_key == _B.address_key)
        .outerjoin(core.delivery, _D.id == _B.delivery_id)
        .where(_B.kind == BounceKind.HARD, _B.at_us >= to_us(now - DOMAIN_WINDOW), _is_at(domain))
        .where(or_(_D.kind.is_(None), _D.kind.not_in(sorted(UNCONFIRMED))))
        .limit(FAILED_MAX)
    )
    rows = session.connection().execute(query).all()
    return _Failed(frozenset(bytes(row.address_key) for row in rows), sum(row.status in _OPEN for row in rows))


def _subscribers_at(session: Session, domain: str, most: int) -> int:
    """Count the subscribers at a domain, at most one more than `most`.

    Larger numbers do not matter.
    """
    some = select(_S.id).where(_is_at(domain), _S.status.in_(_OPEN)).limit(most + 1).subquery()
    return int(session.connection().execute(select(func.count()).select_from(some)).scalar_one())


def _is_at(domain: str) -> core.Condition:
    return _S.address.endswith(f"@{domain}", autoescape=True)


def _is_back() -> core.Condition:
    """Return the condition that a hard bounce came back for the last attempt at a delivery."""
    other = core.bounce.alias()
    about = (other.c.delivery_id == _D.id, other.c.attempt == _D.attempts)
    return select(other.c.key).where(*about, other.c.kind == BounceKind.HARD).exists()
