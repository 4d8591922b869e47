"""Postmark's webhooks for bounces and spam complaints: no signature, but HTTP basic authentication over TLS."""

import base64
import binascii
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from digestd.domain.bounce import BounceKind
from digestd.domain.bounce_status import kind_of, status_in
from digestd.errors import BadSetting
from digestd.replies.bounces.providers.provider import (
    Certificate,
    Event,
    Malformed,
    NotGenuine,
    Post,
    Posted,
    Provider,
    parsed,
    words,
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
"""By their `Type`; out of office, challenges and the like say nothing of the address."""
_SECRET_MIN = 16


@dataclass(frozen=True, slots=True)
class Postmark:
    """One server's webhook; `account` is `user:password`."""

    account: bytes = field(repr=False)

    def read(self, post: Post, now: datetime) -> Posted:
        """See Provider.read; the post itself carries no time that is signed."""
        del now
        scheme, _, given = post.headers.get("authorization", "").partition(" ")
        try:
            account = base64.b64decode(given, validate=True)
        except (binascii.Error, ValueError):
            account = b""
        if scheme.lower() != "basic" or not hmac.compare_digest(account, self.account):
            raise NotGenuine("the user name or the password is not that of DIGESTD_INBOUND_POSTMARK_ACCOUNT")
        record = parsed(post.body)
        if not words(record, "RecordType"):
            raise Malformed("the body is no record of Postmark")
        event = _event(record)
        return Posted((event,) if event else ())


def make(secret: str, _certificate: Certificate) -> Provider:
    """The provider for a setting. Raises BadSetting."""
    user, _, password = secret.partition(":")
    if not user or len(password) < _SECRET_MIN:
        raise BadSetting(
            "DIGESTD_INBOUND_POSTMARK_ACCOUNT: must be user:password as in the webhook's address at Postmark, "
            f"with {_SECRET_MIN} letters of password or more"
        )
    return Postmark(secret.encode())


def _event(record: Any) -> Event | None:
    kind = _KINDS.get(words(record, "Type")) if words(record, "RecordType") in {"Bounce", "SpamComplaint"} else None
    if kind is None:
        return None
    said = f"{words(record, 'Details')} {words(record, 'Description')}"
    if kind is BounceKind.HARD and kind_of("", said) is BounceKind.POLICY:
        kind = BounceKind.POLICY
    return Event(
        id=f"{words(record, 'RecordType')} {words(record, 'ID')}",
        kind=kind,
        address=words(record, "Email"),
        status=status_in(said),
    )
