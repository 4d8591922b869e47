"""What an operator watches, counted in the store. No addresses, no titles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from digestd.domain.bounce import BounceKind, InboundOutcome
from digestd.domain.coverage import Coverage
from digestd.domain.delivery import State
from digestd.domain.hook import PostState
from digestd.domain.subscriber import Status
from digestd.domain.suppression import SuppressionReason
from digestd.plan.coverage import IN_USE
from digestd.store import (
    bounce_surge,
    bounces,
    coverage,
    fetches,
    hosts,
    inbound,
    ledger,
    papers,
    subscribers,
    suppressions,
    webhooks,
)
from digestd.store.hosts import HostState
from digestd.store.ledger import queries
from digestd.store.throttles import RelayBackoff, backed_off_relays


@dataclass(frozen=True, slots=True)
class Figures:
    """The state of the house at one moment. `sources`: the newest day of each source; `answered`: when it last did."""

    deliveries: Mapping[State, int]
    subscribers: Mapping[Status, int]
    papers: int
    last_ingest: datetime | None
    sources: Mapping[str, Coverage]
    answered: Mapping[str, datetime]
    hosts: Sequence[HostState]
    lanes_stopped: Sequence[RelayBackoff]
    bounces: Mapping[BounceKind, int]
    inbound: Mapping[InboundOutcome, int]
    suppressions: Mapping[SuppressionReason, int]
    last_inbound: datetime | None
    hook_posts: Mapping[PostState, int]
    refused_waiting: int
    bounces_held: int


def figures(session: Session, now: datetime) -> Figures:
    """Count now; a state that no row has counts 0."""
    return Figures(
        deliveries=queries.counts(session),
        subscribers=dict.fromkeys(Status, 0) | subscribers.count(session),
        papers=papers.count(session),
        last_ingest=last_ingest(session),
        sources=newest_days(session, now.date()),
        answered=answered(session),
        hosts=hosts.all_of(session),
        lanes_stopped=backed_off_relays(session),
        bounces=bounces.count(session),
        inbound=inbound.counts(session),
        suppressions=suppressions.count(session),
        last_inbound=inbound.last(session),
        hook_posts=webhooks.counts(session),
        refused_waiting=ledger.count_waiting(session),
        bounces_held=len(bounce_surge.held_addresses(session, now)),
    )


def last_ingest(session: Session) -> datetime | None:
    """When a source last gave a usable answer."""
    return max((last.fetched for last in fetches.latest(session).values() if last.error is None), default=None)


def newest_days(session: Session, today: date) -> dict[str, Coverage]:
    """The newest day, today or before, of each source in use."""
    rows = coverage.recent(session, today - IN_USE)
    return {row.source: row for row in sorted(rows, key=lambda row: (row.source, row.day)) if row.day <= today}


def answered(session: Session) -> dict[str, datetime]:
    """When each source last gave a usable answer; one of which none is known is absent."""
    found = {source: fetches.newest_success(session, source) for source in fetches.latest(session)}
    return {source: instant for source, instant in found.items() if instant is not None}
