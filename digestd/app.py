"""Composition root: turn settings into the parts that commands and pages use.

Nothing below this module reads a setting, a clock or a source of randomness. `connect` opens the database only; `build`
checks every setting as well; `initialise` also creates what is missing. A part is imported by the property that makes
it, so a command loads only what it uses.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from functools import cached_property, lru_cache
from pathlib import Path
from random import Random, SystemRandom
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from digestd import settings as configuration
from digestd.security.keys import Keys
from digestd.security.secret_key import SECRET_BYTES, create_secret, read_keys
from digestd.security.urls import Urls
from digestd.settings import Settings
from digestd.store import integrations, job_queue, opt_outs, subscribers
from digestd.store.database import Database, engine_name, open_database
from digestd.store.migrate import migrate, require_current
from digestd.store.opt_outs import OptOutRecord
from digestd.store.papers import sources as stored_sources
from digestd.store.processes import HeldLock, ProcessLocks, process_locks

if TYPE_CHECKING:
    from digestd.delivery.alert import SendAlert
    from digestd.delivery.composer import Sender
    from digestd.delivery.reconcile import ReconcileReport, RelayLog
    from digestd.delivery.recovery import RestoreGuard
    from digestd.delivery.run import DeliveryConfig
    from digestd.delivery.transports import Route
    from digestd.digests.judging import Judge
    from digestd.digests.planner import Planner
    from digestd.digests.planning_day import RankingOptions
    from digestd.digests.topic_hints import TopicHinter
    from digestd.domain.digest import Reason
    from digestd.fetching.fetch import Client
    from digestd.fetching.paper_lookup import RegistryReader
    from digestd.mail.dkim import Signer
    from digestd.mail.templates import Templates
    from digestd.mail.theme import Theme
    from digestd.papers.gist_writing import GistWriter
    from digestd.papers.language_model import LanguageModel
    from digestd.ranking.dense import Encoder
    from digestd.replies.bounces.providers import WebhookProvider
    from digestd.replies.mailboxes.lmtp import LmtpServer
    from digestd.replies.mailboxes.mailbox import InboundMailbox
    from digestd.sources.source import Source
    from digestd.subscribers.libraries import LibrarySync
    from digestd.subscribers.notices import NoticeContext
    from digestd.subscribers.webhooks import WebhookContext

FIRST_SOURCES = ("arxiv-rss:cs.AI+cs.CL", "arxiv-rss:cs.CV+cs.LG+stat.ML", "hf-daily")
"""The sources of a new installation."""
SAMPLE_ADDRESS = "sample@example.org"
"""The subscriber that `digestd try` creates; the front page links to their newest digest."""


@dataclass(frozen=True)
class App:
    """One digestd on one database: the parts that commands and pages ask for."""

    settings: Settings
    db: Database
    keys: Keys
    clock: Callable[[], datetime]
    rng: Random

    @cached_property
    def templates(self) -> Templates:
        """Return the templates in force. Raises BadSetting if an override cannot be read."""
        return self.read_templates()

    def read_templates(self) -> Templates:
        """Return the templates as they are now. Raises BadSetting if an override cannot be read."""
        from digestd import resources
        from digestd.mail.templates import Templates

        return Templates.of(resources.templates(self.template_folders), self.theme)

    @property
    def template_folders(self) -> list[Path]:
        """Return the folders whose files replace built-in templates."""
        return [Path(self.settings.templates_dir)] if self.settings.templates_dir else []

    @property
    def theme(self) -> Theme:
        """Return the look of mails and pages. Raises BadSetting."""
        from digestd.mail.theme import Theme, check_accent, read_logo
        from digestd.text.sanitise import clean

        settings = self.settings
        return Theme(
            check_accent(settings.theme_accent),
            clean(settings.theme_intro),
            clean(settings.theme_footer),
            read_logo(settings.theme_logo_file),
        )

    @cached_property
    def signer(self) -> Signer | None:
        """Return the DKIM signer, or None if the relay signs. Raises BadSetting."""
        given = self.settings.dkim_domain, self.settings.dkim_selector, self.settings.dkim_key_file
        if not any(given):
            return None  # without importing cryptography
        from digestd.mail.dkim import open_signer

        return open_signer(*given)

    @property
    def urls(self) -> Urls:
        return Urls(self.settings.public_url)

    @property
    def sender(self) -> Sender:
        """Return the sender of all mail: addresses, list name and signer."""
        from digestd.delivery.composer import Sender
        from digestd.mail.mime import NamedAddress

        name, address = parseaddr(self.settings.mail_from)
        reply_to = parseaddr(self.settings.reply_to)[1] or address
        commands = parseaddr(self.settings.command_address)[1]
        return Sender(
            keys=self.keys,
            urls=self.urls,
            from_=NamedAddress(name, address),
            reply_to=reply_to,
            bounce=parseaddr(self.settings.bounce_address)[1] or f"bounce@{address.rpartition('@')[2]}",
            list_name=self.settings.list_name,
            postal_address=self.settings.postal_address,
            signer=self.signer,
            commands=commands,
            complaints=parseaddr(self.settings.complaint_address)[1],
            replies=bool(commands) and (commands == reply_to or not self.urls.is_reachable),
        )

    @property
    def planner(self) -> Planner:
        """Return the settings of planning."""
        from digestd.digests.planner import Planner

        host = parseaddr(self.settings.mail_from)[1].rpartition("@")[2]  # as in `sender`
        return Planner(self.keys, host, self.ranking, judge=self.judge)

    @property
    def ranking(self) -> RankingOptions:
        """Return how to rank."""
        from digestd.digests.planning_day import RankingOptions

        chosen = self.settings
        return RankingOptions(self.encoder, chosen.co_likes, bool(self.judge_host), chosen.everybody_reads)

    @property
    def encoder(self) -> Encoder:
        """Return the sentence encoder, opened once; one that encodes nothing if it is off or not installed."""
        return _encoder(self.settings.embedding_model)

    @property
    def gist_writer(self) -> GistWriter | None:
        """Return the language model that writes gists, with its limits; None if there is none."""
        from digestd.papers.gist_writing import GistWriter

        settings = self.settings
        if not settings.llm_url:
            return None
        languages: list[str] = []
        if settings.llm_translate:
            with self.db.read() as session:
                languages = subscribers.active_languages(session)
        return GistWriter(
            self._language_model, settings.llm_papers, [one for one in languages if not one.startswith("en")]
        )

    @property
    def judge(self) -> Judge | None:
        """Return the language model that judges papers against topics, with its limit; None if none does."""
        from digestd.digests.judging import Judge

        return Judge(self._language_model, self.settings.llm_judgments) if self.judge_host else None

    @property
    def judge_host(self) -> str:
        """Return the host that subscribers' topics are sent to; empty if no language model judges."""
        settings = self.settings
        return (urlsplit(settings.llm_url).hostname or "") if settings.llm_judge else ""

    @property
    def _language_model(self) -> LanguageModel:
        from digestd.papers.language_model import LanguageModel

        return LanguageModel(self.settings.llm_url, self.settings.llm_model, self.settings.llm_key)

    @property
    def topic_hinter(self) -> TopicHinter:
        """Return what gives hints about topics; it keeps the papers that it reads."""
        from digestd.digests.topic_hints import TopicHinter

        return TopicHinter(self.db, lambda: self.encoder)

    @property
    def owners(self) -> ProcessLocks:
        """Return the locks by which live workers own their claims on this database."""
        return process_locks(self.db)

    @property
    def sources(self) -> list[Source]:
        """Return the sources to fetch.

        Those in DIGESTD_SOURCES if it is set (`none` for none), else those added.
        """
        from digestd.errors import BadInput
        from digestd.sources import parse_source, parse_sources

        if self.settings.sources:
            return self.observed(parse_sources(self.settings.sources))
        with self.db.read() as session:
            specs = stored_sources.specs(session)
        found: list[Source] = []
        for spec in specs:
            try:
                found.append(parse_source(spec))
            except BadInput as error:  # of a kind that this version does not know any more
                import structlog

                structlog.get_logger(__name__).error("a source is left out; correct or remove it", why=str(error))
        return self.observed(found)

    def observed(self, chosen: Iterable[Source]) -> list[Source]:
        """Return the sources with this installation's settings: arXiv with its holidays."""
        from digestd.sources.arxiv.calendar import ArxivCalendar, with_arxiv_calendar

        return with_arxiv_calendar(chosen, ArxivCalendar.with_holidays(self.settings.arxiv_holidays))

    @property
    def client(self) -> Client:
        """Return how digestd identifies itself to sources: User-Agent, contact, API keys."""
        from digestd.fetching.credentials import credentials
        from digestd.fetching.fetch import Client

        contact = parseaddr(self.settings.contact)[1] or self.sender.reply_to
        return Client(self.settings.public_url, contact, credentials=credentials(self.settings.model_dump()))

    @property
    def registry_reader(self) -> RegistryReader | None:
        """Return what looks up papers by identifier.

        None if DIGESTD_PAPER_LOOKUP is off, or nothing is fetched at all (DIGESTD_SOURCES=none).
        """
        from digestd.fetching.paper_lookup import RegistryReader

        if not self.settings.paper_lookup or self.settings.sources.strip() == "none":
            return None
        return RegistryReader(self.db, self.client, self.clock)

    @property
    def notices(self) -> NoticeContext:
        from digestd.subscribers.notices import NoticeContext

        return NoticeContext(self.keys, self.sender.host)

    @property
    def inbound(self) -> InboundMailbox | LmtpServer | None:
        """Return the mailbox or LMTP server that receives bounces and commands, or None."""
        from digestd.replies.mailboxes import open_inbound

        return open_inbound(self.settings.inbound_url, Path(self.settings.inbound_quarantine))

    @property
    def kept_mails(self) -> InboundMailbox | None:
        """Return the mailbox of the mails that wait for the operator, or None."""
        if not self.settings.inbound_url:  # `status` then imports no mailbox
            return None
        from digestd.replies.mailboxes.lmtp import LmtpServer

        endpoint = self.inbound
        return endpoint.kept if isinstance(endpoint, LmtpServer) else endpoint

    @property
    def providers(self) -> dict[str, WebhookProvider]:
        """Return the mail providers whose webhooks are accepted, by name."""
        from digestd.replies.bounces.providers import open_providers
        from digestd.replies.certificates import Certificates

        return open_providers(self.settings.model_dump(), Certificates())

    @property
    def routes(self) -> tuple[Route, ...]:
        """Return the relays or folders that mail goes to. Raises BadSetting."""
        from digestd.delivery.transports import open_routes

        return open_routes(self.settings.transport_url, ehlo=urlsplit(self.settings.public_url).hostname or "localhost")

    def delivery(self, owner: str, routes: tuple[Route, ...] | None = None) -> DeliveryConfig:
        """Return the parts of one delivery run.

        Args:
            owner: the name under which mails are claimed; the caller holds its lock.
            routes: the routes to use; all by default.
        """
        from digestd.delivery.journals import read_machine_id
        from digestd.delivery.run import DeliveryConfig

        chosen = self.routes if routes is None else routes
        return DeliveryConfig(
            db=self.db,
            sender=self.sender,
            templates=self.templates,
            routes=chosen,
            owner=owner,
            clock=self.clock,
            rng=self.rng,
            journals=self.journals,
            machine=read_machine_id(),
            relay_log=self.relay_log,
            connections=self.settings.transport_connections,
            limits={route.name: route.rate or self.settings.transport_rate for route in chosen}
            | {f"@{domain}": rate for domain, rate in configuration.rates(self.settings.domain_rates).items()},
        )

    @property
    def restore_guard(self) -> RestoreGuard:
        """Return the check that the database and the sent journal belong together."""
        return self.guard_with_log()

    def guard_with_log(self, file: Path | None = None) -> RestoreGuard:
        """Return the same with another relay's log, which covers all routes."""
        from digestd.delivery.journals import read_machine_id
        from digestd.delivery.reconcile import RelayLog
        from digestd.delivery.recovery import RestoreGuard

        log = self.relay_log if file is None else RelayLog(file, frozenset())
        return RestoreGuard(self.db, self.keys, self.journals, read_machine_id(), log)

    @property
    def relay_log(self) -> RelayLog | None:
        """Return the relay's log and the routes that it covers.

        Those on this machine, or the only one.

        None if no log is set.
        """
        from digestd.delivery.reconcile import RelayLog

        if not self.settings.relay_log:
            return None
        names = [route.name for route in self.routes]
        near = [name for name in names if len(names) == 1 or name.rpartition(":")[0] in configuration.LOOPBACK]
        return RelayLog(Path(self.settings.relay_log), frozenset(near))

    @property
    def send_alert(self) -> SendAlert:
        """Return the function that alerts the operator in every way that is set."""
        return alert_sender(self.settings)

    @property
    def webhooks(self) -> WebhookContext | None:
        """Return the parts that post events to the operator's programs.

        None if no URL is set.
        """
        from digestd.subscribers.webhooks import WebhookContext, read_secret

        if not self.settings.webhook_urls.split():
            return None
        return WebhookContext(self.db, self.keys, read_secret(self.settings.webhook_secret), self.clock)

    @property
    def libraries(self) -> LibrarySync:
        from digestd.subscribers.libraries import LibrarySync

        return LibrarySync.of(self.settings, self.db, self.keys, self.client, self.clock)

    @property
    def journals(self) -> Path:
        """Return the folder of the journals of delivery and of the record of opt-outs."""
        return journal_folder(self.settings, self.db)

    def reconcile(self, file: Path | None = None) -> ReconcileReport | None:
        """Settle uncertain deliveries from the relay's log; return None if there is none.

        Args:
            file: the log to read, which covers all routes; by default `relay_log`.
        """
        from digestd.delivery.reconcile import RelayLog, reconcile

        log = self.relay_log if file is None else RelayLog(file, frozenset(route.name for route in self.routes))
        return None if log is None else reconcile(self.db, log, self.keys, self.clock())

    def check_relay_log(self) -> None:
        """Check that the relay's log can be read, if it is set. Raises BadSetting."""
        from digestd.delivery.reconcile import check_log_is_readable

        if self.relay_log is not None:
            check_log_is_readable(self.relay_log, self.clock())

    def dkim_record(self) -> tuple[str, str] | None:
        """Return name and value of the DNS record of the DKIM key.

        None if the relay signs.
        """
        from digestd.mail.dkim import dns_record

        if self.signer is None:
            return None
        return self.signer.dns_name, dns_record(Path(self.settings.dkim_key_file).read_bytes())

    def reason_text(self, reason: Reason, language: str = "en") -> str:
        from digestd.mail.rendering import render_reason

        return render_reason(self.templates, reason, language)

    def new_owner(self) -> str:
        """Return a new name for one run of one worker."""
        return f"worker-{secrets.token_hex(8)}"


