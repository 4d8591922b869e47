"""Refuse settings that would send wrong or unlawful mail.

Each error is one line that names the remedy.

The module that uses a setting checks it, and is imported only if the setting is given.
"""

from datetime import datetime
from email.utils import parseaddr
from typing import NoReturn

from digestd.errors import BadInput, BadSetting
from digestd.security.addresses import address_key
from digestd.security.keys import Keys
from digestd.settings import Settings
from digestd.store import subscribers, suppressions
from digestd.store.database import Database


def check_settings(settings: Settings) -> None:
    """Check settings that depend on each other or on a file.

    Raises:
        BadSetting: what is wrong, one line for each check that fails.
    """
    problems = []
    for check in _CHECKS:
        try:
            check(settings)
        except BadSetting as error:
            problems.append(str(error))
    if problems:
        raise BadSetting("\n".join(dict.fromkeys(problems)))


def is_secret_in_use(db: Database) -> bool:
    """Return True if the database has anything that was made with a secret key."""
    with db.read() as session:
        return subscribers.any_address(session) is not None or any(suppressions.count(session).values())


def check_secret(db: Database, keys: Keys) -> None:
    """Check that the secret key is the one that the database was created with.

    With another key no address would be recognised, and suppressed subscribers would get mail.

    Raises:
        BadSetting: it is a different key.
    """
    with db.read() as session:
        someone = subscribers.any_address(session)
    if someone is not None and address_key(keys, someone[0]) != someone[1]:
        raise BadSetting(
            "DIGESTD_SECRET_KEY_FILE: this is not the secret key that the database was created with; "
            "restore the file and the retired keys next to it from a backup"
        )


def _check_runner(settings: Settings) -> None:
    if settings.runner == "procrastinate" and not settings.database_url.startswith("postgresql"):
        raise BadSetting("DIGESTD_RUNNER: procrastinate needs PostgreSQL; set DIGESTD_DATABASE_URL, or use inline")


def _check_unsubscribing(settings: Settings) -> None:
    if settings.command_address and not settings.inbound_url:
        raise BadSetting("DIGESTD_COMMAND_ADDRESS: mail to it is read at DIGESTD_INBOUND_URL; set that too")
    if not (settings.public_url or settings.command_address):
        raise BadSetting(
            "DIGESTD_PUBLIC_URL: is empty, so subscribers could not unsubscribe; set it, or DIGESTD_COMMAND_ADDRESS"
        )


def _check_replies(settings: Settings) -> None:
    """Check where bounces arrive: a mailbox, an LMTP server, providers' webhooks."""
    from digestd.replies.bounces.providers import open_providers

    if settings.inbound_url:
        from digestd.replies.mailboxes import open_inbound

        open_inbound(settings.inbound_url)
    open_providers(settings.model_dump(), _fetch_nothing)


def _check_complaints(settings: Settings) -> None:
    """Check that complaints are read, and that providers accept the address (RFC 9477 section 3.1)."""
    if not settings.complaint_address:
        return
    if not settings.inbound_url:
        raise BadSetting("DIGESTD_COMPLAINT_ADDRESS: mail to it is read at DIGESTD_INBOUND_URL; set that too")
    domain, sender = (
        parseaddr(text)[1].rpartition("@")[2].lower() for text in (settings.complaint_address, settings.mail_from)
    )
    if domain != sender and not domain.endswith(f".{sender}") and not sender.endswith(f".{domain}"):
        raise BadSetting(
            f"DIGESTD_COMPLAINT_ADDRESS: providers ignore an address at {domain[:80]}, because mail comes from "
            f"{sender[:80]}; use the domain of DIGESTD_MAIL_FROM or one below it"
        )


def _fetch_nothing(url: str, _now: datetime) -> NoReturn:
    raise BadInput(f"cannot fetch {url} while settings are checked")


def _check_optional_parts(settings: Settings) -> None:
    """Check sources, webhooks and the sentence encoder if they are set."""
    if settings.sources:
        from digestd.sources import parse_sources

        try:
            parse_sources(settings.sources)
        except BadInput as error:
            raise BadSetting(f"DIGESTD_SOURCES: {error}") from error
    if settings.webhook_urls.split():
        from digestd.subscribers.webhooks import read_secret

        read_secret(settings.webhook_secret)
    if settings.llm_url and not settings.llm_model:
        raise BadSetting("DIGESTD_LLM_MODEL: is empty; set the name of the model at DIGESTD_LLM_URL")
    if settings.llm_judge and not settings.llm_url:
        raise BadSetting("DIGESTD_LLM_JUDGE: needs a language model; set DIGESTD_LLM_URL and DIGESTD_LLM_MODEL")
    _check_theme(settings)
    if settings.embedding_model:
        from digestd.ranking.encoders import check_encoder

        check_encoder(settings.embedding_model)


def _check_alerts(settings: Settings) -> None:
    """Check that alerts are mailed by another relay than digests: it is what alerts are mostly about."""
    from digestd.delivery.transports import open_routes

    if not settings.alert_mail:
        return
    if not settings.alert_transport_url:
        raise BadSetting(
            "DIGESTD_ALERT_TRANSPORT_URL: is not set; name the relay that mails alerts, another than digests'"
        )
    alerts = open_routes(settings.alert_transport_url)
    if len(alerts) > 1:
        raise BadSetting("DIGESTD_ALERT_TRANSPORT_URL: names more than one relay; keep one")
    if alerts[0].name in {route.name for route in open_routes(settings.transport_url)}:
        raise BadSetting("DIGESTD_ALERT_TRANSPORT_URL: is also in DIGESTD_TRANSPORT_URL; alerts need another relay")


def _check_theme(settings: Settings) -> None:
    """Check that the accent can be read and the logo shown."""
    from digestd.mail.theme import check_accent, read_logo

    check_accent(settings.theme_accent)
    read_logo(settings.theme_logo_file)


def _check_sender(settings: Settings) -> None:
    if not _is_for_trying(settings) and "mail_from" not in settings.model_fields_set:
        raise BadSetting("DIGESTD_MAIL_FROM: is not set; set your From address, as in 'Papers <digest@your.domain>'")


def _check_postal_address(settings: Settings) -> None:
    if not _is_for_trying(settings) and not settings.postal_address.strip():
        raise BadSetting("DIGESTD_POSTAL_ADDRESS: is empty; set the postal address that the law requires in every mail")


def _is_for_trying(settings: Settings) -> bool:
    """Return True if all mail goes to a Maildir, and none to others. Raises BadSetting."""
    from digestd.delivery.transports import open_routes

    return all(route.name.startswith("maildir:") for route in open_routes(settings.transport_url))


_CHECKS = (
    _check_runner,
    _check_unsubscribing,
    _check_sender,
    _check_postal_address,
    _check_replies,
    _check_complaints,
    _check_optional_parts,
    _check_alerts,
)
