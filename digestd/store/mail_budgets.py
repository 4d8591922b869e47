"""Count the mails that other people can cause, and refuse those over a limit.

See domain/mail_budget.

A row a mail, so the limits hold across processes and restarts. `take` is atomic: SQLite has one writer at a time,
and on PostgreSQL transactions that take wait for each other.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, insert, or_, select, text, update
from sqlmodel import Session

from digestd.domain.mail_budget import (
    KEPT,
    NETWORKS_KEPT,
    PER_NETWORK,
    PER_POOL,
    PER_RECIPIENT,
    POOL_DELAY_MAX,
    SHARED,
    Budget,
    Limit,
    Pool,
    causer_limits,
)
from digestd.domain.mail_budget import subscriber_causer as of_subscriber
from digestd.store import core
from digestd.store.database import Database
from digestd.store.timestamps import from_us, to_us

_B = core.caused_mail.c
_LOCK = 0x6D61696C
"""PostgreSQL's advisory lock of all that take: any number that nothing else here locks."""


def take(session: Session, budgets: Sequence[Budget], now: datetime) -> datetime | None:
    """Count all of these mails, or none of them, in the caller's write transaction.

    Returns:
        When the mails may leave: now, or later while too many are asked for by everybody together.
        None if a limit refuses one of them; then nothing is counted and no mail may be planned.
    """
    if session.connection().dialect.name == "postgresql":
        session.connection().execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    if any(_is_over(session, budget, now) for budget in budgets):
        return None
    leaves = max((_pool_has_room(session, budget.pool, now) for budget in budgets), default=now)
    if leaves > now + POOL_DELAY_MAX:
        return None
    count(session, budgets, leaves)
    return leaves


def count(session: Session, budgets: Iterable[Budget], at: datetime) -> None:
    """Count mails without asking whether there is room: for what the operator sends."""
    rows = [
        {
            "pool": budget.pool,
            "address_key": budget.recipient,
            "causer": budget.causer,
            "network": budget.network,
            "at_us": to_us(at),
        }
        for budget in budgets
    ]
    core.execute_many(session, insert(core.caused_mail), rows)


def delete_expired(db: Database, now: datetime) -> None:
    """Delete records that no limit counts, and networks after a day.

    Write nothing if there are none.
    """
    old = _B.at_us <= to_us(now - KEPT)
    placed = _B.network.is_not(None) & (_B.at_us <= to_us(now - NETWORKS_KEPT))
    with db.read() as session:
        if session.connection().execute(select(_B.id).where(or_(old, placed)).limit(1)).first() is None:
            return
    with db.write() as session:
        session.connection().execute(delete(core.caused_mail).where(old))
        session.connection().execute(update(core.caused_mail).where(placed).values(network=None))


def clear(session: Session, recipient: bytes, pool: Pool) -> None:
    """Reset the count of one pool for an address.

    Its owner has proved to read it.
    """
    session.connection().execute(delete(core.caused_mail).where(_B.address_key == recipient, _B.pool == pool))


def anonymise(session: Session, key: int, address_key: bytes) -> None:
    """Erase the networks of mails to an erased address.

    Also erase the causer of mails by an erased subscriber.

    The counts by keyed hash stay for their month, so that erasure does not reset the limits.
    """
    theirs = or_(_B.address_key == address_key, _B.causer == of_subscriber(key))
    session.connection().execute(update(core.caused_mail).where(theirs).values(network=None, causer=""))


def _is_over(session: Session, budget: Budget, now: datetime) -> bool:
    """Return True if a limit on the recipient, the causer or the network is reached."""
    checks: list[tuple[ColumnElement[bool], tuple[Limit, ...]]] = [
        (_B.address_key == budget.recipient, PER_RECIPIENT[budget.pool])
    ]
    if budget.causer:
        checks.append((_B.causer == budget.causer, causer_limits(budget.causer)))
    if budget.network is not None:
        checks.append((_B.network == budget.network, PER_NETWORK))
    return any(_any_reached(session, budget.pool, whose, limits, now) for whose, limits in checks)


def _any_reached(
    session: Session, pool: Pool, whose: ColumnElement[bool], limits: tuple[Limit, ...], now: datetime
) -> bool:
    together = or_(*(_B.pool == other for other in sorted(SHARED[pool])))
    for limit in limits:
        query = select(func.count()).where(whose, together, _B.at_us > to_us(now - limit.span))
        if (session.connection().execute(query).scalar() or 0) >= limit.most:
            return True
    return False


def _pool_has_room(session: Session, pool: Pool, now: datetime) -> datetime:
    """Return when a mail of this pool may leave.

    Once the mail `most` places before it has left its span.
    """
    limit = PER_POOL[pool]
    if limit is None:
        return now
    newest_first = select(_B.at_us).where(_B.pool == pool, _B.at_us > to_us(now - limit.span)).order_by(_B.at_us.desc())
    before = session.connection().execute(newest_first.offset(limit.most - 1).limit(1)).scalar()
    return now if before is None else max(now, from_us(before) + limit.span)