def alert_sender(settings: Settings) -> SendAlert:
    """Return the function that alerts the operator in every way that is set; it needs no database."""
    from digestd.delivery.alert import AlertMail, all_alerts, mail_alert, webhook_alert
    from digestd.delivery.transports import open_routes

    mail = None
    if settings.alert_mail:
        name = urlsplit(settings.public_url).hostname or "localhost"
        [route] = open_routes(settings.alert_transport_url, ehlo=name)
        mail = AlertMail(route.transport, settings.mail_from, settings.alert_mail, clock(settings.now))
    return all_alerts(webhook_alert(settings.alert_url), mail_alert(mail))


def journal_folder(settings: Settings, db: Database) -> Path:
    """Return the folder of the journals: without a setting next to an SQLite file, on a persistent disk."""
    if settings.journal_dir:
        return Path(settings.journal_dir)
    return db.file.with_name(f"{db.file.name}.results") if db.file else Path("var/journals")


def connect(settings: Settings | None = None) -> App:
    """Open the database that `digestd init` created.

    The settings of mail and web are not checked.

    For commands that read or edit what is stored. A part that they ask for checks its own settings.

    Raises:
        BadSetting, DatabaseUnreachable, NotInitialised: each names the remedy.
    """
    from digestd.settings_validation import check_secret

    settings = settings or configuration.load()
    db = database(settings)
    keys = read_keys(settings.secret_key_file)
    check_secret(db, keys)
    db.opt_outs = OptOutRecord(journal_folder(settings, db) / opt_outs.FILE_NAME)
    integrations.configure_webhooks(db, settings.webhook_urls.split())
    server_clock = None if settings.now else db.server_clock
    return App(settings, db, keys, server_clock or clock(settings.now), SystemRandom())


