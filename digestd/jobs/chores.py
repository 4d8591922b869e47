"""Work that both runners start: reading sources, gists, libraries, webhooks, upkeep, and the operator's monitor."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import structlog

from digestd.app import App
from digestd.errors import DigestdError
from digestd.sources.source import Source
from digestd.store import clock, due
from digestd.store.personal_data import prune

if TYPE_CHECKING:
    from digestd.papers.gist_writing import WrittenReport

LATE = timedelta(minutes=10)
"""Time after which a digest that is due and not planned is late."""
PING_SECONDS_MAX = 10.0
GIST_PAUSE = timedelta(minutes=15)
"""Time without requests after the language model failed."""
log = structlog.get_logger(__name__)


async def read_sources(app: App, sources: Sequence[Source], should_continue: Callable[[], bool] = lambda: True) -> None:
    """Fetch new papers from these sources, and encode them."""
    from digestd.papers.embedding import embed_papers
    from digestd.papers.ingest import ingest

    report = await ingest(app.db, sources, app.client, app.clock)
    for source in report.sources:
        log.info("ingested", **source.counts)
    if count := await asyncio.to_thread(embed_papers, app.db, app.encoder, should_continue):
        log.info("embedded papers", papers=count)


async def post_webhooks(app: App) -> None:
    """Post subscribers' events to the operator's programs."""
    from digestd.subscribers.webhooks import post_due

    if (posts := app.webhooks) is not None:
        await post_due(posts)


async def sync_libraries(app: App) -> None:
    from digestd.subscribers.libraries import sync_due

    await sync_due(app.libraries)


async def look_up_papers(app: App) -> None:
    """Look up papers that subscribers named by identifier."""
    from digestd.subscribers.paper_lookups import look_up_due

    if (reader := app.registry_reader) is not None:
        await look_up_due(reader)


class Chores:
    """Work that is due from time to time. Errors are logged.

    Args:
        should_continue: Returns False when the process stops.
    """

    def __init__(self, app: App, should_continue: Callable[[], bool] = lambda: True) -> None:
        self._app = app
        self._should_continue = should_continue
        self._gists_after = datetime.min.replace(tzinfo=UTC)

    async def write_gists(self) -> None:
        """Have the language model write gists of new papers, if there is one."""
        if not self._app.settings.llm_url or self._app.clock() < self._gists_after:
            return
        try:
            report = await asyncio.to_thread(self._write_gists)
        except DigestdError as error:
            self._gists_after = self._app.clock() + GIST_PAUSE
            log.warning("no gists written", why=str(error), retry=error.retry)
            return
        if report.written or report.refused:
            log.info("gists", written=report.written, refused=report.refused)

    def _write_gists(self) -> "WrittenReport":
        from digestd.papers.gist_writing import WrittenReport, write_gists

        writer = self._app.gist_writer
        return write_gists(self._app.db, writer, self._app.clock, self._should_continue) if writer else WrittenReport()

    async def prune(self) -> None:
        """Delete deliveries and papers that are older than the operator keeps."""
        app, settings = self._app, self._app.settings
        kept = partial(prune, keep_deliveries=settings.keep_deliveries, keep_papers=settings.keep_papers)
        try:
            done = await asyncio.to_thread(lambda: kept(app.db, clock.settled(app.db, app.clock())))
        except DigestdError as error:
            log.error("pruning failed", why=str(error), retry=error.retry)
            return
        if done.deliveries or done.papers or done.revisions:
            log.info("pruned", deliveries=done.deliveries, papers=done.papers, revisions=done.revisions)
        try:
            await asyncio.to_thread(self._prune_mails)
        except DigestdError as error:
            log.error("kept mails cannot be pruned", why=str(error), retry=error.retry)

    def _prune_mails(self) -> None:
        """Delete mails that waited for the operator for long, or that erased people wrote."""
        from digestd.replies.kept_mail import delete_due, erasures
        from digestd.replies.mail_parser import MailParser

        app = self._app
        mailbox, days = app.kept_mails, app.settings.keep_deliveries
        if mailbox is None:
            return
        now = clock.settled(app.db, app.clock())
        before = now - timedelta(days=days) if days else datetime.min.replace(tzinfo=UTC)
        with closing(MailParser()) as parse:
            if deleted := delete_due(mailbox, before, parse, erasures(app.db, app.keys)):
                log.info("deleted kept mails", mails=deleted)

    async def ping(self) -> None:
        """Ping the operator's monitor, which expects it, unless planning is late."""
        if not self._app.settings.ping_url or await asyncio.to_thread(self._is_late):
            return
        import httpx2

        try:
            async with (
                asyncio.timeout(PING_SECONDS_MAX),
                httpx2.AsyncClient(timeout=PING_SECONDS_MAX) as client,
            ):
                (await client.get(self._app.settings.ping_url)).raise_for_status()
        except (httpx2.HTTPError, TimeoutError) as error:
            log.warning("cannot reach the monitor", kind=type(error).__name__)

    def _is_late(self) -> bool:
        try:
            with self._app.db.read() as session:
                return bool(due.shards(session, due.MAX_KEY, self._app.clock() - LATE))
        except DigestdError as error:
            log.error("the monitor is not pinged", why=str(error), retry=error.retry)
            return True
