"""config show: the settings, without opening anything."""

import re

from digestd import settings as configuration
from digestd.cli.arguments import Json
from digestd.cli.output import emit

_SECRETS = frozenset(
    {
        "alert_url",
        "alert_transport_url",
        "ping_url",
        "sentry_dsn",
        "webhook_secret",
        "semantic_scholar_key",
        "openalex_key",
        "ncbi_key",
        "llm_key",
        "github_token",
        "inbound_postmark_account",
        "inbound_mailgun_key",
    }
)


def show_settings(as_json: Json = False) -> None:
    """Show every setting, without passwords.

    Example: digestd config show
    """
    settings = configuration.load()
    values = {
        f"{configuration.PREFIX}{name.upper()}": "***" if value and name in _SECRETS else without_password(str(value))
        for name, value in settings.model_dump(mode="json").items()
    }
    emit(values, as_json)


def without_password(value: str) -> str:
    """Return a value with the passwords of its URLs replaced by `***`."""
    return _PASSWORD.sub(r"\1:***@", value)


_PASSWORD = re.compile(r"(://[^:/@\s]*):\S*?@(?=[^@\s]*(?:[\s,]|$))")
