"""Match a report to the delivery it is about, by proof only.

The proof is the signed return path of the attempt: as the address that the report was sent to, as the envelope id
(RFC 3461), or in the returned headers and fields (RFC 3464, RFC 5965); for complaints also the id in CFBL-Feedback-ID
(RFC 9477). A Message-ID or an unsubscribe link travels with
every forwarded mail and proves nothing, so a report with nothing else waits for the operator. Webhooks of a provider
are proven by their signature, and may name a mail by its Message-ID.
"""

from dataclasses import dataclass

from sqlmodel import Session

from digestd.domain.bounce import BounceKind
from digestd.replies.bounces.formats import Classification
from digestd.security.addresses import NO_ATTEMPT, looks_like_envelope_from, read_envelope_from
from digestd.security.keys import Keys
from digestd.security.tokens import BadToken
from digestd.store import bounces


@dataclass(frozen=True, slots=True)
class Match:
    """The subscriber and the delivery that a bounce is about.

    Attributes:
        address_key: Keyed hash of the subscriber's address.
        delivery: Number of the delivery; None if only the subscriber is known.
        attempt: Number of the attempt; None if only the subscriber is known.
    """

    address_key: bytes
    delivery: int | None
    attempt: int | None


def match_report(session: Session, keys: Keys, classified: Classification) -> Match | None:
    """Return the match of the first return path that our keys prove, or None.

    The id in CFBL-Feedback-ID proves complaints only.
    """
    is_complaint = classified.report is not None and classified.report.kind is BounceKind.COMPLAINT
    found = (match_envelope(session, keys, envelope) for envelope in classified.envelopes)
    return next((match for match in found if match and (is_complaint or match.attempt != NO_ATTEMPT)), None)


def find_unproven_delivery(session: Session, classified: Classification) -> int | None:
    """Return the delivery that a report names by Message-ID alone, for logs only."""
    found = (match_message_id(session, message_id) for message_id in classified.message_ids)
    return next((match.delivery for match in found if match is not None), None)


def is_forged(classified: Classification) -> bool:
    """Return True if an identifier has the form of our return paths. Call it only if none of them is proven."""
    return any(looks_like_envelope_from(address) for address in classified.envelopes)


def match_envelope(session: Session, keys: Keys, address: str) -> Match | None:
    """Return the attempt that a signed return path names, or None."""
    try:
        delivery, attempt = read_envelope_from(keys, address)
    except BadToken:
        return None
    known = bounces.addressee_of_delivery(session, delivery)
    return None if known is None else Match(known.address_key, delivery, attempt)


def match_message_id(session: Session, message_id: str) -> Match | None:
    """Return the last attempt of the delivery with this Message-ID.

    Earlier attempts were not accepted by the relay.
    """
    known = bounces.addressee_of_message(session, message_id) if message_id else None
    return None if known is None else Match(known.address_key, known.delivery, known.attempts)
