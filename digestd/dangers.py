"""Settings that would mail wrongly or against the law are refused at the start, each in one clear line.

The part that knows a setting looks at it, and is imported only where the setting is given.
"""

from collections.abc import Collection
from datetime import datetime
from email.utils import parseaddr
from typing import NoReturn

from digestd.errors import BadInput, BadSetting
from digestd.links import Keys, address_key
from digestd.settings import Settings
from digestd.store import subscribers
from digestd.store.database import Database
from digestd.transports import Route, open_routes


def refuse(settings: Settings) -> None:
    """Raise BadSetting for the first of them."""
    routes = open_routes(settings.transport_url)
    _refuse_places(settings)
    if settings.command_address and not settings.inbound_url:
        raise BadSetting("DIGESTD_COMMAND_ADDRESS: set DIGESTD_INBOUND_URL too: it is where mails to it are read")
    if not (settings.public_url or settings.command_address):
        raise BadSetting(
            "DIGESTD_PUBLIC_URL: is empty, so nobody could unsubscribe; set it, or DIGESTD_COMMAND_ADDRESS"
        )
    _refuse_parts(settings)
    _refuse_nameless(settings, routes)


def refuse_wrong_secret(db: Database, keys: Keys) -> None:
    """Raise BadSetting where the first secret is another than the database was made with: nobody would be known by
    their address, and the suppressed would be written to."""
    with db.read() as session:
        someone = subscribers.any_address(session)
    if someone is not None and address_key(keys, someone[0]) != someone[1]:
        raise BadSetting(
            "DIGESTD_SECRET_KEY_FILE: this is not the secret that the database was made with; "
            "restore it from a backup, with the retired ones beside it"
        )


def _refuse_places(settings: Settings) -> None:
    """Where mail arrives, and who posts what became of it."""
    from digestd.bounces.providers import open_providers

    if settings.inbound_url:
        from digestd.inbound import open_inbound

        open_inbound(settings.inbound_url)
    open_providers(settings.model_dump(), _fetch_nothing)


def _fetch_nothing(url: str, _names: Collection[str], _now: datetime) -> NoReturn:
    raise BadInput(f"nothing is fetched while settings are checked, and {url} neither")


def _refuse_parts(settings: Settings) -> None:
    """What is off unless it is asked for, and where papers come from."""
    if settings.sources:
        from digestd.sources import parse_sources

        try:
            parse_sources(settings.sources)
        except BadInput as error:
            raise BadSetting(f"DIGESTD_SOURCES: {error}") from error
    if settings.hook_urls.split():
        from digestd.hooks import read_secret

        read_secret(settings.hook_secret)
    if settings.embedding_model:
        from digestd.encoders import check_encoder

        check_encoder(settings.embedding_model)


def _refuse_nameless(settings: Settings, routes: tuple[Route, ...]) -> None:
    """Mail to others says who sends it, and from where."""
    if all(route.name.startswith("maildir:") for route in routes):
        return
    if not settings.postal_address.strip():
        raise BadSetting("DIGESTD_POSTAL_ADDRESS: set the postal address that every digest must carry by law")
    if parseaddr(settings.mail_from)[1].endswith("@example.org") and "mail_from" not in settings.model_fields_set:
        raise BadSetting("DIGESTD_MAIL_FROM: set the address that digests come from")
