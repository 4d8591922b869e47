"""Trials of ranking weights: started and stopped, never changed; one runs at a time."""

from datetime import datetime

from sqlalchemy import insert, or_, select, update
from sqlmodel import Session

from digestd.domain.trial import Trial
from digestd.store import core
from digestd.store.timestamps import from_us, to_us

_TRIAL = core.trial.c


def start_trial(session: Session, trial: Trial) -> None:
    """Insert a trial; its row number is assigned here."""
    row = {"name": trial.name, "weights": trial.weights, "share": trial.share, "started_us": to_us(trial.started)}
    session.connection().execute(insert(core.trial), [row])


def stop_trial(session: Session, trial: Trial, now: datetime) -> None:
    session.connection().execute(update(core.trial).where(_TRIAL.id == trial.key).values(stopped_us=to_us(now)))


def running_trial(session: Session, now: datetime) -> Trial | None:
    """Return the trial that planning at `now` takes part in."""
    on = _TRIAL.started_us <= to_us(now), or_(_TRIAL.stopped_us.is_(None), _TRIAL.stopped_us > to_us(now))
    row = session.connection().execute(select(core.trial).where(*on).order_by(_TRIAL.id.desc()).limit(1)).first()
    return None if row is None else _trial(row)


def every_trial(session: Session) -> list[Trial]:
    return [_trial(row) for row in session.connection().execute(select(core.trial).order_by(_TRIAL.id.desc()))]


def _trial(row: core.Record) -> Trial:
    stopped = None if row.stopped_us is None else from_us(row.stopped_us)
    return Trial(row.id, row.name, row.weights, row.share, from_us(row.started_us), stopped)
