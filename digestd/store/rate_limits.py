"""Rate limits of relays, hosts, and mails that strangers cause.

Throttles and back-offs of relays and recipient domains: one row each, changed by pure functions.

Hosts that we request from, shared by all processes: next request, lock, and circuit breaker. Each step is one
compare-and-set statement. Times beyond their bound were written under a wrong clock and are ignored.

Mails that strangers cause: one row each, so the limits of domain/mail_budget hold across processes and restarts.
`take_mails` is atomic: SQLite has one writer at a time, and on PostgreSQL those that take wait for each other.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import ColumnElement, case, delete, func, insert, or_, select, text, update
from sqlmodel import Session

from digestd.domain.backoff import Backoff, BackoffState
from digestd.domain.mail_budget import (
    HOUR,
    KEPT,
    NETWORKS_KEPT,
    Budget,
    Check,
    Limit,
    Pool,
    leave_time,
    subscriber_causer,
)
from digestd.domain.throttle import Throttle
from digestd.store import core
from digestd.store.database import Database
from digestd.store.timestamps import from_us, to_us

_THROTTLE = core.throttle.c
_ERROR_MAX = 500
DOMAIN_IDLE = timedelta(hours=2)
"""Longer than the lowest rate takes to recover."""


@dataclass(frozen=True, slots=True)
class ThrottleState:
    """The stored state of one relay or domain."""

    throttle: Throttle
    backoff: BackoffState


DELIVERY_RUN = "delivery"
"""The name under which the last delivery run is kept if it failed, as if it were a relay."""
NEW_THROTTLE = ThrottleState(Throttle(), BackoffState())


@dataclass(frozen=True, slots=True)
class PausedRelay:
    """A relay that gets no mail until a time, after consecutive failures."""

    relay: str
    until: datetime
    failures: int
    why: str


def throttle_states(session: Session, names: Iterable[str]) -> dict[str, ThrottleState]:
    """Return the state of each name; unknown names get the initial state."""
    wanted = sorted(set(names))
    kept = {row.name: _throttle_state(row) for row in session.connection().execute(_throttles(wanted))}
    return {name: kept.get(name, NEW_THROTTLE) for name in wanted}


def busy_domains(session: Session, now: datetime, most: int) -> dict[str, ThrottleState]:
    """Return the recipient domains that must wait now or were slowed down, at most so many, the latest first."""
    query = select(core.throttle).where(
        _THROTTLE.name.like("@%"), (_THROTTLE.free_us > to_us(now)) | (_THROTTLE.lowered > 0)
    )
    latest = query.order_by(_THROTTLE.slowed_us.desc(), _THROTTLE.name).limit(most)
    return {row.name: _throttle_state(row) for row in session.connection().execute(latest)}


def delete_idle_domains(session: Session, now: datetime) -> int:
    """Delete the recipient domains that were neither sent to nor slowed down for DOMAIN_IDLE; return how many."""
    before = to_us(now - DOMAIN_IDLE)
    idle = delete(core.throttle).where(
        _THROTTLE.name.like("@%"), _THROTTLE.free_us < before, _THROTTLE.slowed_us < before
    )
    return session.connection().execute(idle).rowcount


def change_throttles(
    session: Session, changes: Mapping[str, Callable[[ThrottleState], ThrottleState]]
) -> dict[str, ThrottleState]:
    """Change each state by its function in the caller's transaction; return the new ones."""
    if not changes:
        return {}
    connection = session.connection()
    new = [{"name": name, **_values(NEW_THROTTLE)} for name in sorted(changes)]
    connection.execute(core.upsert(session, core.throttle).on_conflict_do_nothing(), new)
    rows = connection.execute(_throttles(sorted(changes)).with_for_update()).all()
    after = {row.name: changes[row.name](_throttle_state(row)) for row in rows}
    for name, state in after.items():
        connection.execute(update(core.throttle).where(_THROTTLE.name == name).values(_values(state)))
    return after


