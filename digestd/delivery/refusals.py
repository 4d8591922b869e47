"""Collect permanent refusals and judge them after other mails were tried.

Only the list of refusals to judge is kept here. If the process dies first, those mails are sent again.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import datetime

import structlog

from digestd.delivery.run_counters import RunCounters
from digestd.errors import DatabaseUnreachable
from digestd.store import ledger
from digestd.store.database import Database
from digestd.store.ledger.results import AttemptResult

JUDGE_SECONDS = 60.0
"""Interval at which refusals are judged during a run, well before they would be sent again."""
log = structlog.get_logger(__name__)


class PendingRefusals:
    """Collects refusals and judges them together. Shared by all workers of a run."""

    def __init__(self, db: Database, clock: Callable[[], datetime], counters: RunCounters) -> None:
        self._db = db
        self._clock = clock
        self.counters = counters
        self._refused: list[AttemptResult] = []

    def add(self, result: AttemptResult) -> None:
        """Add a recorded refusal to be judged."""
        self._refused.append(result)

    @contextlib.asynccontextmanager
    async def judging(self) -> AsyncIterator[None]:
        """Judge every JUDGE_SECONDS, and once more after the block, when everything is recorded."""
        task = asyncio.create_task(self._judge_periodically())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await self.judge()

    async def judge(self) -> None:
        """Judge what has been recorded.

        If the database is unreachable, the mails wait and are sent again.
        """
        refused, self._refused = self._refused, []
        if not refused:
            return
        try:
            verdicts = await asyncio.to_thread(self._judge_in_ledger, refused)
        except DatabaseUnreachable as error:
            log.warning("cannot judge refused mails; they wait", mails=len(refused), why=str(error))
            return
        self._refused += verdicts.early
        self.counters.deferred -= verdicts.rejected
        self.counters.rejected += verdicts.rejected
        for relay, share in verdicts.why:
            log.error(
                "unusually many mails refused; they wait and no address is suppressed",
                relay=relay,
                refused=share.failed,
                tried=share.tried,
            )

    async def _judge_periodically(self) -> None:
        while True:
            await asyncio.sleep(JUDGE_SECONDS)
            await self.judge()

    def _judge_in_ledger(self, refused: list[AttemptResult]) -> ledger.RefusalCounts:
        with self._db.write() as session:
            ledger.force_index_scans(session)
            return ledger.judge_refusals(session, refused, self._clock())
