"""Whose bounce is this? Only what our keys prove counts; nobody is named by what anybody can write.

The proof is the return path of the attempt, with its MAC: as the address that the report was sent to, as the envelope
id (RFC 3461), or in the mail or the fields that the report brings back (RFC 3464, RFC 5965). A Message-ID and a link
to unsubscribe travel with every forwarded mail, so they prove nothing: a report that has only those is left to a
person. Posts of a provider are proven by their signature, and may name a mail by its Message-ID.
"""

from dataclasses import dataclass

from sqlmodel import Session

from digestd.replies.bounces.finding import Reading
from digestd.security.links import BadToken, Keys, looks_like_envelope_from, read_envelope_from
from digestd.store import bounces


@dataclass(frozen=True, slots=True)
class Match:
    """What a bounce is about. `delivery` is None where only the subscriber is known."""

    address_key: bytes
    delivery: int | None
    attempt: int | None


def match(session: Session, keys: Keys, reading: Reading) -> Match | None:
    """Return what a report is about; None unless a return path in it is ours."""
    return next((m for one in reading.envelopes if (m := by_envelope(session, keys, one)) is not None), None)


def named_without_proof(session: Session, reading: Reading) -> int | None:
    """Return the delivery that a report names by Message-ID alone, for the operator to know."""
    return next((m.delivery for one in reading.message_ids if (m := by_message_id(session, one)) is not None), None)


def is_forged(reading: Reading) -> bool:
    """Whether it names a return path in our form; only for what names no genuine one."""
    return any(looks_like_envelope_from(address) for address in reading.envelopes)


def by_envelope(session: Session, keys: Keys, address: str) -> Match | None:
    """The attempt that a return path names, if we wrote it and know the delivery."""
    try:
        delivery, attempt = read_envelope_from(keys, address)
    except BadToken:
        return None
    known = bounces.addressee_of_delivery(session, delivery)
    return None if known is None else Match(known.address_key, delivery, attempt)


def by_message_id(session: Session, message_id: str) -> Match | None:
    """The delivery of a Message-ID, at its last attempt: earlier ones were not accepted."""
    known = bounces.addressee_of_message(session, message_id) if message_id else None
    return None if known is None else Match(known.address_key, known.delivery, known.attempts)
