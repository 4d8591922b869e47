"""Webhooks of mail providers for bounces and complaints: the interface, and helpers to read them.

A provider is one module and one line in PROVIDERS. `open_providers` imports a provider only if its setting is given. It
verifies a request and returns its events; it does not know the database.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import structlog

from digestd.domain.bounce import BounceKind
from digestd.errors import BadInput
from digestd.text.inputs import load_json

if TYPE_CHECKING:  # slow to import, and most installations have no provider
    from cryptography import x509

AGE_MAX = timedelta(hours=24)
"""Providers retry for hours while the service is down; an older request may be a replay."""
CLOCK_SKEW_MAX = timedelta(minutes=5)
"""Tolerance for a provider's clock that is ahead."""
EVENTS_MAX = 5_000
"""Events of one request; the rest is dropped."""
log = structlog.get_logger(__name__)

CertificateLoader: TypeAlias = "Callable[[str, datetime], x509.Certificate]"
"""Loads the certificate at an https URL, valid at this time.

Raises UnverifiedWebhook or VerificationUnavailable.
"""


class UnverifiedWebhook(BadInput):
    """The signature is missing, wrong or too old."""


class MalformedWebhook(BadInput):
    """The request is authentic, but has an unknown format."""


class VerificationUnavailable(BadInput):
    """The signature cannot be verified now; the provider should retry."""


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """An HTTP request: lower-case header names and the raw body."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class BounceEvent:
    """A bounce or complaint that a provider reports.

    Attributes:
        id: The provider's id of the event; equal for repeated requests.
        status: RFC 3463 status, or "".
        envelope: Return path of the mail, or "".
        message_id: Message-ID of the mail, or "".
    """

    id: str
    kind: BounceKind
    address: str
    status: str = ""
    envelope: str = ""
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class WebhookPayload:
    """The content of an authentic request.

    Attributes:
        events: Bounces and complaints.
        confirmation_url: URL that the operator must open once to receive events, or "".
        token: What the signature covers if it does not cover the body, or "". It is accepted once.
    """

    events: tuple[BounceEvent, ...] = ()
    confirmation_url: str = ""
    token: str = ""


class WebhookProvider(Protocol):
    """A mail provider with the secret or key that verifies its requests."""

    def parse(self, request: WebhookRequest, now: datetime) -> WebhookPayload:
        """Verify a request and return its events.

        Raises:
            UnverifiedWebhook: The signature is missing, wrong or too old.
            MalformedWebhook: The request is authentic, but has an unknown format.
            VerificationUnavailable: The signature cannot be verified now.
        """


def parse_json(body: bytes) -> Any:
    """Return the JSON value of a body.

    Raises:
        MalformedWebhook: The body is not JSON, or contains NUL or lone surrogates, which no database accepts.
    """
    try:
        value = load_json(body)
        text = json.dumps(value, ensure_ascii=False).encode()
    except ValueError as error:
        raise MalformedWebhook(f"the body is not JSON ({type(error).__name__})") from None
    if b"\\u0000" in text:
        raise MalformedWebhook("the body contains a NUL character")
    return value


def read_events(records: Iterable[object], read: Callable[[Any], BounceEvent | None]) -> tuple[BounceEvent, ...]:
    """Return the events of a batch; one that cannot be read is left out, as the provider would repeat all of them."""
    events: list[BounceEvent] = []
    for record in records:
        try:
            event = read(record)
        except Exception as error:  # of a kind that nobody foresaw
            log.exception("an event of a webhook cannot be read", kind=type(error).__name__)
            continue
        if event is not None:
            events.append(event)
    return tuple(events)


def get_value(holder: object, *path: str) -> Any:
    for name in path:
        holder = holder.get(name) if isinstance(holder, Mapping) else None
    return holder


def get_text(holder: object, *path: str, most: int = 500) -> str:
    """Return the string or number at a path of keys as text, or "".

    Args:
        holder: Decoded JSON value.
        path: Keys of nested objects.
        most: Maximum number of characters; the rest is cut.
    """
    value = get_value(holder, *path)
    return str(value)[:most] if isinstance(value, str | int | float) else ""


def check_age(signed: datetime, now: datetime) -> None:
    """Check the time of signing against AGE_MAX and CLOCK_SKEW_MAX.

    Raises:
        UnverifiedWebhook: The request is too old or from the future.
    """
    if not now - AGE_MAX <= signed <= now + CLOCK_SKEW_MAX:
        raise UnverifiedWebhook("the request was signed too long ago, or by a clock that is ahead")


def parse_unix_time(text: str) -> datetime:
    """Return the time of a Unix timestamp in seconds.

    Raises:
        UnverifiedWebhook: The text is not a timestamp.
    """
    if not (text.isascii() and text.isdecimal() and len(text) <= 11):
        raise UnverifiedWebhook("the request has no valid time of signing")
    return datetime.fromtimestamp(int(text), UTC)


PROVIDERS: Mapping[str, str] = {
    "ses": "inbound_ses_topic",
    "sendgrid": "inbound_sendgrid_key",
    "postmark": "inbound_postmark_account",
    "mailgun": "inbound_mailgun_key",
}
"""Setting that enables each provider, by its name in the URL, which is also the module name."""


def open_providers(settings: Mapping[str, object], certificate: CertificateLoader) -> dict[str, WebhookProvider]:
    """Return the configured providers by name.

    Args:
        certificate: Loader of signing certificates.

    Raises:
        BadSetting: A setting is invalid.
    """
    configured = {name: str(settings.get(setting, "")).strip() for name, setting in PROVIDERS.items()}
    return {name: _create(name, secret, certificate) for name, secret in configured.items() if secret}


def _create(name: str, secret: str, certificate: CertificateLoader) -> WebhookProvider:
    provider: WebhookProvider = import_module(f"{__name__}.{name}").create(secret, certificate)
    return provider
