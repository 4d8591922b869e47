"""The state of each host, shared by all processes.

Next request, lock, and circuit breaker.

Each step is one compare-and-set statement. Times beyond their bound were written under a wrong clock and are ignored.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, case, or_, select, update
from sqlmodel import Session

from digestd.domain.backoff import Backoff
from digestd.store import core
from digestd.store.timestamps import from_us, to_us

_P = core.host.c
HORIZON = timedelta(hours=1)
"""Maximum time that a host may ask to be left alone, or be locked."""
FAILURES = 3
"""Number of failed fetches in a row that open the circuit breaker."""
BACKOFF = Backoff.doubling(timedelta(minutes=5), timedelta(hours=6))
ERROR_MAX = 500
_NEW = {"next_request_us": 0, "locked_until_us": 0, "failures": 0, "circuit_open_until_us": 0}


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


def all_of(session: Session) -> list[HostState]:
    """Return every host ever contacted, by name."""
    return [_state(row) for row in session.connection().execute(select(core.host).order_by(_P.host))]


def by_name(session: Session, host: str) -> HostState | None:
    """Return one host; None if it was never contacted."""
    row = session.connection().execute(select(core.host).where(_P.host == host)).first()
    return None if row is None else _state(row)


def reserve(session: Session, host: str, now: datetime, seconds: float) -> datetime:
    """Reserve the next free moment of a host; later requests wait `seconds` more."""
    now_us, step = to_us(now), round(seconds * 1e6)
    is_ahead = (_P.next_request_us > now_us) & (_P.next_request_us <= to_us(now + HORIZON))
    statement = core.upsert(session, core.host).values(**_NEW | {"host": host, "next_request_us": now_us + step})
    row = session.connection().execute(
        statement.on_conflict_do_update(
            index_elements=["host"], set_={"next_request_us": case((is_ahead, _P.next_request_us), else_=now_us) + step}
        ).returning(_P.next_request_us)
    )
    return from_us(row.scalar_one() - step)


def postpone(session: Session, host: str, until: datetime) -> None:
    """Postpone the next request to a host, as the host itself asked."""
    until_us = to_us(until)
    statement = core.upsert(session, core.host).values(**_NEW | {"host": host, "next_request_us": until_us})
    session.connection().execute(
        statement.on_conflict_do_update(index_elements=["host"], set_={"next_request_us": _later(until_us)})
    )


def acquire(session: Session, host: str, holder: str, now: datetime, until: datetime) -> bool:
    """Lock a host until a time at most; return False if somebody else holds it."""
    held = {"locked_by": holder, "locked_until_us": to_us(until)}
    statement = core.upsert(session, core.host).values(**_NEW | held | {"host": host})
    free = or_(_P.locked_by.is_(None), _P.locked_by == holder, _outside(_P.locked_until_us, now, HORIZON))
    row = session.connection().execute(
        statement.on_conflict_do_update(index_elements=["host"], set_=held, where=free).returning(_P.host)
    )
    return row.first() is not None


def release(session: Session, host: str, holder: str, following: datetime) -> None:
    """Release the lock and set the earliest next request; no effect if it was lost."""
    session.connection().execute(
        update(core.host)
        .where(_P.host == host, _P.locked_by == holder)
        .values(locked_by=None, locked_until_us=0, next_request_us=_later(to_us(following)))
    )


def is_held(session: Session, host: str, now: datetime) -> bool:
    """Return True if the host is locked now."""
    query = select(_P.host).where(
        _P.host == host, _P.locked_by.is_not(None), ~_outside(_P.locked_until_us, now, HORIZON)
    )
    return session.connection().execute(query).first() is not None


def acquire_probe(session: Session, host: str, now: datetime, until: datetime) -> bool:
    """Return True for the one caller that may test whether a failing host is back."""
    row = session.connection().execute(
        update(core.host)
        .where(_P.host == host, _P.failures >= FAILURES, _outside(_P.circuit_open_until_us, now, BACKOFF.longest))
        .values(circuit_open_until_us=to_us(until))
        .returning(_P.host)
    )
    return row.first() is not None


def record_failure(session: Session, host: str, now: datetime, why: str) -> HostState:
    """Count a failed fetch; from the third on, open the circuit for 5 min to 6 h."""
    failure = {"error": why[:ERROR_MAX]}
    statement = core.upsert(session, core.host).values(**_NEW | failure | {"host": host, "failures": 1})
    row = session.connection().execute(
        statement.on_conflict_do_update(
            index_elements=["host"], set_=failure | {"failures": _P.failures + 1}
        ).returning(_P.failures)
    )
    failures = row.scalar_one()
    until_us = to_us(now + BACKOFF.delay(failures - FAILURES + 1)) if failures >= FAILURES else 0
    session.connection().execute(update(core.host).where(_P.host == host).values(circuit_open_until_us=until_us))
    return HostState(host, now, None, failures, from_us(until_us) if until_us else None, why[:ERROR_MAX])


def record_success(session: Session, host: str) -> None:
    """Close the circuit and reset the failures of a host."""
    session.connection().execute(
        update(core.host)
        .where(_P.host == host, _P.failures > 0)
        .values(failures=0, circuit_open_until_us=0, error=None)
    )


def is_open(state: HostState, now: datetime) -> bool:
    """Return True if the circuit is open; times from a wrong clock are ignored."""
    until = state.open_until
    return state.failures >= FAILURES and until is not None and now < until <= now + BACKOFF.longest


def _later(us: int) -> ColumnElement[int]:
    return case((_P.next_request_us > us, _P.next_request_us), else_=us)


def _outside(column: ColumnElement[int], now: datetime, horizon: timedelta) -> ColumnElement[bool]:
    return or_(column <= to_us(now), column > to_us(now + horizon))


def _state(row: core.Record) -> HostState:
    return HostState(
        host=row.host,
        next=from_us(row.next_request_us),
        held_until=from_us(row.locked_until_us) if row.locked_by else None,
        failures=row.failures,
        open_until=from_us(row.circuit_open_until_us) if row.circuit_open_until_us else None,
        why=row.error,
    )
