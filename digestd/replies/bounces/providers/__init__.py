"""Mail providers that post bounces and complaints. A provider is one file, and one line in PROVIDERS.

Its file, and what it checks signatures with, is imported where its setting is given.
"""

from collections.abc import Mapping
from importlib import import_module

from digestd.replies.bounces.providers.provider import (
    Certificate,
    Event,
    Malformed,
    NotGenuine,
    Post,
    Posted,
    Provider,
    Unavailable,
)

__all__ = [
    "PROVIDERS",
    "Event",
    "Malformed",
    "NotGenuine",
    "Post",
    "Posted",
    "Provider",
    "Unavailable",
    "open_providers",
]

PROVIDERS: Mapping[str, str] = {
    "ses": "inbound_ses_topic",
    "sendgrid": "inbound_sendgrid_key",
    "postmark": "inbound_postmark_account",
    "mailgun": "inbound_mailgun_key",
}
"""The setting that turns each on, by its name: in the address, and of its file."""


def open_providers(settings: Mapping[str, object], certificate: Certificate) -> dict[str, Provider]:
    """The providers whose settings are given. Raises BadSetting for one that cannot be right."""
    given = {name: str(settings.get(setting, "")).strip() for name, setting in PROVIDERS.items()}
    return {name: _made(name, secret, certificate) for name, secret in given.items() if secret}


def _made(name: str, secret: str, certificate: Certificate) -> Provider:
    provider: Provider = import_module(f"{__name__}.{name}").make(secret, certificate)
    return provider