def paused_relays(session: Session) -> list[PausedRelay]:
    """Return the relays whose last transaction failed, by name."""
    query = select(core.throttle).where(_THROTTLE.failures > 0).order_by(_THROTTLE.name)
    return [
        PausedRelay(row.name, from_us(row.backoff_until_us), row.failures, row.error)
        for row in session.connection().execute(query)
    ]


def record_run(session: Session, why: str, now: datetime) -> int:
    """Record that a delivery run failed, or that one succeeded if `why` is empty; return the failures in a row."""

    def ended(kept: ThrottleState) -> ThrottleState:
        failures = kept.backoff.failures + 1 if why else 0
        return replace(kept, backoff=BackoffState(failures, now.timestamp(), why))

    return change_throttles(session, {DELIVERY_RUN: ended})[DELIVERY_RUN].backoff.failures


def _throttles(names: list[str]) -> core.Query:
    return select(core.throttle).where(_THROTTLE.name.in_(names)).order_by(_THROTTLE.name)


def _throttle_state(row: core.Record) -> ThrottleState:
    throttle = Throttle(row.free_us / 1e6, row.lowered, row.slowed_us / 1e6, row.before)
    return ThrottleState(throttle, BackoffState(row.failures, row.backoff_until_us / 1e6, row.error))


def _values(state: ThrottleState) -> dict[str, object]:
    throttle, rest = state.throttle, state.backoff
    return {
        "free_us": round(throttle.free * 1e6),
        "lowered": throttle.lowered,
        "slowed_us": round(throttle.slowed * 1e6),
        "before": throttle.before,
        "failures": rest.failures,
        "backoff_until_us": round(rest.until * 1e6),
        "error": rest.why[:_ERROR_MAX],
    }


_H = core.host.c
HOST_HORIZON = timedelta(hours=1)
"""Maximum time that a host may ask to be left alone, or be locked."""
HOST_FAILURES = 3
"""Number of failed fetches in a row that open the circuit breaker."""
HOST_BACKOFF = Backoff.doubling(timedelta(minutes=5), timedelta(hours=6))
_NEW_HOST = {"next_request_us": 0, "locked_until_us": 0, "failures": 0, "circuit_open_until_us": 0}


@dataclass(frozen=True, slots=True)
class HostState:
    """The state of one host.

    Attributes:
        next: Time of the next request by the rate limit.
        held_until: Time until which a request holds the host; None if there is none.
        open_until: Time until which the circuit breaker is open; None if it is closed.
        why: The last failure.
    """

    host: str
    next: datetime
    held_until: datetime | None = None
    failures: int = 0
    open_until: datetime | None = None
    why: str | None = None


def hosts(session: Session) -> list[HostState]:
    return [_host_state(row) for row in session.connection().execute(select(core.host).order_by(_H.host))]


def host_state(session: Session, host: str) -> HostState | None:
    """Return one host; None if it was never contacted."""
    row = session.connection().execute(select(core.host).where(_H.host == host)).first()
    return None if row is None else _host_state(row)


def reserve_request(session: Session, host: str, now: datetime, seconds: float) -> datetime:
    """Reserve the next free moment of a host; later requests wait `seconds` more."""
    now_us, step = to_us(now), round(seconds * 1e6)
    is_ahead = (_H.next_request_us > now_us) & (_H.next_request_us <= to_us(now + HOST_HORIZON))
    statement = core.upsert(session, core.host).values(**_NEW_HOST | {"host": host, "next_request_us": now_us + step})
    row = session.connection().execute(
        statement.on_conflict_do_update(
            index_elements=["host"], set_={"next_request_us": case((is_ahead, _H.next_request_us), else_=now_us) + step}
        ).returning(_H.next_request_us)
    )
    return from_us(row.scalar_one() - step)


