"""Count what operators monitor. Contains no addresses and no titles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from digestd.domain.bounce import BounceKind, InboundOutcome
from digestd.domain.coverage import SOURCE_IN_USE, Coverage
from digestd.domain.delivery import State
from digestd.domain.subscriber import Status
from digestd.domain.suppression import SuppressionReason
from digestd.domain.webhook import WebhookPostState
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
from digestd.store.throttles import PausedRelay, paused_relays


@dataclass(frozen=True, slots=True)
class ServiceStats:
    """Counts and states at one moment.

    Attributes:
        sources: Newest announcement day of each source.
        answered: Time of the last usable answer of each source.
    """

    deliveries: Mapping[State, int]
    subscribers: Mapping[Status, int]
    papers: int
    last_ingest: datetime | None
    sources: Mapping[str, Coverage]
    answered: Mapping[str, datetime]
    hosts: Sequence[HostState]
    relays_stopped: Sequence[PausedRelay]
    bounces: Mapping[BounceKind, int]
    inbound: Mapping[InboundOutcome, int]
    suppressions: Mapping[SuppressionReason, int]
    last_inbound: datetime | None
    hook_posts: Mapping[WebhookPostState, int]
    refused_waiting: int
    bounces_held: int


def service_stats(session: Session, now: datetime) -> ServiceStats:
    """Return the current counts. States without rows count 0."""
    return ServiceStats(
        deliveries=queries.counts(session),
        subscribers=dict.fromkeys(Status, 0) | subscribers.count(session),
        papers=papers.count(session),
        last_ingest=last_ingest(session),
        sources=newest_days(session, now.date()),
        answered=answered(session),
        hosts=hosts.all_of(session),
        relays_stopped=paused_relays(session),
        bounces=bounces.count(session),
        inbound=inbound.counts(session),
        suppressions=suppressions.count(session),
        last_inbound=inbound.last(session),
        hook_posts=webhooks.counts(session),
        refused_waiting=ledger.count_waiting(session),
        bounces_held=len(bounce_surge.held_addresses(session, now)),
    )


def last_ingest(session: Session) -> datetime | None:
    """Return the time of the last usable answer of any source."""
    return max((last.fetched for last in fetches.latest(session).values() if last.error is None), default=None)


def newest_days(session: Session, today: date) -> dict[str, Coverage]:
    """Return the newest day up to today of each source in use."""
    rows = coverage.recent(session, today - SOURCE_IN_USE)
    return {row.source: row for row in sorted(rows, key=lambda row: (row.source, row.day)) if row.day <= today}


def answered(session: Session) -> dict[str, datetime]:
    """Return the time of the last usable answer of each source that ever gave one."""
    found = {source: fetches.newest_success(session, source) for source in fetches.latest(session)}
    return {source: instant for source, instant in found.items() if instant is not None}
