"""Whose bounce is this? Only what our keys prove counts; nobody is named by what anybody can write.

1  the return path of the attempt, with its MAC (also as the envelope id, RFC 3461)
2  the Message-ID of the mail that came back: a MAC that only its reader has seen
3  for complaints, which often have all else blacked out: the link to unsubscribe in it
"""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from digestd.bounces.finding import Reading
from digestd.domain.bounce import BounceKind
from digestd.links import BadToken, Keys, Purpose, claims_our_form, read, read_envelope_from
from digestd.store import bounces, subscribers

_UNSUBSCRIBE = "/u/"


@dataclass(frozen=True, slots=True)
class Match:
    """What a bounce is about. `delivery` is None where only the subscriber is known."""

    address_key: bytes
    delivery: int | None
    attempt: int | None


def match(session: Session, keys: Keys, reading: Reading, now: datetime) -> Match | None:
    """What a mail is about; None where nothing in it is genuinely ours."""
    found = next((m for one in reading.envelopes if (m := by_envelope(session, keys, one)) is not None), None)
    if found is None and not is_forged(reading):
        found = next((m for one in reading.message_ids if (m := by_message_id(session, one)) is not None), None)
        if found is None and reading.finding is not None and reading.finding.kind is BounceKind.COMPLAINT:
            found = next((m for one in reading.links if (m := _by_link(session, keys, one, now)) is not None), None)
    return found


def is_forged(reading: Reading) -> bool:
    """Whether it names a return path in our form; only for what names no genuine one."""
    return any(claims_our_form(address) for address in reading.envelopes)


def by_envelope(session: Session, keys: Keys, address: str) -> Match | None:
    """The attempt that a return path names, if we wrote it and know the delivery."""
    try:
        delivery, attempt = read_envelope_from(keys, address)
    except BadToken:
        return None
    known = bounces.addressee(session, delivery)
    return None if known is None else Match(known.address_key, delivery, attempt)


def by_message_id(session: Session, message_id: str) -> Match | None:
    """The delivery of a Message-ID, at its last attempt: earlier ones were not accepted."""
    known = bounces.addressee_of(session, message_id) if message_id else None
    return None if known is None else Match(known.address_key, known.delivery, known.attempts)


def _by_link(session: Session, keys: Keys, link: str, now: datetime) -> Match | None:
    token = link.rpartition(_UNSUBSCRIBE)[2].partition("?")[0]
    try:
        subscriber = read(keys, Purpose.UNSUBSCRIBE, token, now).number
        return Match(subscribers.address_key_of(session, subscriber), None, None)
    except (BadToken, KeyError):
        return None
