"""Bounces and complaints by keyed hash of the address, and counts of those around one. What follows: delivery.bounces.

The column `held` marks a bounce that suppressed nobody. Mails to unconfirmed addresses do not count, so that strangers
cannot cause a surge.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, delete, desc, func, or_, select, update
from sqlmodel import Session

from digestd.domain.bounce import MANY_PART, Bounce, BounceKind, FailureCounts
from digestd.domain.delivery import UNCONFIRMED, Outcome, State, SuppressionReason
from digestd.domain.subscriber import Status
from digestd.domain.webhook import bounce_event
from digestd.store import core, integrations, suppressions
from digestd.store.bulk import chunks
from digestd.store.timestamps import from_us, to_us

POLICY_WINDOW = timedelta(days=1)
"""Refusals because of the sender are reported together for so long."""
COUNTED = 200
"""Number of newest bounces and accepted mails of an address that a score is computed from."""
RELAY_WINDOW = timedelta(hours=2)
"""A relay is judged by the attempts from so long before and after the one that failed: longer than a mail waits."""
REACH = 1_000
"""Deliveries with numbers this near are compared as well: those planned together."""
DOMAIN_WINDOW = timedelta(days=1)
"""A domain is judged by all its subscribers, who each get one mail a day."""
HELD_FOR = timedelta(days=7)
"""A held bounce is shown so long."""
FAILED_MAX = 1_000
_A, _B, _D, _S = core.attempt.c, core.bounce.c, core.delivery.c, core.subscriber.c
_OPEN = (Status.ACTIVE, Status.PAUSED)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class BounceAddressee:
    """The recipient of a delivery, and its last attempt."""

    delivery: int
    attempts: int
    address_key: bytes


def key_of(*parts: object) -> bytes:
    """Return the key that identifies a bounce by these parts."""
    return hashlib.sha256("|".join(map(str, parts)).encode()).digest()


def lock(session: Session, address_keys: Iterable[bytes]) -> None:
    """Lock several addresses in order of row number.

    Planning and the commit point use the same order, which prevents deadlocks.
    """
    for chunk in chunks(set(address_keys)):
        session.connection().execute(select(_S.id).where(_S.address_key.in_(chunk)).order_by(_S.id).with_for_update())


def of_address(session: Session, address_key: bytes, limit: int) -> list[Bounce]:
    query = select(core.bounce).where(_B.address_key == address_key).order_by(_B.at_us.desc(), _B.key).limit(limit)
    return [_bounce(row) for row in session.connection().execute(query)]


def of_delivery(session: Session, delivery: int) -> list[Bounce]:
    query = select(core.bounce).where(_B.delivery_id == delivery).order_by(_B.at_us, _B.key)
    return [_bounce(row) for row in session.connection().execute(query)]


def count(session: Session) -> dict[BounceKind, int]:
    query = select(_B.kind, func.count().label("how_many")).group_by(_B.kind)
    found = {BounceKind(row.kind): row.how_many for row in session.connection().execute(query)}
    return dict.fromkeys(BounceKind, 0) | found


def count_refused_senders(session: Session, now: datetime) -> tuple[int, str]:
    """Return how many addresses refused us as the sender within POLICY_WINDOW, and the most frequent status."""
    recent = select(_B.status, func.count(_B.address_key.distinct()).label("addresses")).where(
        _B.kind == BounceKind.POLICY, _B.at_us >= to_us(now - POLICY_WINDOW)
    )
    rows = list(session.connection().execute(recent.group_by(_B.status).order_by(desc("addresses"), _B.status)))
    return sum(row.addresses for row in rows), rows[0].status if rows else ""


def addressee_of_delivery(session: Session, delivery: int) -> BounceAddressee | None:
    """Return the recipient of a delivery; None if there is no such delivery."""
    return next(_addressees(session, _ADDRESSEES.where(_D.id == delivery)), None)


def addressee_of_message(session: Session, message_id: str) -> BounceAddressee | None:
    return next(_addressees(session, _ADDRESSEES.where(_D.message_id == message_id)), None)


_RECIPIENT_KEY = func.coalesce(_D.recipient_key, _S.address_key)
_ADDRESSEES = select(_D.id, _D.attempts, _RECIPIENT_KEY.label("address_key")).join_from(
    core.delivery, core.subscriber, _S.id == _D.subscriber_id
)


def _addressees(session: Session, query: core.Query) -> Iterator[BounceAddressee]:
    for row in session.connection().execute(query):
        yield BounceAddressee(row.id, row.attempts, bytes(row.address_key))


def insert(session: Session, bounce: Bounce) -> bool:
    """Store a bounce without effects; return False if it was reported before."""
    row = {
        "key": bounce.key,
        "address_key": bounce.address_key,
        "kind": bounce.kind,
        "via": bounce.via,
        "status": bounce.status,
        "delivery_id": bounce.delivery,
        "attempt": bounce.attempt,
        "at_us": to_us(bounce.at),
        "held": bounce.held,
    }
    statement = core.upsert(session, core.bounce).values(row).on_conflict_do_nothing(index_elements=["key"])
    return session.connection().execute(statement.returning(_B.key)).first() is not None


def enqueue_event(session: Session, bounce: Bounce, now: datetime) -> None:
    """Tell the webhooks of a bounce that changes something for its subscriber."""
    event = bounce_event(bounce.kind)
    subscriber = session.connection().execute(select(_S.id).where(_S.address_key == bounce.address_key)).scalar()
    if event and subscriber is not None:
        integrations.enqueue_events(
            session, [(subscriber, event, f"{bounce.kind} {bounce.status}".strip())], to_us(now)
        )


def accepted_deliveries(session: Session, address_key: bytes) -> list[int]:
    """Return the newest deliveries to an address that the relay accepted, at most COUNTED."""
    query = (
        select(_D.id)
        .join_from(core.delivery, core.subscriber, _S.id == _D.subscriber_id)
        .where(_S.address_key == address_key, _D.recipient_key.is_(None), _D.state == State.ACCEPTED)
        .order_by(_D.id.desc())
        .limit(COUNTED)
    )
    return list(session.connection().execute(query).scalars())


def sent_at(session: Session, delivery: int) -> datetime | None:
    """Return the date of the mail of a delivery; None if it has none."""
    sent_us = session.connection().execute(select(_D.dated_us).where(_D.id == delivery)).scalar()
    return None if sent_us is None else from_us(sent_us)


def attempt_of(session: Session, bounce: Bounce) -> tuple[str | None, int]:
    """Return relay and end of the attempt that bounced; (None, 0) if it is unknown or under way."""
    query = select(_A.relay, _A.closed_us).where(_A.delivery_id == bounce.delivery, _A.n == bounce.attempt)
    row = session.connection().execute(query).first()
    return (None, 0) if row is None else (row.relay, row.closed_us or 0)


def failures_at_relay(session: Session, relay: str | None, delivery: int, at_us: int) -> FailureCounts:
    """Return how many subscribers failed among the mails of a relay around this one.

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


