"""Mailgun's webhooks: an HMAC over a time and a token, not over the body; so a token counts once."""

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
    check_age,
    entry,
    parsed,
    seconds,
    words,
)

_REMEMBERED = {"suppress-bounce": BounceKind.HARD, "suppress-complaint": BounceKind.COMPLAINT}
"""What Mailgun did not even send, as it remembers the address."""
_TOKEN_MAX = 100
_KEY_MIN = 16


@dataclass(frozen=True, slots=True)
class Mailgun:
    """One account, with its signing key."""

    key: bytes = field(repr=False)

    def read(self, post: Post, now: datetime) -> Posted:
        """See Provider.read."""
        body = parsed(post.body)
        time, token = words(body, "signature", "timestamp"), words(body, "signature", "token", most=_TOKEN_MAX)
        check_age(seconds(time), now)
        wanted = hmac.new(self.key, f"{time}{token}".encode(), "sha256").hexdigest()
        if not token or not hmac.compare_digest(wanted.encode(), words(body, "signature", "signature").encode()):
            raise NotGenuine("the signature does not fit the post")
        if not isinstance(entry(body, "event-data"), dict):
            raise Malformed("the body has no event-data")
        event = _event(entry(body, "event-data"), token)
        return Posted((event,) if event else ())


def make(secret: str, _certificate: Certificate) -> Provider:
    """The provider for a setting. Raises BadSetting."""
    if len(secret) < _KEY_MIN:
        raise BadSetting("DIGESTD_INBOUND_MAILGUN_KEY: must be the HTTP webhook signing key of the account")
    return Mailgun(secret.encode())


def _event(data: Any, token: str) -> Event | None:
    kind = _kind(data)
    if kind is None:
        return None
    message_id = words(data, "message", "headers", "message-id")
    return Event(
        id=token,
        kind=kind,
        address=words(data, "recipient"),
        status=status_in(_said(data)),
        envelope=words(data, "envelope", "sender"),
        message_id=f"<{message_id.strip('<>')}>" if message_id else "",
    )


def _kind(data: Any) -> BounceKind | None:
    name, reason = words(data, "event"), words(data, "reason")
    if name == "complained":
        return BounceKind.COMPLAINT
    if name != "failed" or reason == "suppress-unsubscribe":
        return None
    if words(data, "severity") == "temporary":
        return BounceKind.DELAYED
    return _REMEMBERED.get(reason) or kind_of("", _said(data))


def _said(data: Any) -> str:
    status = entry(data, "delivery-status")
    return " ".join(words(status, name) for name in ("code", "enhanced-code", "message", "description"))
