"""Commit the requests and results of all sending workers together.

A commit that is synced to disk costs some milliseconds; shared by all workers that wait for one, it costs each almost
nothing. A worker waits until its commit point is committed, but not for its result, which is written with the next
group. What the rate limits have used is written in the same transaction, before the mail that used it is sent.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime

import structlog
from sqlmodel import Session

from digestd.delivery.journals import ResultJournal, SentJournal
from digestd.delivery.relays import RateLimiter, ThrottleChange
from digestd.errors import Damaged, DatabaseUnreachable, DigestdError
from digestd.store import ledger, papers
from digestd.store.database import Database
from digestd.store.ledger import restore
from digestd.store.ledger.commit_point import CommitDecision, CommitRequest
from digestd.store.ledger.results import AttemptResult
from digestd.store.ledger.seen_papers import hash_paper

ThrottleChanges = Mapping[str, Sequence[ThrottleChange]]
log = structlog.get_logger(__name__)
JOIN_TURNS = 3
"""Turns of the event loop in which nobody may have joined a group before it is written. A turn in which a mail is
composed takes long enough for others to join; one in which all wait for their relays takes some microseconds."""
IDLE_SECONDS = 0.2
"""Time that results wait for a request to be written with. A transaction of their own would delay the next request."""
RETRY_SECONDS = 1.0
PATIENCE_SECONDS = 20.0
"""Time that groups are retried while the database is unreachable, before their mails are left to recovery."""

UNWRITABLE_STOP = 5
"""Number of deliveries that the database refuses to write at which the run stops: it is not about one of them."""


class GroupCommit:
    """Collects requests and results while the previous group is being written.

    Use inside `running()`.

    Nothing is written once the database is no longer on `server` (see store.ledger.restore).

    Results that the database does not take go to the result journal. Mails that pass the commit point are written to
    the sent journal before they may be sent.
    """

    def __init__(
        self,
        db: Database,
        clock: Callable[[], datetime],
        result_journal: ResultJournal,
        sent_journal: SentJournal,
        limiter: RateLimiter,
        server: str = "",
    ) -> None:
        self._db = db
        self._clock = clock
        self._result_journal = result_journal
        self._sent_journal = sent_journal
        self._limiter = limiter
        self._server = server
        self._requests: list[tuple[CommitRequest, asyncio.Future[CommitDecision]]] = []
        self._results: list[AttemptResult] = []
        self._work = asyncio.Event()
        self._idle: asyncio.TimerHandle | None = None
        self._closed = False
        self._broken: Exception | None = None
        self._paper_hashes: dict[int, bytes] = {}
        self._patience = PATIENCE_SECONDS
        self._refused = 0

    @property
    def is_broken(self) -> bool:
        """Return True if a group could not be committed, so that nothing more is."""
        return self._broken is not None

    async def pass_commit_point(self, request: CommitRequest) -> CommitDecision:
        """Ask to send one final dot and return once the answer is committed.

        Raises the error of the database or, if only this request has one, its own.
        """
        if self._broken is not None:
            raise self._broken
        answer: asyncio.Future[CommitDecision] = asyncio.get_running_loop().create_future()
        self._requests.append((request, answer))
        self._work.set()
        return await answer

    def record(self, result: AttemptResult) -> None:
        """Hand over a result.

        It is committed with the next group, at the latest when the run ends.
        """
        self._results.append(result)
        if self._idle is None:
            self._idle = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._work.set)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Commit groups until the block has ended and everything is written.

        Raises the error of the last group.
        """
        task = asyncio.create_task(self._commit_groups())
        try:
            yield
        finally:
            self._closed = True
            self._work.set()
            try:
                await task
            finally:
                self._keep(self._results)

    async def _commit_groups(self) -> None:
        while not self._closed or self._requests or self._results:
            await self._work.wait()
            self._work.clear()
            await self._let_others_join()
            await self._commit_group()

    async def _let_others_join(self) -> None:
        """Let workers join whose relay has answered already, or whose mail is being composed; wait for no relay."""
        joined = -1
        while joined < len(self._requests):
            joined = len(self._requests)
            for _ in range(JOIN_TURNS):
                await asyncio.sleep(0)

    async def _commit_group(self) -> None:
        requests, results, changes = self._requests, self._results, self._limiter.take_changes()
        self._requests, self._results = [], []
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        if not (requests or results or changes):
            return
        try:
            answers = await asyncio.to_thread(self._write_group, [request for request, _ in requests], results, changes)
        except DatabaseUnreachable as error:
            # Either nothing was written, or the confirmation was lost. The group can be repeated in both cases,
            # because every step is a compare-and-set.
            if self._patience <= 0:
                self._give_up(requests, results, error)
                raise
            self._requests, self._results = [*requests, *self._requests], [*results, *self._results]
            await asyncio.sleep(min(RETRY_SECONDS, self._patience))
            self._patience -= RETRY_SECONDS
            self._work.set()
            return
        except BaseException as error:
            self._give_up(requests, results, error)
            raise
        self._patience = PATIENCE_SECONDS
        for (_, waiting), answer in zip(requests, answers, strict=True):
            _answer(waiting, answer)

    def _give_up(
        self,
        requests: "list[tuple[CommitRequest, asyncio.Future[CommitDecision]]]",
        results: list[AttemptResult],
        error: BaseException,
    ) -> None:
        self._broken = error if isinstance(error, Exception) else RuntimeError(str(error))
        self._keep(results)
        for _, waiting in [*requests, *self._requests]:
            _answer(waiting, self._broken)

    def _keep(self, results: list[AttemptResult]) -> None:
        self._result_journal.write(results)
        self._sent_journal.write([], results, self._clock())

    def _write_group(
        self, requests: list[CommitRequest], results: list[AttemptResult], changes: ThrottleChanges
    ) -> Sequence[CommitDecision | Exception]:
        """Write a group; if it fails unexpectedly, write each of it apart, so that one fails alone."""
        try:
            return self._write(requests, results, changes)
        except DigestdError:
            raise
        except Exception as error:
            log.exception("cannot commit a group; committing each apart", kind=type(error).__name__)
        self._write([], [], changes)  # fails if the database does, whatever the mails are
        for result in results:
            if isinstance(self._write_one([], [result]), Exception):
                self._keep([result])
        return [self._write_one([request], []) for request in requests]

    def _write_one(self, requests: list[CommitRequest], results: list[AttemptResult]) -> CommitDecision | Exception:
        """Write one request or result; return the decision, or the error that only this one has."""
        try:
            return next(iter(self._write(requests, results, {})), CommitDecision.OK)
        except DigestdError:
            raise
        except Exception as error:
            delivery = [one.delivery for one in requests] or [one.delivery for one in results]
            log.exception("cannot commit", delivery=delivery, kind=type(error).__name__)
            self._refused += 1
            if self._refused >= UNWRITABLE_STOP:
                why = f"the database refused to write {self._refused} deliveries ({type(error).__name__})"
                raise Damaged(f"{why}; run `digestd fsck`") from error
            return error

    def _write(
        self, requests: list[CommitRequest], results: list[AttemptResult], changes: ThrottleChanges
    ) -> list[CommitDecision]:
        with self._db.write() as session:
            restore.require_server(session, self._server)
            ledger.force_index_scans(session)
            now = self._clock()
            ledger.record_results(session, results, now)
            answers = ledger.commit_sends(session, requests, now)
            stored = self._limiter.write(session, changes)
            self._hash_papers(session, requests)
        passed = [request for request, answer in zip(requests, answers, strict=True) if answer is CommitDecision.OK]
        self._sent_journal.write(passed, results, now, self._paper_hashes)
        self._limiter.merge(stored)
        return answers

    def _hash_papers(self, session: Session, requests: Sequence[CommitRequest]) -> None:
        """Look up the papers of these mails that no mail of this run had."""
        missing = {paper for request in requests for paper in request.papers}.difference(self._paper_hashes)
        if missing:
            self._paper_hashes |= {key: hash_paper(name) for key, name in papers.names_of(session, missing).items()}


def _answer(waiting: "asyncio.Future[CommitDecision]", answer: CommitDecision | Exception) -> None:
    if waiting.done():
        return
    if isinstance(answer, Exception):
        waiting.set_exception(answer)
    else:
        waiting.set_result(answer)
