"""What an operator watches, counted in the store. No addresses, no titles."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from digestd.domain.delivery import State
from digestd.domain.subscriber import Status
from digestd.store import fetches, papers, subscribers
from digestd.store.ledger import reading


@dataclass(frozen=True, slots=True)
class Figures:
    """The state of the house at one moment."""

    deliveries: Mapping[State, int]
    subscribers: Mapping[Status, int]
    papers: int
    last_ingest: datetime | None


def figures(session: Session) -> Figures:
    """Count now; a state that no row has counts 0."""
    return Figures(
        deliveries=reading.counts(session),
        subscribers=dict.fromkeys(Status, 0) | subscribers.count(session),
        papers=papers.count(session),
        last_ingest=last_ingest(session),
    )


def last_ingest(session: Session) -> datetime | None:
    """When a source last gave a usable answer."""
    return max((last.fetched for last in fetches.last(session).values() if last.error is None), default=None)