def failed_at_relay(session: Session, relay: str, delivery: int, at_us: int) -> list[bytes]:
    """Return the addresses, by key, with hard bounces among the mails of a relay around this one."""
    query = select(_B.address_key).select_from(_AROUND).where(*_around(relay, delivery, at_us), _B.key.is_not(None))
    return [bytes(key) for key in session.connection().execute(query.limit(FAILED_MAX)).scalars()]


def domain_of(session: Session, address_key: bytes) -> str:
    """Return the domain of a subscriber's address; empty if nobody has it."""
    address = session.connection().execute(select(_S.address).where(_S.address_key == address_key)).scalar()
    return (address or "").rpartition("@")[2]


def failures_at_domain(session: Session, domain: str, now: datetime) -> tuple[FailureCounts, frozenset[bytes]]:
    """Return how many subscribers at a domain failed within DOMAIN_WINDOW, and their addresses by key."""
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
    failed, living = len(rows), sum(row.status in _OPEN for row in rows)
    most = int(failed / MANY_PART) + living  # larger numbers of subscribers do not matter
    some = select(_S.id).where(_is_at(domain), _S.status.in_(_OPEN)).limit(most + 1).subquery()
    there = int(session.connection().execute(select(func.count()).select_from(some)).scalar_one())
    return FailureCounts(there - living + failed, failed), frozenset(bytes(row.address_key) for row in rows)


def gave_feedback_since(session: Session, address_key: bytes, at_us: int) -> bool:
    """Return True if the subscriber with this address gave feedback after a time."""
    F = core.feedback.c
    query = (
        select(F.id)
        .join_from(core.feedback, core.subscriber, _S.id == F.subscriber_id)
        .where(_S.address_key == address_key, F.at_us > at_us)
        .limit(1)
    )
    return session.connection().execute(query).first() is not None


def is_suppressed_by_bounce(session: Session, address_key: bytes, since: datetime) -> bool:
    """Return True if a hard bounce suppressed this address since a time; never if an operator did."""
    at_us = suppressions.since(session, address_key, SuppressionReason.HARD_BOUNCE)
    if at_us < to_us(since):
        return False
    query = select(_B.key).where(_B.address_key == address_key, _B.kind == BounceKind.HARD, _B.at_us == at_us)
    return session.connection().execute(query.limit(1)).first() is not None


def hold_since(session: Session, address_key: bytes, since: datetime) -> None:
    recent = _B.address_key == address_key, _B.kind == BounceKind.HARD, _B.at_us >= to_us(since)
    session.connection().execute(update(core.bounce).where(*recent).values(held=True))


def hold(session: Session, keys: Sequence[bytes]) -> None:
    session.connection().execute(update(core.bounce).where(_B.key.in_(keys)).values(held=True))


def held_addresses(session: Session, now: datetime, since: datetime | None = None) -> list[bytes]:
    """Return the addresses, by key, whose hard bounces are held and that were not reached since."""
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
    session.connection().execute(update(core.bounce).where(_B.address_key.in_(address_keys)).values(held=False))


_ALERT = core.alert_state.c


def take_token(session: Session, provider: str, token: str, now: datetime, kept: timedelta) -> bool:
    """Remember the token of a webhook, and return False if it was used before.

    Args:
        kept: how long tokens are remembered.
    """
    connection = session.connection()
    minute, old = int(now.timestamp()) // 60, int((now - kept).timestamp()) // 60
    connection.execute(delete(core.alert_state).where(_ALERT.event.like("token %"), _ALERT.known < old))
    event = f"token {hashlib.sha256(f'{provider} {token}'.encode()).hexdigest()[:32]}"
    statement = core.upsert(session, core.alert_state).values(event=event, known=minute).on_conflict_do_nothing()
    return connection.execute(statement.returning(_ALERT.event)).first() is not None


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


def _is_at(domain: str) -> core.Condition:
    return _S.address.endswith(f"@{domain}", autoescape=True)


def _is_back() -> core.Condition:
    other = core.bounce.alias()
    about = (other.c.delivery_id == _D.id, other.c.attempt == _D.attempts)
    return select(other.c.key).where(*about, other.c.kind == BounceKind.HARD).exists()


def _bounce(row: core.Record) -> Bounce:
    return Bounce(
        key=bytes(row.key),
        address_key=bytes(row.address_key),
        kind=BounceKind(row.kind),
        via=row.via,
        status=row.status,
        delivery=row.delivery_id,
        attempt=row.attempt,
        at=from_us(row.at_us),
        held=row.held,
    )
