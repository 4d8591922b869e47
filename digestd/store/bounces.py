"""Bounces and complaints by keyed hash of the address.

`record` stores one and applies its effects in one transaction.

An address is locked by its subscriber's row, like consent and the commit point, so that two bounces at once count
twice, and a mail that reaches the commit point afterwards sees the suppression.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import desc, func, select
from sqlmodel import Session

from digestd.domain.bounce import REMEMBERED, Bounce, BounceAction, BounceKind, BounceScore, choose_action, score
from digestd.domain.delivery import State
from digestd.domain.suppression import SuppressionReason
from digestd.domain.webhook import bounce_event
from digestd.store import bounce_surge, core, suppressions, webhooks
from digestd.store.bulk import chunks
from digestd.store.timestamps import from_us, to_us

POLICY_WINDOW = timedelta(days=1)
"""Refusals because of the sender are reported together for so long."""
COUNTED = 200
"""Number of newest bounces and accepted mails of an address that a score is computed from."""
_B, _D, _S = core.bounce.c, core.delivery.c, core.subscriber.c
_SUPPRESSES = {
    BounceAction.HARD: SuppressionReason.HARD_BOUNCE,
    BounceAction.SOFT: SuppressionReason.SOFT_BOUNCE,
    BounceAction.COMPLAINT: SuppressionReason.COMPLAINT,
}


@dataclass(frozen=True, slots=True)
class BounceEffect:
    """The result of a bounce.

    `is_new` is False if it was reported before: then nothing was done.

    A bounce is held and suppresses nobody during a surge, or if it is `doubtful`.
    """

    is_new: bool
    action: BounceAction = BounceAction.FINE


@dataclass(frozen=True, slots=True)
class BounceAddressee:
    """The recipient of a delivery, and its last attempt."""

    delivery: int
    attempts: int
    address_key: bytes


def key_of(*parts: object) -> bytes:
    """Return the key that identifies a bounce by these parts."""
    return hashlib.sha256("|".join(map(str, parts)).encode()).digest()


def record(session: Session, bounce: Bounce, now: datetime, doubtful: bool = False) -> BounceEffect:
    """Store a bounce and apply its effects in the caller's transaction.

    Safe to repeat.
    """
    session.connection().execute(select(_S.id).where(_S.address_key == bounce.address_key).with_for_update())
    if not insert(session, bounce):
        return BounceEffect(is_new=False)
    if bounce.kind is BounceKind.HARD and (doubtful or bounce_surge.must_hold(session, bounce, now)):
        bounce_surge.hold(session, [bounce.key])
        return BounceEffect(is_new=True, action=BounceAction.HELD)
    return BounceEffect(is_new=True, action=apply_effects(session, bounce, now))


def apply_effects(session: Session, bounce: Bounce, now: datetime) -> BounceAction:
    """Apply the effects of a stored bounce that is not held."""
    _enqueue_event(session, bounce, now)
    lifted = max((one.at for one in suppressions.lifted(session, bounce.address_key)), default=None)
    if lifted is not None and _is_older(session, bounce, lifted):
        return BounceAction.FINE
    follows = choose_action(bounce, score_of(session, bounce.address_key, now))
    if follows in _SUPPRESSES:
        suppressions.suppress(session, bounce.address_key, _SUPPRESSES[follows], now)
    return follows


def lock(session: Session, address_keys: Iterable[bytes]) -> None:
    """Lock several addresses in order of row number.

    Planning and the commit point use the same order, which prevents deadlocks.
    """
    for chunk in chunks(set(address_keys)):
        session.connection().execute(select(_S.id).where(_S.address_key.in_(chunk)).order_by(_S.id).with_for_update())


def score_of(session: Session, address_key: bytes, now: datetime) -> BounceScore:
    """Return the bounce score of an address since its last suppression was lifted."""
    since = now - REMEMBERED
    lifted = max((one.at for one in suppressions.lifted(session, address_key)), default=since)
    found = [bounce for bounce in of_address(session, address_key, COUNTED) if bounce.at > max(since, lifted)]
    return score(found, _accepted(session, address_key) if found else ())


def of_address(session: Session, address_key: bytes, limit: int) -> list[Bounce]:
    """Return the newest bounces of an address, newest first."""
    query = select(core.bounce).where(_B.address_key == address_key).order_by(_B.at_us.desc(), _B.key).limit(limit)
    return [_bounce(row) for row in session.connection().execute(query)]


def of_delivery(session: Session, delivery: int) -> list[Bounce]:
    """Return the bounces of one delivery, oldest first."""
    query = select(core.bounce).where(_B.delivery_id == delivery).order_by(_B.at_us, _B.key)
    return [_bounce(row) for row in session.connection().execute(query)]


def count(session: Session) -> dict[BounceKind, int]:
    """Return the number of bounces of each kind."""
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
    """Return the recipient of the delivery with this Message-ID."""
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


def _enqueue_event(session: Session, bounce: Bounce, now: datetime) -> None:
    event = bounce_event(bounce.kind)
    subscriber = session.connection().execute(select(_S.id).where(_S.address_key == bounce.address_key)).scalar()
    if event and subscriber is not None:
        webhooks.enqueue(session, [(subscriber, event, f"{bounce.kind} {bounce.status}".strip())], to_us(now))


def _is_older(session: Session, bounce: Bounce, lifted: datetime) -> bool:
    """Return True if the bounced mail was sent before the suppression was lifted."""
    if bounce.delivery is None:
        return bounce.at <= lifted
    sent = session.connection().execute(select(_D.dated_us).where(_D.id == bounce.delivery)).scalar()
    return sent is None or sent <= to_us(lifted)


def _accepted(session: Session, address_key: bytes) -> list[int]:
    query = (
        select(_D.id)
        .join_from(core.delivery, core.subscriber, _S.id == _D.subscriber_id)
        .where(_S.address_key == address_key, _D.recipient_key.is_(None), _D.state == State.ACCEPTED)
        .order_by(_D.id.desc())
        .limit(COUNTED)
    )
    return list(session.connection().execute(query).scalars())


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