def postpone_requests(session: Session, host: str, until: datetime) -> None:
    """Postpone the next request to a host, as the host itself asked."""
    until_us = to_us(until)
    statement = core.upsert(session, core.host).values(**_NEW_HOST | {"host": host, "next_request_us": until_us})
    session.connection().execute(
        statement.on_conflict_do_update(index_elements=["host"], set_={"next_request_us": _later(until_us)})
    )


def lock_host(session: Session, host: str, holder: str, now: datetime, until: datetime) -> bool:
    """Lock a host until a time at most; return False if somebody else holds it."""
    held = {"locked_by": holder, "locked_until_us": to_us(until)}
    statement = core.upsert(session, core.host).values(**_NEW_HOST | held | {"host": host})
    free = or_(_H.locked_by.is_(None), _H.locked_by == holder, _outside(_H.locked_until_us, now, HOST_HORIZON))
    row = session.connection().execute(
        statement.on_conflict_do_update(index_elements=["host"], set_=held, where=free).returning(_H.host)
    )
    return row.first() is not None


def unlock_host(session: Session, host: str, holder: str, following: datetime) -> None:
    """Release the lock and set the earliest next request; no effect if it was lost."""
    session.connection().execute(
        update(core.host)
        .where(_H.host == host, _H.locked_by == holder)
        .values(locked_by=None, locked_until_us=0, next_request_us=_later(to_us(following)))
    )


def is_host_locked(session: Session, host: str, now: datetime) -> bool:
    """Return True if the host is locked now."""
    query = select(_H.host).where(
        _H.host == host, _H.locked_by.is_not(None), ~_outside(_H.locked_until_us, now, HOST_HORIZON)
    )
    return session.connection().execute(query).first() is not None


def acquire_probe(session: Session, host: str, now: datetime, until: datetime) -> bool:
    """Return True for the one caller that may test whether a failing host is back."""
    row = session.connection().execute(
        update(core.host)
        .where(
            _H.host == host, _H.failures >= HOST_FAILURES, _outside(_H.circuit_open_until_us, now, HOST_BACKOFF.longest)
        )
        .values(circuit_open_until_us=to_us(until))
        .returning(_H.host)
    )
    return row.first() is not None


def record_host_failure(session: Session, host: str, now: datetime, why: str) -> HostState:
    """Count a failed fetch; from the third on, open the circuit for 5 min to 6 h."""
    failure = {"error": why[:_ERROR_MAX]}
    statement = core.upsert(session, core.host).values(**_NEW_HOST | failure | {"host": host, "failures": 1})
    row = session.connection().execute(
        statement.on_conflict_do_update(
            index_elements=["host"], set_=failure | {"failures": _H.failures + 1}
        ).returning(_H.failures)
    )
    failures = row.scalar_one()
    until_us = to_us(now + HOST_BACKOFF.delay(failures - HOST_FAILURES + 1)) if failures >= HOST_FAILURES else 0
    session.connection().execute(update(core.host).where(_H.host == host).values(circuit_open_until_us=until_us))
    return HostState(host, now, None, failures, from_us(until_us) if until_us else None, why[:_ERROR_MAX])


def record_host_success(session: Session, host: str) -> None:
    """Close the circuit and reset the failures of a host."""
    session.connection().execute(
        update(core.host)
        .where(_H.host == host, _H.failures > 0)
        .values(failures=0, circuit_open_until_us=0, error=None)
    )


def is_circuit_open(state: HostState, now: datetime) -> bool:
    """Return True if the circuit is open; times from a wrong clock are ignored."""
    until = state.open_until
    return state.failures >= HOST_FAILURES and until is not None and now < until <= now + HOST_BACKOFF.longest


def _later(us: int) -> ColumnElement[int]:
    return case((_H.next_request_us > us, _H.next_request_us), else_=us)


def _outside(column: ColumnElement[int], now: datetime, horizon: timedelta) -> ColumnElement[bool]:
    return or_(column <= to_us(now), column > to_us(now + horizon))


