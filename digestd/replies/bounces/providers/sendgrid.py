"""SendGrid's event webhook, signed with ECDSA over the time and the body; the key is shown in its settings."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from digestd.domain.bounce import BounceKind
from digestd.domain.bounce_status import kind_of, status_in
from digestd.errors import BadSetting
from digestd.replies.bounces.providers.provider import (
    EVENTS_MAX,
    Certificate,
    Event,
    Malformed,
    NotGenuine,
    Post,
    Posted,
    Provider,
    check_age,
    parsed,
    seconds,
    words,
)

_SIGNATURE = "x-twilio-email-event-webhook-signature"
_TIME = "x-twilio-email-event-webhook-timestamp"
_DROPPED = {
    "bounced address": BounceKind.HARD,
    "invalid": BounceKind.HARD,
    "spam reporting address": BounceKind.COMPLAINT,
}
"""What SendGrid did not even send, as it remembers the address."""


@dataclass(frozen=True, slots=True)
class SendGrid:
    """One account's webhook."""

    key: ec.EllipticCurvePublicKey

    def read(self, post: Post, now: datetime) -> Posted:
        """See Provider.read."""
        time = post.headers.get(_TIME, "")
        check_age(seconds(time), now)
        try:
            signature = base64.b64decode(post.headers.get(_SIGNATURE, ""), validate=True)
            self.key.verify(signature, time.encode() + post.body, ec.ECDSA(hashes.SHA256()))
        except (InvalidSignature, binascii.Error, ValueError) as error:
            raise NotGenuine("the signature does not fit the post") from error
        events = parsed(post.body)
        if not isinstance(events, list):
            raise Malformed("the body is no list of events")
        return Posted(tuple(found for event in events[:EVENTS_MAX] if (found := _event(event)) is not None))


def make(secret: str, _certificate: Certificate) -> Provider:
    """The provider for a setting. Raises BadSetting."""
    try:
        key = load_der_public_key(base64.b64decode(secret, validate=True))
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise BadSetting("DIGESTD_INBOUND_SENDGRID_KEY: must be the verification key of the signed event webhook")
    return SendGrid(key)


def _event(event: Any) -> Event | None:
    kind = _kind(event)
    if kind is None:
        return None
    return Event(
        id=words(event, "sg_event_id"),
        kind=kind,
        address=words(event, "email"),
        status=status_in(words(event, "status")) or status_in(words(event, "reason")),
        message_id=words(event, "smtp-id"),
    )


def _kind(event: Any) -> BounceKind | None:
    name, reason = words(event, "event"), words(event, "reason")
    if name == "spamreport":
        return BounceKind.COMPLAINT
    if name == "dropped":
        return _DROPPED.get(reason.lower())
    if name != "bounce":
        return None
    kind = kind_of(words(event, "status"), reason)
    blocked = words(event, "type") == "blocked"
    return BounceKind.SOFT if blocked and kind is BounceKind.HARD else kind