def build(settings: Settings | None = None) -> App:
    """Open the database like `connect`, and check every setting first.

    Use it for commands that plan, send or serve.
    """
    from digestd.settings_validation import check_settings

    settings = settings or configuration.load()
    check_settings(settings)
    app = connect(settings)
    _ = app.signer
    return app


def build_without_database(settings: Settings) -> App:
    """Return the parts that need no database, where `digestd init` has not made one yet; see `build`."""
    file = settings.secret_key_file
    keys = read_keys(file) if file.exists() else Keys(secrets.token_bytes(SECRET_BYTES))
    app = App(settings, open_database(settings.database_url), keys, clock(settings.now), SystemRandom())
    _ = app.signer
    return app


def data_folder(settings: Settings) -> Path | None:
    """Return the folder of the service's data, which belongs to its user, or None if no setting names it."""
    if settings.journal_dir:
        return Path(settings.journal_dir)
    file = open_database(settings.database_url).file if engine_name(settings.database_url) == "sqlite" else None
    return file and file.parent


def database(settings: Settings) -> Database:
    """Return the database that `digestd init` created.

    Raises BadSetting, DatabaseUnreachable, NotInitialised.
    """
    db = open_database(settings.database_url)
    require_current(db)
    return db


def initialise(settings: Settings | None = None) -> App:
    """Create the secret if there is none, migrate the database, and open both.

    Safe to repeat.

    Raises:
        BadSetting: the secret is missing, and the database was made with it.
    """
    from digestd.settings_validation import check_settings, is_secret_in_use

    settings = settings or configuration.load()
    check_settings(settings)
    db = open_database(settings.database_url)
    migrate(db)
    if is_secret_in_use(db):
        read_keys(settings.secret_key_file)
    else:
        create_secret(settings.secret_key_file)
    if settings.runner == "procrastinate":
        job_queue.create_job_tables(db)
    db.close()
    app = connect(settings)
    _ = app.signer
    with app.db.write() as session:
        if not stored_sources.specs(session):
            stored_sources.add(session, FIRST_SOURCES, app.clock())
    return app


