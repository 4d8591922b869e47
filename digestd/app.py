"""Wiring: settings become the parts that the stages are handed. The only clock, the only randomness.

Nothing below this file knows a setting, reads a clock or rolls a die. A part that not every command needs is imported
where it is asked for: a worker that only delivers holds half the memory, and starts in half the time.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from functools import lru_cache
from pathlib import Path
from random import Random, SystemRandom
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from digestd import dangers, shipped
from digestd import settings as configuration
from digestd.dkim import open_signer
from digestd.links import Keys, Purpose, Urls, address_key, canonical_address, token
from digestd.message import Mailbox
from digestd.render import Templates
from digestd.secret import make_secret, read_keys
from digestd.settings import Settings
from digestd.store import sources, subscribers, template_sets, webhooks
from digestd.store.database import Database, open_database
from digestd.store.ledger import queries
from digestd.store.migrate import migrate, require_current
from digestd.store.process_locks import ProcessLocks, process_locks
from digestd.transports import Route, open_routes

if TYPE_CHECKING:
    from digestd.bounces.providers import Provider
    from digestd.deliver import Delivery, RelayLog, Sender
    from digestd.hooks import Hooks
    from digestd.inbound import Door, Postbox
    from digestd.ingest import Client
    from digestd.libraries import Libraries
    from digestd.plan import Planner
    from digestd.ranking.dense import Encoder
    from digestd.sign import Signer
    from digestd.sources import Source
    from digestd.subscribe import Post

FIRST_SOURCES = ("arxiv-rss:cs.AI+cs.CL", "arxiv-rss:cs.CV+cs.LG+stat.ML", "hf-daily")
"""What a new install asks until its operator says otherwise."""
SAMPLE_ADDRESS = "sample@example.org"
"""The subscriber that a try-out makes; its newest digest is linked from the front page."""


@dataclass(frozen=True, slots=True)
class App:
    """One digestd on one database."""

    settings: Settings
    db: Database
    keys: Keys
    templates: Templates
    clock: Callable[[], datetime]
    rng: Random
    signer: Signer | None = None

    @property
    def urls(self) -> Urls:
        """The addresses of our own pages."""
        return Urls(self.settings.public_url)

    @property
    def sender(self) -> Sender:
        """Who mails, as the settings say."""
        from digestd.deliver import Sender

        name, address = parseaddr(self.settings.mail_from)
        reply_to = parseaddr(self.settings.reply_to)[1] or address
        commands = parseaddr(self.settings.command_address)[1]
        return Sender(
            keys=self.keys,
            urls=self.urls,
            from_=Mailbox(name, address),
            reply_to=reply_to,
            bounce=parseaddr(self.settings.bounce_address)[1] or f"bounce@{address.rpartition('@')[2]}",
            list_name=self.settings.list_name,
            postal_address=self.settings.postal_address,
            signer=self.signer,
            commands=commands,
            replies=bool(commands) and (commands == reply_to or not self.urls.are_public),
        )

    @property
    def planner(self) -> Planner:
        """What planning is handed."""
        from digestd.plan import Planner

        host = parseaddr(self.settings.mail_from)[1].rpartition("@")[2]  # as the sender has it
        return Planner(self.keys, host, self.templates.hash, self.encoder, self.settings.explore)

    @property
    def encoder(self) -> Encoder:
        """The dense model of the settings, loaded once; a silent one where they name none."""
        return _encoder(self.settings.embedding_model)

    @property
    def owners(self) -> ProcessLocks:
        """Which workers live, on this database."""
        return process_locks(self.db)

    @property
    def sources(self) -> list[Source]:
        """The sources to ingest: those of the settings where they name any (none for `none`), else those added."""
        from digestd.sources import parse_source, parse_sources

        if self.settings.sources:
            return self.observed(parse_sources(self.settings.sources))
        with self.db.read() as session:
            return self.observed(parse_source(spec) for spec in sources.specs(session))

    def observed(self, asked: Iterable[Source]) -> list[Source]:
        """Sources as this install asks them: arXiv with the holidays of the settings."""
        from digestd.sources.arxiv_calendar import Calendar, observing

        return observing(asked, Calendar.of(self.settings.arxiv_holidays))

    @property
    def client(self) -> Client:
        """How sources are told who asks."""
        from digestd.ingest import Client
        from digestd.ingest.credentials import credentials

        contact = parseaddr(self.settings.contact)[1] or self.sender.reply_to
        return Client(self.settings.public_url, contact, credentials=credentials(self.settings.model_dump()))

    @property
    def sample_digest_url(self) -> str | None:
        """The web view of the newest digest of a try-out's sample subscriber."""
        with self.db.read() as session:
            found = subscribers.by_address_key(session, address_key(self.keys, canonical_address(SAMPLE_ADDRESS)))
            delivery = queries.newest_digest(session, found.key) if found else None
        return None if delivery is None else self.urls.view(token(self.keys, Purpose.VIEW, delivery, self.clock()))

    @property
    def post(self) -> Post:
        """What confirmation mails are made with."""
        from digestd.subscribe import Post

        return Post(self.keys, self.sender.host, self.templates.hash)

    @property
    def inbound(self) -> Postbox | Door | None:
        """Where bounces arrive; None where the settings name no place."""
        from digestd.inbound import open_inbound

        return open_inbound(self.settings.inbound_url, Path(self.settings.inbound_aside))

    @property
    def providers(self) -> dict[str, Provider]:
        """The mail providers whose posts are taken in, by name."""
        from digestd.bounces.providers import open_providers
        from digestd.inbound import Certificates

        return open_providers(self.settings.model_dump(), Certificates())

    @property
    def routes(self) -> tuple[Route, ...]:
        """Where mail goes. Raises BadSetting where it must not go."""
        return open_routes(self.settings.transport_url, ehlo=urlsplit(self.settings.public_url).hostname or "localhost")

    def delivery(self, owner: str, routes: tuple[Route, ...] | None = None) -> Delivery:
        """What a run of delivery is handed; `owner` is held by the caller. `routes`: those to use, all by default."""
        from digestd.deliver import Delivery
        from digestd.deliver.departures import this_machine

        chosen = self.routes if routes is None else routes
        return Delivery(
            db=self.db,
            sender=self.sender,
            routes=chosen,
            owner=owner,
            clock=self.clock,
            rng=self.rng,
            journals=self.journals,
            machine=this_machine(),
            lanes=self.settings.transport_connections,
            limits={route.name: route.rate or self.settings.transport_rate for route in chosen}
            | {f"@{domain}": rate for domain, rate in configuration.rates(self.settings.domain_rates).items()},
        )

    @property
    def relay_log(self) -> RelayLog | None:
        """The relay's log, which tells of relays on this machine, or of the one there is; None where none is set."""
        from digestd.deliver import RelayLog

        if not self.settings.relay_log:
            return None
        names = [route.name for route in self.routes]
        near = [name for name in names if len(names) == 1 or name.rpartition(":")[0] in configuration.LOOPBACK]
        return RelayLog(Path(self.settings.relay_log), frozenset(near))

    @property
    def hooks(self) -> Hooks | None:
        """What posting to the operator's programs is handed; None where none is to be told."""
        from digestd.hooks import Hooks, read_secret

        if not self.settings.hook_urls.split():
            return None
        return Hooks(self.db, self.keys, read_secret(self.settings.hook_secret), self.clock)

    @property
    def libraries(self) -> Libraries:
        """What linking and reading subscribers' libraries is handed."""
        from digestd.libraries import Libraries

        return Libraries.of(self.settings, self.db, self.keys, self.client, self.clock)

    @property
    def journals(self) -> Path:
        """The folder of receipt journals."""
        from digestd.deliver.receipts import beside

        return Path(self.settings.receipts_dir) if self.settings.receipts_dir else beside(self.db)

    def new_owner(self) -> str:
        """A name for one run of one worker, never used again."""
        return f"worker-{secrets.token_hex(8)}"