def _host_state(row: core.Record) -> HostState:
    return HostState(
        host=row.host,
        next=from_us(row.next_request_us),
        held_until=from_us(row.locked_until_us) if row.locked_by else None,
        failures=row.failures,
        open_until=from_us(row.circuit_open_until_us) if row.circuit_open_until_us else None,
        why=row.error,
    )


_B = core.caused_mail.c
_LOCK = 0x6D61696C
"""PostgreSQL's advisory lock of all that take: any number that nothing else here locks."""


def take_mails(session: Session, budgets: Sequence[Budget], now: datetime) -> datetime | None:
    """Count all of these mails, or none of them, in the caller's write transaction.

    Returns:
        When the mails may leave: now, or later while too many are asked for by everybody together.
        None if a limit refuses one of them; then only the request counts, for its domain, and no mail may be planned.
    """
    if session.connection().dialect.name == "postgresql":
        session.connection().execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    leaves = leave_time(budgets, partial(_count, session, now), partial(_time_before, session, now), now)
    count_mails(session, [one for one in budgets if leaves or one.pool is Pool.DOMAIN], leaves or now)
    return leaves


def count_mails(session: Session, budgets: Iterable[Budget], at: datetime) -> None:
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


def delete_expired_mails(db: Database, now: datetime) -> None:
    """Delete records that no limit counts, and networks after a day. Write nothing if there are none."""
    old = or_(_B.at_us <= to_us(now - KEPT), (_B.pool == Pool.DOMAIN) & (_B.at_us <= to_us(now - HOUR)))
    placed = _B.network.is_not(None) & (_B.at_us <= to_us(now - NETWORKS_KEPT))
    with db.read() as session:
        if session.connection().execute(select(_B.id).where(or_(old, placed)).limit(1)).first() is None:
            return
    with db.write() as session:
        session.connection().execute(delete(core.caused_mail).where(old))
        session.connection().execute(update(core.caused_mail).where(placed).values(network=None))


def forget_mail(session: Session, recipient: bytes, pool: Pool) -> None:
    """Forget the newest mail of one pool to a recipient, which was wanted."""
    theirs = select(_B.id).where(_B.address_key == recipient, _B.pool == pool).order_by(_B.at_us.desc()).limit(1)
    session.connection().execute(delete(core.caused_mail).where(_B.id.in_(theirs)))


def clear_mails(session: Session, recipient: bytes, pool: Pool) -> None:
    """Reset the count of one pool for an address, whose owner has proved to read it."""
    session.connection().execute(delete(core.caused_mail).where(_B.address_key == recipient, _B.pool == pool))


def anonymise_mails(session: Session, key: int, address_key: bytes) -> None:
    """Erase the network and causer of mails to an erased address, and of those that its subscriber caused.

    The counts by keyed hash stay for their month, so that erasure does not reset the limits.
    """
    theirs = or_(_B.address_key == address_key, _B.causer == subscriber_causer(key))
    session.connection().execute(update(core.caused_mail).where(theirs).values(network=None, causer=""))


_FIELDS = {"recipient": _B.address_key, "causer": _B.causer, "network": _B.network}


def _count(session: Session, now: datetime, check: Check) -> int:
    together = or_(*(_B.pool == pool for pool in sorted(check.pools)))
    query = select(func.count()).where(
        _FIELDS[check.field] == check.value, together, _B.at_us > to_us(now - check.limit.span)
    )
    return session.connection().execute(query).scalar() or 0


def _time_before(session: Session, now: datetime, budget: Budget, limit: Limit) -> datetime | None:
    mails = select(_B.at_us).where(_B.pool == budget.pool, _B.at_us > to_us(now - limit.span))
    if budget.pool is Pool.DOMAIN:
        mails = mails.where(_B.address_key == budget.recipient)
    newest_first = mails.order_by(_B.at_us.desc())
    before = session.connection().execute(newest_first.offset(limit.most - 1).limit(1)).scalar()
    return None if before is None else from_us(before)
