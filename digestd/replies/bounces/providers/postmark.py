"""Verify and parse the webhooks of Postmark for bounces and spam complaints.

Postmark signs nothing; HTTP basic authentication over TLS proves the sender.

Source: https://postmarkapp.com/developer/webhooks/bounce-webhook
"""

import base64
import binascii
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from digestd.domain.bounce import BounceKind
from digestd.domain.bounce_rules import kind_of, status_in
from digestd.errors import BadSetting
from digestd.replies.bounces.providers import (
    BounceEvent,
    CertificateLoader,
    MalformedWebhook,
    UnverifiedWebhook,
    WebhookPayload,
    WebhookProvider,
    WebhookRequest,
    get_text,
    parse_json,
)

_KINDS = {
    "HardBounce": BounceKind.HARD,
    "BadEmailAddress": BounceKind.HARD,
    "ManuallyDeactivated": BounceKind.HARD,
    "SoftBounce": BounceKind.SOFT,
    "DnsError": BounceKind.SOFT,
    "Undeliverable": BounceKind.SOFT,
    "Transient": BounceKind.DELAYED,
    "SpamNotification": BounceKind.POLICY,
    "Blocked": BounceKind.POLICY,
    "DMARCPolicy": BounceKind.POLICY,
    "SpamComplaint": BounceKind.COMPLAINT,
}
"""Bounce kind by Postmark's `Type`. Other types, such as automatic replies, say nothing about the address."""
_SECRET_MIN = 16


@dataclass(frozen=True, slots=True)
class Postmark:
    """The webhook of one Postmark server. `account` is `user:password`."""

    account: bytes = field(repr=False)

    def parse(self, request: WebhookRequest, now: datetime) -> WebhookPayload:
        """See WebhookProvider.parse; the age is not checked, as no time is signed."""
        del now
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        try:
            account = base64.b64decode(given, validate=True)
        except (binascii.Error, ValueError):
            account = b""
        if scheme.lower() != "basic" or not hmac.compare_digest(account, self.account):
            raise UnverifiedWebhook("the user name or password differs from DIGESTD_INBOUND_POSTMARK_ACCOUNT")
        record = parse_json(request.body)
        if not get_text(record, "RecordType"):
            raise MalformedWebhook("the body has no RecordType")
        event = _event(record)
        return WebhookPayload((event,) if event else ())


def create(secret: str, _certificate: CertificateLoader) -> WebhookProvider:
    user, _, password = secret.partition(":")
    if not user or len(password) < _SECRET_MIN:
        raise BadSetting(
            "DIGESTD_INBOUND_POSTMARK_ACCOUNT: must be user:password as in the webhook URL at Postmark, "
            f"with a password of at least {_SECRET_MIN} characters"
        )
    return Postmark(secret.encode())


def _event(record: Any) -> BounceEvent | None:
    kind = (
        _KINDS.get(get_text(record, "Type")) if get_text(record, "RecordType") in {"Bounce", "SpamComplaint"} else None
    )
    if kind is None:
        return None
    diagnostic = f"{get_text(record, 'Details')} {get_text(record, 'Description')}"
    if kind is BounceKind.HARD and kind_of("", diagnostic) is BounceKind.POLICY:
        kind = BounceKind.POLICY
    return BounceEvent(
        id=f"{get_text(record, 'RecordType')} {get_text(record, 'ID')}",
        kind=kind,
        address=get_text(record, "Email"),
        status=status_in(diagnostic),
    )
