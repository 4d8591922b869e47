"""Store what operators read: counts at the last alert, inbound mails by outcome, settings of the database engine.

Alerts keep the count of their last check, so that only one worker alerts, and only when there are more. For some hours
they also keep failures of planning and tokens of webhooks. Inbound counts show that bounces are read.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, text, update
from sqlmodel import Session

from digestd.domain.bounce import InboundOutcome
from digestd.store import core
from digestd.store.timestamps import from_us, to_us

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


EXPECTED: Mapping[str, str] = {
    "journal_mode": "wal",
    "synchronous": "2",
    "foreign_keys": "1",
    "server_encoding": "UTF8",
}
"""The values that keep what was acknowledged and store every letter; a name is SQLite's or PostgreSQL's."""
_SQLITE, _POSTGRESQL = ("journal_mode", "synchronous", "foreign_keys"), ("server_encoding",)


def wrong_settings(session: Session) -> dict[str, str]:
    """Return the settings that are not as expected, with their values."""
    connection = session.connection()
    is_sqlite = connection.dialect.name == "sqlite"
    names, show = (_SQLITE, "PRAGMA") if is_sqlite else (_POSTGRESQL, "SHOW")
    found = {name: str(connection.execute(text(f"{show} {name}")).scalar_one()) for name in names}
    return {name: value for name, value in found.items() if value != EXPECTED[name]}


_I = core.inbound_count.c


def add_inbound_counts(session: Session, outcomes: Mapping[InboundOutcome, int], now: datetime) -> None:
    """Add to the counts in the caller's write transaction."""
    for outcome in sorted(outcomes):
        row = {"outcome": outcome, "total": outcomes[outcome], "last_us": to_us(now)}
        more = {"total": _I.total + outcomes[outcome], "last_us": to_us(now)}
        statement = core.upsert(session, core.inbound_count).values(row)
        session.connection().execute(statement.on_conflict_do_update(index_elements=["outcome"], set_=more))


def inbound_counts(session: Session) -> dict[InboundOutcome, int]:
    """Return the number of mails and events of each outcome."""
    found = {InboundOutcome(row.outcome): row.total for row in session.connection().execute(select(core.inbound_count))}
    return dict.fromkeys(InboundOutcome, 0) | found


def last_inbound(session: Session) -> datetime | None:
    """Return when the last mail or event came in."""
    newest = session.connection().execute(select(func.max(_I.last_us))).scalar()
    return None if newest is None else from_us(newest)
