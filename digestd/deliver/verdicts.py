"""Refusals of this run that await their verdict: recorded as ready at once, judged when others have been tried.

What is kept here is only which refusals to judge. If the process dies before, those mails are tried again.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import datetime

import structlog

from digestd.deliver.tally import Tally
from digestd.errors import DatabaseUnreachable
from digestd.store import ledger
from digestd.store.database import Database
from digestd.store.ledger import AttemptResult

SECONDS = 60.0
"""The interval at which refusals are judged during a run, long before they would be tried again."""
log = structlog.get_logger(__name__)


class Refusals:
    """Collects refusals, and has them judged together. One for all lanes of a run."""

    def __init__(self, db: Database, clock: Callable[[], datetime], tally: Tally) -> None:
        self._db = db
        self._clock = clock
        self.tally = tally
        self._refused: list[AttemptResult] = []

    def add(self, result: AttemptResult) -> None:
        """Keep a refusal, which the committer records, until it is judged."""
        self._refused.append(result)

    @contextlib.asynccontextmanager
    async def judging(self) -> AsyncIterator[None]:
        """Judge every SECONDS, and once more when the block has ended and all is recorded."""
        going = asyncio.create_task(self._judge_on())
        try:
            yield
        finally:
            going.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await going
            await self.judge()

    async def _judge_on(self) -> None:
        while True:
            await asyncio.sleep(SECONDS)
            await self.judge()

    async def judge(self) -> None:
        """Judge what has been recorded. While the database is away the mails wait, and are tried again."""
        refused, self._refused = self._refused, []
        if not refused:
            return
        try:
            said = await asyncio.to_thread(self._pronounce, refused)
        except DatabaseUnreachable as error:
            log.warning("refused mails wait, as they cannot be judged", mails=len(refused), why=str(error))
            return
        self._refused += said.early
        self.tally.deferred -= said.rejected
        self.tally.rejected += said.rejected
        for relay, share in said.why:
            log.error(
                "unusually many mails refused; they wait, and nobody is suppressed",
                relay=relay,
                refused=share.failed,
                tried=share.tried,
            )

    def _pronounce(self, refused: list[AttemptResult]) -> ledger.RefusalCounts:
        with self._db.write() as session:
            ledger.force_index_scans(session)
            return ledger.judge_refusals(session, refused, self._clock())