@contextlib.contextmanager
def alone(name: str) -> Iterator[tuple[App, HeldLock]]:
    """Initialise while holding the lock `name`, and yield both.

    The lock makes this the only process of its kind on the database. With the procrastinate runner there may be any
    number of them, and the lock is not taken.

    Raises:
        AlreadyRunning: says where the other process is; nothing was migrated.
    """
    from digestd.ranking.encoders import check_encoder
    from digestd.settings_validation import check_settings

    settings = configuration.load()
    check_settings(settings)
    db = open_database(settings.database_url)
    inline = settings.runner == "inline"
    with process_locks(db).hold(name, settings.public_url) if inline else contextlib.nullcontext(HeldLock()) as lock:
        db.close()
        app = initialise(settings)
        check_encoder(settings.embedding_model)
        _warn_without_encoder(settings.embedding_model)
        yield app, lock


@lru_cache(maxsize=1)
def _encoder(name: str) -> Encoder:
    from digestd.ranking.encoders import open_encoder

    _warn_without_encoder(name)
    return open_encoder(name)


def _warn_without_encoder(name: str) -> None:
    import structlog

    from digestd.ranking.encoders import missing_package

    if missing := missing_package(name):
        structlog.get_logger(__name__).warning(
            "no sentence encoder: papers are matched by their words alone", missing=missing
        )


def clock(start: str) -> Callable[[], datetime]:
    """Return the clock.

    It is this machine's, or one that starts at `start` (ISO 8601) and runs on from there. An installation on PostgreSQL
    that sets no start follows the server's instead (see store.database).
    """
    if not start:
        return lambda: datetime.now(UTC)  # noqa: TID251  # the only place that reads the clock
    began, first = time.monotonic(), datetime.fromisoformat(start).astimezone(UTC)
    return lambda: first + timedelta(seconds=time.monotonic() - began)
