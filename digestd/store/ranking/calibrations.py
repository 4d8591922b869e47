"""Calibrations of the probability of relevance: one row per fit, the newest in force, none deleted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlmodel import Session

from digestd.store import core
from digestd.store.timestamps import from_us, to_us

_C = core.calibration.c


@dataclass(frozen=True, slots=True)
class StoredCalibration:
    """One fit: when, from how many verdicts, and its coefficients by name."""

    fitted: datetime
    events: int
    data: Mapping[str, float]


def newest_calibration(session: Session, at: datetime) -> StoredCalibration | None:
    """Return the calibration in force at a time; None before the first fit."""
    query = select(core.calibration).where(_C.fitted_us <= to_us(at)).order_by(_C.id.desc()).limit(1)
    row = session.connection().execute(query).first()
    return None if row is None else StoredCalibration(from_us(row.fitted_us), row.events, row.data)


def add_calibration(session: Session, calibration: StoredCalibration) -> None:
    row = {"fitted_us": to_us(calibration.fitted), "events": calibration.events, "data": dict(calibration.data)}
    session.connection().execute(insert(core.calibration).values(row))
