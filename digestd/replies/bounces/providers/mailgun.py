"""Verify and parse the webhooks of Mailgun.

The HMAC covers a timestamp and a token, not the body, so a token is accepted once, whatever came with it.

Source: https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks
"""

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
    check_age,
    get_text,
    get_value,
    parse_json,
    parse_unix_time,
)

_SUPPRESSED = {"suppress-bounce": BounceKind.HARD, "suppress-complaint": BounceKind.COMPLAINT}
"""Reasons why Mailgun did not send a mail: the address is on its suppression list."""
_TOKEN_MAX = 100
_KEY_MIN = 16


@dataclass(frozen=True, slots=True)
class Mailgun:
    """The webhooks of one Mailgun account."""

    key: bytes = field(repr=False)

    def parse(self, request: WebhookRequest, now: datetime) -> WebhookPayload:
        """See WebhookProvider.parse."""
        body = parse_json(request.body)
        time, token = get_text(body, "signature", "timestamp"), get_text(body, "signature", "token", most=_TOKEN_MAX)
        check_age(parse_unix_time(time), now)
        expected = hmac.new(self.key, f"{time}{token}".encode(), "sha256").hexdigest()
        if not token or not hmac.compare_digest(expected.encode(), get_text(body, "signature", "signature").encode()):
            raise UnverifiedWebhook("the signature is wrong")
        if not isinstance(get_value(body, "event-data"), dict):
            raise MalformedWebhook("the body has no event-data object")
        event = _event(get_value(body, "event-data"), token)
        return WebhookPayload((event,) if event else (), token=token)


def create(secret: str, _certificate: CertificateLoader) -> WebhookProvider:
    if len(secret) < _KEY_MIN:
        raise BadSetting("DIGESTD_INBOUND_MAILGUN_KEY: must be the HTTP webhook signing key of the account")
    return Mailgun(secret.encode())


def _event(data: Any, token: str) -> BounceEvent | None:
    kind = _kind(data)
    if kind is None:
        return None
    message_id = get_text(data, "message", "headers", "message-id")
    return BounceEvent(
        id=token,
        kind=kind,
        address=get_text(data, "recipient"),
        status=status_in(_diagnostic(data)),
        envelope=get_text(data, "envelope", "sender"),
        message_id=f"<{message_id.strip('<>')}>" if message_id else "",
    )


def _kind(data: Any) -> BounceKind | None:
    name, reason = get_text(data, "event"), get_text(data, "reason")
    if name == "complained":
        return BounceKind.COMPLAINT
    if name != "failed" or reason == "suppress-unsubscribe":
        return None
    if get_text(data, "severity") == "temporary":
        return BounceKind.DELAYED
    return _SUPPRESSED.get(reason) or kind_of("", _diagnostic(data))


def _diagnostic(data: Any) -> str:
    status = get_value(data, "delivery-status")
    return " ".join(get_text(status, name) for name in ("code", "enhanced-code", "message", "description"))
