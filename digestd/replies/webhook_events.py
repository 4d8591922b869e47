"""Process the events of a verified webhook in one transaction. Idempotent.

The provider's signature proves the webhook, so an event may name its subscriber by the address alone.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlmodel import Session

from digestd.domain.bounce import Bounce, InboundOutcome
from digestd.errors import BadRecord
from digestd.replies.bounces.providers.provider import AGE_MAX, CLOCK_SKEW_MAX, BounceEvent, WebhookPayload
from digestd.replies.matching import Match, match_envelope, match_message_id
from digestd.replies.processing import record_bounce
from digestd.security.addresses import address_key
from digestd.security.keys import Keys
from digestd.store import bounces, operations, subscribers
from digestd.store.bulk import by_halves
from digestd.store.database import Database

log = structlog.get_logger(__name__)


def process_events(
    db: Database, keys: Keys, provider: str, payload: WebhookPayload, now: datetime
) -> dict[InboundOutcome, int]:
    """Record the bounces of one webhook; return the number of events by outcome.

    An event that cannot be recorded counts as unread, and the others are recorded. A token that was accepted before is
    a replay, and its events count as known.
    """
    counts: Counter[InboundOutcome] = Counter()

    def refuse(_event: BounceEvent, error: Exception) -> None:
        log.exception("an event cannot be recorded", provider=provider, exc_info=error)
        counts[InboundOutcome.UNREAD] += 1

    def record(events: Sequence[BounceEvent]) -> Counter[InboundOutcome]:
        return _record(db, keys, (provider, payload.token), events, now)

    if payload.token and not payload.events:
        record(())
    for part in by_halves(payload.events, record, refuse):
        counts.update(part)
    return dict(counts)


def _record(
    db: Database, keys: Keys, sender: tuple[str, str], events: Sequence[BounceEvent], now: datetime
) -> Counter[InboundOutcome]:
    """Record events; `sender`: the provider, and the token of its webhook, which comes with one event at most."""
    provider, token = sender
    counts: Counter[InboundOutcome] = Counter()
    with db.write() as session:
        if token and not operations.take_token(session, provider, token, now, TOKENS_KEPT):
            counts[InboundOutcome.KNOWN] += len(events)
            events = ()
        matched = [(event, _match(session, keys, event)) for event in events]
        bounces.lock(session, {found.address_key for _, found in matched if found is not None})
        for event, found in matched:
            outcome = InboundOutcome.FOREIGN
            if found is not None:
                outcome = record_bounce(session, _bounce(provider, event, found, now), now)
            counts[outcome] += 1
        operations.add_inbound_counts(session, counts, now)
    return counts


TOKENS_KEPT = AGE_MAX + 2 * CLOCK_SKEW_MAX
"""Longer than a signature is accepted."""


def _match(session: Session, keys: Keys, event: BounceEvent) -> Match | None:
    found = match_envelope(session, keys, event.envelope) or match_message_id(session, event.message_id)
    return found or _match_address(session, keys, event.address)


def _match_address(session: Session, keys: Keys, address: str) -> Match | None:
    try:
        key = address_key(keys, address)
    except BadRecord:
        return None
    return None if subscribers.by_address_key(session, key) is None else Match(key, None, None)


def _bounce(provider: str, event: BounceEvent, found: Match, now: datetime) -> Bounce:
    return Bounce(
        key=bounces.key_of("event", provider, event.id or f"{event.address} {event.kind} {now.date()}"),
        address_key=found.address_key,
        kind=event.kind,
        via=provider,
        status=event.status[:12],
        delivery=found.delivery,
        attempt=found.attempt,
        at=now,
    )
