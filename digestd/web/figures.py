"""What an operator watches, counted in the store. No addresses, no titles."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlmodel import Session

from digestd.domain.delivery import State
from digestd.domain.subscriber import Status
from digestd.store import core, subscribers
from digestd.store.instants import from_us


@dataclass(frozen=True, slots=True)
class Figures:
    """The state of the house at one moment."""

    deliveries: Mapping[State, int]
    subscribers: Mapping[Status, int]
    papers: int
    last_ingest: datetime | None


def figures(session: Session) -> Figures:
    """Count now; a state that no row has counts 0."""
    connection = session.connection()
    state = core.delivery.c.state
    deliveries = connection.execute(select(state, func.count()).group_by(state)).all()
    papers = connection.execute(select(func.count()).select_from(core.paper)).scalar_one()
    return Figures(
        deliveries=dict.fromkeys(State, 0) | {State(name): number for name, number in deliveries},
        subscribers=dict.fromkeys(Status, 0) | subscribers.count(session),
        papers=papers,
        last_ingest=last_ingest(session),
    )


def last_ingest(session: Session) -> datetime | None:
    """When a source last gave a usable answer."""
    fetch = core.fetch.c
    us = session.connection().execute(select(func.max(fetch.fetched_us)).where(fetch.error.is_(None))).scalar()
    return None if us is None else from_us(us)
