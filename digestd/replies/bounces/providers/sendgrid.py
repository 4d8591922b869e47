"""Verify and parse the event webhook of SendGrid.

The ECDSA signature covers the timestamp and the body.

Source: https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features
"""

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
from digestd.domain.bounce_rules import kind_of, status_in
from digestd.errors import BadSetting
from digestd.replies.bounces.providers import (
    EVENTS_MAX,
    BounceEvent,
    CertificateLoader,
    MalformedWebhook,
    UnverifiedWebhook,
    WebhookPayload,
    WebhookProvider,
    WebhookRequest,
    check_age,
    get_text,
    parse_json,
    parse_unix_time,
    read_events,
)

_SIGNATURE = "x-twilio-email-event-webhook-signature"
_TIMESTAMP = "x-twilio-email-event-webhook-timestamp"
_DROPPED = {
    "bounced address": BounceKind.HARD,
    "invalid": BounceKind.HARD,
    "spam reporting address": BounceKind.COMPLAINT,
}
"""Reasons why SendGrid did not send a mail: the address is on its suppression list."""


@dataclass(frozen=True, slots=True)
class SendGrid:
    """The event webhook of one SendGrid account."""

    key: ec.EllipticCurvePublicKey

    def parse(self, request: WebhookRequest, now: datetime) -> WebhookPayload:
        """See WebhookProvider.parse."""
        time = request.headers.get(_TIMESTAMP, "")
        check_age(parse_unix_time(time), now)
        try:
            signature = base64.b64decode(request.headers.get(_SIGNATURE, ""), validate=True)
            self.key.verify(signature, time.encode() + request.body, ec.ECDSA(hashes.SHA256()))
        except (InvalidSignature, binascii.Error, ValueError) as error:
            raise UnverifiedWebhook("the signature is wrong") from error
        events = parse_json(request.body)
        if not isinstance(events, list):
            raise MalformedWebhook("the body is not a list of events")
        return WebhookPayload(read_events(events[:EVENTS_MAX], _event))


def create(secret: str, _certificate: CertificateLoader) -> WebhookProvider:
    try:
        key = load_der_public_key(base64.b64decode(secret, validate=True))
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise BadSetting("DIGESTD_INBOUND_SENDGRID_KEY: must be the verification key of the signed event webhook")
    return SendGrid(key)


def _event(event: Any) -> BounceEvent | None:
    kind = _kind(event)
    if kind is None:
        return None
    return BounceEvent(
        id=get_text(event, "sg_event_id"),
        kind=kind,
        address=get_text(event, "email"),
        status=status_in(get_text(event, "status")) or status_in(get_text(event, "reason")),
        message_id=get_text(event, "smtp-id"),
    )


def _kind(event: Any) -> BounceKind | None:
    name, reason = get_text(event, "event"), get_text(event, "reason")
    if name == "spamreport":
        return BounceKind.COMPLAINT
    if name == "dropped":
        return _DROPPED.get(reason.lower())
    if name != "bounce":
        return None
    kind = kind_of(get_text(event, "status"), reason)
    blocked = get_text(event, "type") == "blocked"
    return BounceKind.SOFT if blocked and kind is BounceKind.HARD else kind
