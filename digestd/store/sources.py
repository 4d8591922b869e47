"""Configured sources.

Also the records of their last answers that could not be read.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlmodel import Session

from digestd.store import core
from digestd.store.timestamps import from_us, to_us

_S, _R = core.source.c, core.rejected_record.c
REJECTS_MAX = 100
"""So many of one source are kept; the first show the pattern."""


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """One record that could not be read when the source was last fetched."""

    where: str
    field: str
    message: str
    at: datetime


def specs(session: Session) -> list[str]:
    """Return the specs of the sources in the order they were added."""
    query = select(_S.spec).order_by(_S.id)
    return list(session.connection().execute(query).scalars())


def add(session: Session, new: Iterable[str], now: datetime) -> None:
    """Add sources; each must be new."""
    rows = [{"spec": spec, "added_us": to_us(now)} for spec in new]
    core.execute_many(session, insert(core.source), rows)


def remove(session: Session, spec: str) -> None:
    """Remove a source; its papers stay."""
    session.connection().execute(delete(core.source).where(_S.spec == spec))


def replace_rejected(session: Session, source: str, rejected: Iterable[RejectedRecord]) -> None:
    """Store the rejected records of this fetch in place of the last ones."""
    session.connection().execute(delete(core.rejected_record).where(_R.source == source))
    rows = [
        {
            "source": source,
            "n": number,
            "place": one.where[:200],
            "field": one.field[:100],
            "message": one.message[:500],
            "at_us": to_us(one.at),
        }
        for number, one in zip(range(REJECTS_MAX), rejected, strict=False)
    ]
    core.execute_many(session, insert(core.rejected_record), rows)


def rejected(session: Session, source: str) -> list[RejectedRecord]:
    """Return the records that could not be read when the source was last fetched."""
    query = select(core.rejected_record).where(_R.source == source).order_by(_R.n)
    return [
        RejectedRecord(row.place, row.field, row.message, from_us(row.at_us))
        for row in session.connection().execute(query)
    ]
