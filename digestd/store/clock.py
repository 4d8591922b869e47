"""Readings of the clock at earlier runs, because a clock may be wrong for a while.

If it has moved by more than an hour since the last run, nobody can tell whether digestd was stopped or the clock is
wrong. What expires then does so by the earlier reading, until the clock has gone on for an hour, or until the next run.
"""

from datetime import datetime, timedelta
from typing import NamedTuple, Self

from sqlalchemy import select
from sqlmodel import Session

from digestd.store import core
from digestd.store.database import Database
from digestd.store.timestamps import from_us, to_us

MOVED = timedelta(hours=1)
"""Readings that are further apart show that the clock has moved, or that digestd did not run."""
SKEW = timedelta(minutes=2)
"""Difference between the clocks of two machines that means nothing."""
_A = core.alert_state.c
_MINUTE_US = 60_000_000


class ClockReadings(NamedTuple):
    """The readings of the clock that are known, to the minute.

    Attributes:
        last: the newest one.
        before, since: the ones before and after the clock has moved.
        audited: when all due times were compared with the schedules; see digests.rescheduling.
        corrected: when some of them had to be corrected.
    """

    last: datetime | None = None
    before: datetime | None = None
    since: datetime | None = None
    audited: datetime | None = None
    corrected: datetime | None = None

    def settled(self, now: datetime, moved: timedelta = MOVED) -> datetime:
        """Return the time by which things expire at `now`. `moved`: by how much the clock must have moved to matter."""
        known = self.at(now)
        if known.before is None or known.since is None:
            return now
        has_moved = now - known.since <= MOVED and known.since - known.before > moved
        return min(known.before, now) if has_moved else now

    def at(self, now: datetime) -> Self:
        """Return the readings after another one."""
        now = from_us(to_us(now) // _MINUTE_US * _MINUTE_US)
        if self.last is None or -SKEW <= now - self.last <= MOVED:
            return self._replace(last=max(now, self.last or now))
        return self._replace(last=now, before=self.last, since=now)


_NAMES = {f"clock {name}": name for name in ClockReadings._fields}


def read(session: Session) -> ClockReadings:
    rows = session.connection().execute(select(_A.event, _A.known).where(_A.event.in_(_NAMES)))
    return ClockReadings(**{_NAMES[event]: from_us(known * _MINUTE_US) for event, known in rows})


def settled(db: Database, now: datetime) -> datetime:
    """Return the time by which things expire at `now`; see ClockReadings."""
    with db.read() as session:
        return read(session).settled(now)


def note(db: Database, now: datetime) -> ClockReadings:
    """Note what the clock says now, and return the readings with it."""
    with db.read() as session:
        before = read(session)
    if (known := before.at(now)) != before:
        with db.write() as session:
            write(session, known._replace(audited=None, corrected=None))  # others write these
    return known


def write(session: Session, known: ClockReadings) -> None:
    """Write the readings that are not None."""
    rows = [
        {"event": event, "known": to_us(at) // _MINUTE_US}
        for event, at in zip(_NAMES, known, strict=True)
        if at is not None
    ]
    statement = core.upsert(session, core.alert_state)
    noted = statement.on_conflict_do_update(index_elements=["event"], set_={"known": statement.excluded.known})
    core.execute_many(session, noted, rows)
