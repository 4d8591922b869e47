"""Gate wishes and results of all lanes, one transaction a round.

A commit with synchronous=FULL costs some milliseconds; shared by all lanes that wait, it costs
each next to nothing. A lane waits for its gate, never for its result: that goes with the next round,
and so does what the throttles have spent: it is kept before the mail that spent it can leave.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime

from digestd.deliver.departures import Departures
from digestd.deliver.pace import Pace
from digestd.deliver.receipts import Receipts
from digestd.errors import DatabaseUnreachable
from digestd.store import ledger
from digestd.store.database import Database
from digestd.store.ledger import AttemptResult, CommitDecision, CommitRequest

GATHER_SECONDS = 0.002
"""How long a round waits for the other lanes: less than its sync takes, and half the CPU if twice as many come."""
IDLE_SECONDS = 0.2
"""How long results wait for a gate wish to go with: a transaction for them alone would hold up the next wish."""
RETRY_SECONDS = 1.0
PATIENCE_SECONDS = 20.0
"""How long rounds are repeated while the database is away, before what they held is left to recovery."""


class Committer:
    """Collects while a round is being written; use inside `running()`.

    What the database will not take goes to `receipts`; what may leave is noted in `departures` first.
    """

    def __init__(
        self, db: Database, clock: Callable[[], datetime], receipts: Receipts, departures: Departures, pace: Pace
    ) -> None:
        self._db = db
        self._clock = clock
        self._receipts = receipts
        self._departures = departures
        self._pace = pace
        self._wishes: list[tuple[CommitRequest, asyncio.Future[CommitDecision]]] = []
        self._results: list[AttemptResult] = []
        self._work = asyncio.Event()
        self._full = asyncio.Event()
        self._lanes = 0
        self._idle: asyncio.TimerHandle | None = None
        self._closed = False
        self._broken: BaseException | None = None
        self._patience = PATIENCE_SECONDS

    async def gate(self, wish: CommitRequest) -> CommitDecision:
        """Ask to send one dot; returns once the answer is committed. Raises what the database raised."""
        if self._broken is not None:
            raise RuntimeError("an earlier round could not be written") from self._broken
        answer: asyncio.Future[CommitDecision] = asyncio.get_running_loop().create_future()
        self._wishes.append((wish, answer))
        self._work.set()
        if len(self._wishes) >= self._lanes:
            self._full.set()
        return await answer

    def record(self, result: AttemptResult) -> None:
        """Hand over a result; it is committed with the next round, at the latest when the run ends."""
        self._results.append(result)
        if self._idle is None:
            self._idle = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._work.set)

    @contextlib.asynccontextmanager
    async def running(self, lanes: int) -> AsyncIterator[None]:
        """Commit rounds until the block ends and all is written. Raises what the last rounds raised.

        A round need not wait for more wishes than there are `lanes`.
        """
        self._lanes = lanes
        rounds = asyncio.create_task(self._rounds())
        try:
            yield
        finally:
            self._closed = True
            self._work.set()
            try:
                await rounds
            finally:
                self._receipts.keep(self._results)

    async def _rounds(self) -> None:
        while not self._closed or self._wishes or self._results:
            await self._work.wait()
            self._work.clear()
            await self._gathered()
            await self._round()

    async def _gathered(self) -> None:
        """Wait a moment for the wishes of the other lanes."""
        if self._wishes and len(self._wishes) < self._lanes and not self._closed:
            self._full.clear()
            alarm = asyncio.get_running_loop().call_later(GATHER_SECONDS, self._full.set)
            await self._full.wait()
            alarm.cancel()

    async def _round(self) -> None:
        wishes, results, spent = self._wishes, self._results, self._pace.spent()
        self._wishes, self._results = [], []
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        if not (wishes or results or spent):
            return
        try:
            answers = await asyncio.to_thread(self._commit, [wish for wish, _ in wishes], results, spent)
        except DatabaseUnreachable as error:
            # Nothing was written, or it was and the answer got lost: either way the round can be
            # repeated, for each step is a compare-and-set.
            if self._patience <= 0:
                self._give_up(wishes, results, error)
                raise
            self._wishes, self._results = [*wishes, *self._wishes], [*results, *self._results]
            await asyncio.sleep(min(RETRY_SECONDS, self._patience))
            self._patience -= RETRY_SECONDS
            self._work.set()
            return
        except BaseException as error:
            self._give_up(wishes, results, error)
            raise
        self._patience = PATIENCE_SECONDS
        for (_, answer), gated in zip(wishes, answers, strict=True):
            if not answer.done():
                answer.set_result(gated)

    def _give_up(
        self,
        wishes: "list[tuple[CommitRequest, asyncio.Future[CommitDecision]]]",
        results: list[AttemptResult],
        error: BaseException,
    ) -> None:
        self._broken = error
        self._receipts.keep(results)
        for _, answer in [*wishes, *self._wishes]:
            _fail(answer, error)

    def _commit(
        self, wishes: list[CommitRequest], results: list[AttemptResult], spent: Mapping[str, int]
    ) -> list[CommitDecision]:
        with self._db.write() as session:
            ledger.force_index_scans(session)
            now = self._clock()
            ledger.record_results(session, results, now)
            answers = ledger.commit_sends(session, wishes, now)
            kept = self._pace.write(session, spent)
        self._departures.write(
            [w for w, said in zip(wishes, answers, strict=True) if said is CommitDecision.OK], results, now
        )
        self._pace.know(kept)
        return answers


def _fail(answer: "asyncio.Future[CommitDecision]", error: BaseException) -> None:
    if not answer.done():
        answer.set_exception(error if isinstance(error, Exception) else RuntimeError(str(error)))
