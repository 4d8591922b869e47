"""What the install has learnt of chances from its own feedback."""

from datetime import datetime

from sqlmodel import Session

from digestd.ranking.calibration import Own
from digestd.store import calibrations


def learnt(session: Session, at: datetime) -> Own:
    """What was in force at a time."""
    found = calibrations.newest(session, at)
    return Own() if found is None else Own(**found.data)
