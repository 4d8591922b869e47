"""Mail providers that post bounces and complaints. A provider is one file, and one line in PROVIDERS."""

from collections.abc import Callable, Mapping

from digestd.bounces.providers import mailgun, postmark, sendgrid, ses
from digestd.bounces.providers.provider import Certificate, Event, Malformed, NotGenuine, Post, Posted, Provider

__all__ = ["PROVIDERS", "Event", "Malformed", "NotGenuine", "Post", "Posted", "Provider", "open_providers"]

PROVIDERS: Mapping[str, tuple[str, Callable[[str, Certificate], Provider]]] = {
    "ses": ("webhook_ses_topic", ses.make),
    "sendgrid": ("webhook_sendgrid_key", sendgrid.make),
    "postmark": ("webhook_postmark_account", postmark.make),
    "mailgun": ("webhook_mailgun_key", mailgun.make),
}
"""Each by its name in the address, with the setting that turns it on."""


def open_providers(settings: Mapping[str, object], certificate: Certificate) -> dict[str, Provider]:
    """The providers whose settings are given. Raises BadSetting for one that cannot be right."""
    given = {name: str(settings.get(setting, "")) for name, (setting, _) in PROVIDERS.items()}
    return {name: PROVIDERS[name][1](secret.strip(), certificate) for name, secret in given.items() if secret.strip()}
