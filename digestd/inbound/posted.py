"""What a provider posted, taken in: all events of one post in one transaction; safe to repeat.

The post is genuine, so an event may name its reader by address alone; whom we do not know is not ours.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from digestd.bounces.providers import Event
from digestd.domain.bounce import Bounce, InboundOutcome
from digestd.errors import BadRecord
from digestd.inbound.matching import Match, by_envelope, by_message_id
from digestd.inbound.taking import Desk, note
from digestd.links import Keys, address_key
from digestd.store import bounces, inbound, ledger, subscribers


def take_events(desk: Desk, provider: str, events: Sequence[Event], now: datetime) -> dict[InboundOutcome, int]:
    """Take in the events of one post; how many came to which outcome."""
    counts: Counter[InboundOutcome] = Counter()
    with desk.db.write() as session:
        for event in events:
            counts[_take(session, desk.keys, provider, event, now)] += 1
        inbound.tally(session, counts, now)
        ledger.settle_bounced(session, now)
    return dict(counts)


def _take(session: Session, keys: Keys, provider: str, event: Event, now: datetime) -> InboundOutcome:
    whose = _whose(session, keys, event)
    if whose is None:
        return InboundOutcome.FOREIGN
    bounce = Bounce(
        key=bounces.key_of(
            "event", provider, event.id, "" if event.id else f"{event.address}|{now.date()}|{event.kind}"
        ),
        address_key=whose.address_key,
        kind=event.kind,
        via=provider,
        status=event.status[:12],
        delivery=whose.delivery,
        attempt=whose.attempt,
        at=now,
    )
    return note(session, bounce, now)


def _whose(session: Session, keys: Keys, event: Event) -> Match | None:
    found = by_envelope(session, keys, event.envelope) or by_message_id(session, event.message_id)
    return found or _by_address(session, keys, event.address)


def _by_address(session: Session, keys: Keys, address: str) -> Match | None:
    try:
        key = address_key(keys, address)
    except BadRecord:
        return None
    return None if subscribers.by_address_key(session, key) is None else Match(key, None, None)
