"""Counts at the last alert.

This way, only one worker alerts, and only when there are more.
"""

from collections.abc import Callable

from sqlalchemy import select, update
from sqlmodel import Session

from digestd.store import core

_T = core.alert_state.c
MAILS_HELD = "mails held"
"""The event of templates that fail; see delivery.preflight."""


def last_count(session: Session, event: str) -> int:
    """Return the count at the last check; 0 before the first."""
    return int(session.connection().execute(select(_T.known).where(_T.event == event)).scalar() or 0)


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
