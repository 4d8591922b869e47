"""Webhooks of mail providers for bounces and complaints.

A provider is one module and one line in PROVIDERS.

`open_providers` imports a provider only if its setting is given. A provider verifies a request and returns its events;
it does not know the database.
"""

from collections.abc import Mapping
from importlib import import_module

from digestd.replies.bounces.providers.provider import (
    BounceEvent,
    CertificateLoader,
    MalformedWebhook,
    UnverifiedWebhook,
    VerificationUnavailable,
    WebhookPayload,
    WebhookProvider,
    WebhookRequest,
)

__all__ = [
    "PROVIDERS",
    "BounceEvent",
    "MalformedWebhook",
    "UnverifiedWebhook",
    "VerificationUnavailable",
    "WebhookPayload",
    "WebhookProvider",
    "WebhookRequest",
    "open_providers",
]

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
