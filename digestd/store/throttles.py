"""Throttles and back-offs of relays and recipient domains.

One row each, changed by pure functions.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlmodel import Session

from digestd.domain.throttle import BackoffState, Throttle
from digestd.store import core
from digestd.store.timestamps import from_us, to_us

_T = core.throttle.c
_ERROR_MAX = 500
IDLE = timedelta(hours=2)
"""Longer than the lowest rate takes to recover."""


@dataclass(frozen=True, slots=True)
class ThrottleState:
    """The stored state of one relay or domain."""

    throttle: Throttle
    backoff: BackoffState


RUN = "delivery"
"""The name under which the last delivery run is kept if it failed, as if it were a relay."""
NEW = ThrottleState(Throttle(), BackoffState())


@dataclass(frozen=True, slots=True)
class PausedRelay:
    """A relay that gets no mail until a time, after consecutive failures."""

    relay: str
    until: datetime
    failures: int
    why: str


def states(session: Session, names: Iterable[str]) -> dict[str, ThrottleState]:
    """Return the state of each name; unknown names get the initial state."""
    wanted = sorted(set(names))
    kept = {row.name: _state(row) for row in session.connection().execute(_query(wanted))}
    return {name: kept.get(name, NEW) for name in wanted}


def busy_domains(session: Session, now: datetime, most: int) -> dict[str, ThrottleState]:
    """Return the recipient domains that must wait now or were slowed down, at most so many, the latest first."""
    query = select(core.throttle).where(_T.name.like("@%"), (_T.free_us > to_us(now)) | (_T.lowered > 0))
    latest = query.order_by(_T.slowed_us.desc(), _T.name).limit(most)
    return {row.name: _state(row) for row in session.connection().execute(latest)}


def delete_idle_domains(session: Session, now: datetime) -> int:
    """Delete the recipient domains that were neither sent to nor slowed down for IDLE; return how many."""
    before = to_us(now - IDLE)
    idle = delete(core.throttle).where(_T.name.like("@%"), _T.free_us < before, _T.slowed_us < before)
    return session.connection().execute(idle).rowcount


def change(
    session: Session, changes: Mapping[str, Callable[[ThrottleState], ThrottleState]]
) -> dict[str, ThrottleState]:
    """Change each state by its function in the caller's transaction.

    Return the new ones.
    """
    if not changes:
        return {}
    connection = session.connection()
    new = [{"name": name, **_values(NEW)} for name in sorted(changes)]
    connection.execute(core.upsert(session, core.throttle).on_conflict_do_nothing(), new)
    rows = connection.execute(_query(sorted(changes)).with_for_update()).all()
    after = {row.name: changes[row.name](_state(row)) for row in rows}
    for name, state in after.items():
        connection.execute(update(core.throttle).where(_T.name == name).values(_values(state)))
    return after


def paused_relays(session: Session) -> list[PausedRelay]:
    """Return the relays whose last transaction failed, by name."""
    query = select(core.throttle).where(_T.failures > 0).order_by(_T.name)
    return [
        PausedRelay(row.name, from_us(row.backoff_until_us), row.failures, row.error)
        for row in session.connection().execute(query)
    ]


def record_run(session: Session, why: str, now: datetime) -> int:
    """Record that a delivery run failed, or that one succeeded if `why` is empty; return the failures in a row."""

    def ended(kept: ThrottleState) -> ThrottleState:
        failures = kept.backoff.failures + 1 if why else 0
        return replace(kept, backoff=BackoffState(failures, now.timestamp(), why))

    return change(session, {RUN: ended})[RUN].backoff.failures


def _query(names: list[str]) -> core.Query:
    return select(core.throttle).where(_T.name.in_(names)).order_by(_T.name)


def _state(row: core.Record) -> ThrottleState:
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
