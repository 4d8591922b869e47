"""What a provider posted, taken in: all events of one post in one transaction; safe to repeat.

The post is genuine, so an event may name its reader by address alone; whom we do not know is not ours.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from digestd.domain.bounce import Bounce, InboundOutcome
from digestd.errors import BadRecord
from digestd.replies.bounces.providers.provider import Event
from digestd.replies.matching import Match, by_envelope, by_message_id
from digestd.replies.processing import Desk, note
from digestd.security.links import Keys, address_key
from digestd.store import bounces, inbound, subscribers


def take_events(desk: Desk, provider: str, events: Sequence[Event], now: datetime) -> dict[InboundOutcome, int]:
    """Take in the events of one post; how many came to which outcome."""
    counts: Counter[InboundOutcome] = Counter()
    with desk.db.write() as session:
        found = [(event, _whose(session, desk.keys, event)) for event in events]
        bounces.lock(session, {whose.address_key for _, whose in found if whose is not None})
        for event, whose in found:
            outcome = (
                InboundOutcome.FOREIGN if whose is None else note(session, _bounce(provider, event, whose, now), now)
            )
            counts[outcome] += 1
        inbound.add_counts(session, counts, now)
    return dict(counts)


def _bounce(provider: str, event: Event, whose: Match, now: datetime) -> Bounce:
    return Bounce(
        key=bounces.key_of("event", provider, event.id or f"{event.address} {event.kind} {now.date()}"),
        address_key=whose.address_key,
        kind=event.kind,
        via=provider,
        status=event.status[:12],
        delivery=whose.delivery,
        attempt=whose.attempt,
        at=now,
    )


def _whose(session: Session, keys: Keys, event: Event) -> Match | None:
    found = by_envelope(session, keys, event.envelope) or by_message_id(session, event.message_id)
    return found or _by_address(session, keys, event.address)


def _by_address(session: Session, keys: Keys, address: str) -> Match | None:
    try:
        key = address_key(keys, address)
    except BadRecord:
        return None
    return None if subscribers.by_address_key(session, key) is None else Match(key, None, None)
