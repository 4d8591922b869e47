"""Upkeep that both runners start: the text model, gists, and a warning of digests that are due far ahead."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from digestd.app import App
from digestd.digests.text_model import is_refit_due, refit_in_subprocess
from digestd.errors import DigestdError
from digestd.papers.gists.writing import WrittenReport, write_gists
from digestd.store.due import count_misscheduled

GIST_PAUSE = timedelta(minutes=15)
"""Time without requests after the language model failed."""
log = structlog.get_logger(__name__)


class Chores:
    """Work that is due from time to time. Errors are logged.

    Args:
        app: The installation.
        should_continue: Returns False when the process stops.
    """

    def __init__(self, app: App, should_continue: Callable[[], bool] = lambda: True) -> None:
        self._app = app
        self._should_continue = should_continue
        self._far_away = 0
        self._gists_after = datetime.min.replace(tzinfo=UTC)

    def warn_of_far_due(self, now: datetime) -> None:
        """Warn about digests due in more than ten days, again only if there are more.

        The cause is a clock that is wrong, or was wrong when they were planned.
        """
        with self._app.db.read() as session:
            far = count_misscheduled(session, now)
        if far > self._far_away:
            log.error(
                "next digest more than ten days away", subscribers=far,
                why="the clock is wrong or was wrong when they were planned; once it is right, "
                "run `digestd plan --due-again`",
            )  # fmt: skip
        self._far_away = far

    async def refit(self) -> None:
        """Refit the text model if it is due. Planning continues with the current model."""
        try:
            if not await asyncio.to_thread(is_refit_due, self._app.db, self._app.clock()):
                return
            fitted = await asyncio.to_thread(
                refit_in_subprocess, self._app.db, self._app.clock(), self._should_continue
            )
        except DigestdError as error:
            log.error("refit failed", why=str(error), retry=error.retry)
            return
        if fitted:
            log.info("text model refitted")
        elif self._should_continue():
            log.error("refit failed", why="its process ended early, perhaps out of memory; the current model stays")

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

    def _write_gists(self) -> WrittenReport:
        writer = self._app.gist_writer
        return write_gists(self._app.db, writer, self._app.clock, self._should_continue) if writer else WrittenReport()
