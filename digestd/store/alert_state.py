"""Counts at the last alert, and what is remembered for some hours: failures of planning, tokens of webhooks.

This way, only one worker alerts, and only when there are more.
"""

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlmodel import Session

from digestd.store import core

_T = core.alert_state.c
MAILS_HELD = "mails held"
"""The event of templates that fail; see delivery.preflight."""


def last_count(session: Session, event: str) -> int:
    """Return the count at the last check; 0 before the first."""
    return int(session.connection().execute(select(_T.known).where(_T.event == event)).scalar() or 0)


def note_unplanned(session: Session, keys: Iterable[int], now: datetime) -> None:
    """Note subscribers whose digest could not be planned, for UNPLANNED_KEPT."""
    minutes, old = _minutes(now), _minutes(now - UNPLANNED_KEPT)
    session.connection().execute(delete(core.alert_state).where(_IS_UNPLANNED, _T.known < old))
    statement = core.upsert(session, core.alert_state)
    noted = statement.on_conflict_do_update(index_elements=["event"], set_={"known": minutes})
    core.execute_many(session, noted, [{"event": f"{_UNPLANNED}{key}", "known": minutes} for key in sorted(keys)])


def unplanned(session: Session, now: datetime) -> list[int]:
    """Return the subscribers whose digest could not be planned lately, by row number."""
    query = select(_T.event).where(_IS_UNPLANNED, _T.known >= _minutes(now - UNPLANNED_KEPT))
    return sorted(int(event.removeprefix(_UNPLANNED)) for event in session.connection().execute(query).scalars())


def forget_unplanned(session: Session, keys: Iterable[int]) -> None:
    """Forget subscribers who were changed since."""
    events = [f"{_UNPLANNED}{key}" for key in keys]
    session.connection().execute(delete(core.alert_state).where(_T.event.in_(events)))


def take_token(session: Session, provider: str, token: str, now: datetime, kept: timedelta) -> bool:
    """Remember the token of a webhook, and return False if it was used before.

    Args:
        kept: how long tokens are remembered.
    """
    connection, minutes = session.connection(), _minutes(now)
    connection.execute(delete(core.alert_state).where(_T.event.like("token %"), _T.known < _minutes(now - kept)))
    event = f"token {hashlib.sha256(f'{provider} {token}'.encode()).hexdigest()[:32]}"
    statement = core.upsert(session, core.alert_state).values(event=event, known=minutes).on_conflict_do_nothing()
    return connection.execute(statement.returning(_T.event)).first() is not None


def _minutes(at: datetime) -> int:
    """Return minutes since 1970."""
    return int(at.timestamp()) // 60


_UNPLANNED = "unplanned "
_IS_UNPLANNED = _T.event.like(f"{_UNPLANNED}%")
UNPLANNED_KEPT = timedelta(hours=2)
"""Longer than the time after which planning tries again."""


def count_if_more(session: Session, event: str, found: Callable[[], int]) -> int:
    """Store the current count and return it if it has grown, else 0.

    Needs a write transaction.

    `found` is called while the row is locked, so that an older count never replaces a newer one.
    """
    connection = session.connection()
    connection.execute(core.upsert(session, core.alert_state).values(event=event, known=0).on_conflict_do_nothing())
    own = _T.event == event
    before = connection.execute(select(_T.known).where(own).with_for_update()).scalar_one()
    now = found()
    connection.execute(update(core.alert_state).where(own).values(known=now))
    return now if now > before else 0