def build(settings: Settings | None = None) -> App:
    """Open what `init` made. Raises BadSetting or DatabaseUnreachable, each naming the remedy."""
    settings = settings or configuration.load()
    dangers.refuse(settings)
    keys = read_keys(settings.secret_key_file)
    return _assemble(settings, database(settings), keys)


def database(settings: Settings) -> Database:
    """The database that `init` made; nothing is written. Raises BadSetting, DatabaseUnreachable, NotInitialised."""
    db = open_database(settings.database_url)
    require_current(db)
    return db


def initialise(settings: Settings | None = None) -> App:
    """Make the secret if there is none, migrate the database, and open both; safe to repeat."""
    settings = settings or configuration.load()
    dangers.refuse(settings)
    make_secret(settings.secret_key_file)
    keys = read_keys(settings.secret_key_file)
    db = open_database(settings.database_url)
    migrate(db)
    app = _assemble(settings, db, keys)
    with db.write() as session:
        if not sources.specs(session):
            sources.add(session, FIRST_SOURCES, app.clock())
    return app


@contextlib.contextmanager
def alone(name: str) -> Iterator[App]:
    """`initialise` as the one process of this name on the database; it is refused before it migrates.

    Raises AlreadyRunning, which says where the other one is.
    """
    settings = configuration.load()
    dangers.refuse(settings)
    db = open_database(settings.database_url)
    with process_locks(db).hold(name, settings.public_url):
        db.close()
        yield initialise(settings)


@lru_cache(maxsize=1)
def _encoder(folder: str) -> Encoder:
    from digestd.encoders import open_encoder

    return open_encoder(folder)


def _assemble(settings: Settings, db: Database, keys: Keys) -> App:
    dangers.refuse_wrong_secret(db, keys)
    overrides = [Path(settings.templates_dir)] if settings.templates_dir else []
    templates = Templates.of(shipped.templates(overrides))
    if not template_sets.is_known(db, templates.hash):
        template_sets.add(db, templates.check().hash, templates.files)
    webhooks.configure(db, settings.hook_urls.split())
    signer = open_signer(settings.dkim_domain, settings.dkim_selector, settings.dkim_key_file)
    return App(settings, db, keys, templates, clock(settings.now), SystemRandom(), signer)


def clock(start: str) -> Callable[[], datetime]:
    """The clock: the real one, or one that starts at `start` (ISO 8601) and runs on from there."""
    if not start:
        return lambda: datetime.now(UTC)  # noqa: TID251  # this is the one place that reads the clock
    began, first = time.monotonic(), datetime.fromisoformat(start).astimezone(UTC)
    return lambda: first + timedelta(seconds=time.monotonic() - began)
