"""Post digests to chat rooms: a pool of its own, so that no room delays a mail, or another room for long.

A digest for a room passes the same commit point as a mail. The process that posts it (see `chat_post`) says what came
out:

    posted                      accepted
    refused, or not connected   tried again later, TRIES times in all; then it goes by mail
    no answer, or an odd one    uncertain, because it may have arrived: never posted again blindly

A room that did not take CHAT_FAILURES_MAX digests in a row gets no more until the operator sets or tests it again. Its
digests go by mail with a line that says so, and `digestd status` names it.
"""

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from functools import partial

import structlog

from digestd.delivery.attempt_recorder import NOT_COMPOSED, AttemptRecorder, PendingRefusals, RunCounters
from digestd.delivery.chat_post import CHAT_USE, LOST, POSTED, READY, REFUSED, SUBSCRIBERS_OWN, WHY_MAX, apprise_url
from digestd.delivery.composer import ComposedMail, Composer
from digestd.delivery.disk_space import check_disk_space
from digestd.delivery.group_commit import GroupCommit
from digestd.delivery.journals import open_result_journal, open_sent_journal
from digestd.delivery.preflight import find_held
from digestd.delivery.relays import RateLimiter
from digestd.delivery.run import DeliveryConfig
from digestd.delivery.transports.transport import Refusal, SmtpReply, Stage
from digestd.domain.delivery import Claim
from digestd.domain.digest import Occasion
from digestd.errors import BadInput
from digestd.security.encryption import decrypt
from digestd.store import integrations, ledger
from digestd.store.integrations import CHAT_FAILURES_MAX
from digestd.store.ledger import queries
from digestd.store.ledger.claim_queue import ClaimOwner
from digestd.store.ledger.commit_point import CommitDecision, CommitRequest
from digestd.text.sanitise import clean

ROUTE = "chat"
"""Name of this route in the ledger."""
ANSWER_SECONDS = 10.0
"""Seconds for posting one digest."""
START_SECONDS = 30.0
"""Seconds until a process is ready, on a busy machine."""
PROCESSES = 4
TRIES = 3
NO_LIMIT = 1 << 30
_START = "import sys; sys.path[:] = sys.argv[1:]; from digestd.delivery.chat_post import main; main()"
log = structlog.get_logger(__name__)


async def post_to_rooms(
    config: DeliveryConfig,
    counters: RunCounters,
    stop: asyncio.Event,
    *,
    limit: int | None = None,
    only: Collection[int] = (),
) -> list[int]:
    """Post the digests for chat rooms that are ready. Return the deliveries that go by mail instead.

    Args:
        config: The parts of this run; its routes are not used.
        counters: Updated during the run.
        stop: When set, no other digest is begun.
        limit: Post at most so many digests.
        only: Post these deliveries and no others, whatever their retry delay.

    Raises:
        DiskFull, NotResumed: As `deliver`.
    """
    pool = _Pool(config, counters, stop, limit, tuple(only))
    if await asyncio.to_thread(pool.is_any_ready):
        check_disk_space([config.journals, *([config.db.file.parent] if config.db.file else [])])
        await pool.run(await asyncio.to_thread(config.guard.check, config.clock()))
    return pool.diverted


async def post_text(url: str, text: str) -> str:
    """Post a text to a room. Return what went wrong, without secrets, or "" if the room took it.

    `url`: as stored.
    """
    async with _process(apprise_url(url)) as process:
        word, why = await _answer(process, START_SECONDS)
        if word == READY:
            process.stdin.write(_line(text) * 2)  # type: ignore[union-attr]  # it is a pipe
            word, why = await _answer(process, ANSWER_SECONDS)
    return "" if word == POSTED else why


class _Pool:
    """The processes that post at the same time, each one digest."""

    def __init__(
        self, config: DeliveryConfig, counters: RunCounters, stop: asyncio.Event, limit: int | None, only: Sequence[int]
    ) -> None:
        self._config, self._counters, self._stop = config, counters, stop
        self._left = NO_LIMIT if limit is None else limit
        self._only = list(only)
        self._is_picked = bool(only)
        self._composer = Composer(config.db, config.sender, config.templates)
        self.diverted: list[int] = []

    def is_any_ready(self) -> bool:
        with self._config.db.read() as session:
            return self._is_picked or queries.is_any_ready(session, self._config.clock(), to_rooms=True)

    async def run(self, server: str) -> None:
        """Post until nothing is ready. `server`: the identity of the database's server."""
        config, now = self._config, self._config.clock()
        with (
            open_result_journal(config.journals, config.owner) as results,
            open_sent_journal(config.journals, now.date()) as sent,
        ):
            limiter = RateLimiter({}, asyncio.get_running_loop().time)
            commits = GroupCommit(config.db, config.clock, results, sent, limiter, server)
            refusals = PendingRefusals(config.db, config.clock, self._counters)
            recorder = AttemptRecorder(config.owner, ROUTE, commits, refusals, limiter, config.rng)
            async with commits.running():
                work = [self._work(commits, recorder) for _ in range(PROCESSES)]
                ended = await asyncio.gather(*work, return_exceptions=True)
        for error in ended:
            if error is not None:
                raise error

    async def _work(self, commits: GroupCommit, recorder: AttemptRecorder) -> None:
        while not self._stop.is_set() and (claim := await asyncio.to_thread(self._claim)) is not None:
            post = _Post(self._config, commits, recorder, claim)
            await post.run(self._composer)
            if post.is_diverted:
                self.diverted.append(claim.key)

    def _claim(self) -> Claim | None:
        """Return the next digest, or None if there is none."""
        now, held = self._config.clock(), find_held(self._config.db, self._config.sender, self._config.templates)
        owner = ClaimOwner(self._config.owner, lambda _delivery, _attempt: "", held.held)
        while self._left > 0 and (self._only or not self._is_picked):
            with self._config.db.write() as session:
                if self._is_picked:
                    claims = ledger.claim_these(session, owner, [self._only.pop()], now, to_rooms=True)
                else:
                    found = ledger.claim(session, owner, 1, now, to_rooms=True)
                    claims = found.claims
                    self._counters.skipped += found.skipped
                    self._counters.expired += found.expired
                    if found.nothing:
                        return None
            if claims:
                self._left -= 1
                return claims[0]
        return None


class _Post:
    """One digest on its way to a room. `_end` is what to record of this attempt in the end, exactly once."""

    def __init__(self, config: DeliveryConfig, commits: GroupCommit, recorder: AttemptRecorder, claim: Claim) -> None:
        self._config, self._commits, self._recorder, self._claim = config, commits, recorder, claim
        self._end: Callable[[], None] = partial(recorder.record_interrupted, claim)
        self.is_diverted = False

    async def run(self, composer: Composer) -> None:
        """Post it. Whatever goes wrong is recorded with this delivery and ends no other."""
        try:
            url = await asyncio.to_thread(self._url)
            composed = await asyncio.to_thread(self._compose, composer) if url else None
            if url and composed:
                async with _process(url) as process:
                    await self._exchange(process, composed)
        except Exception as error:
            log.error("cannot post to a chat room", delivery=self._claim.key, error=type(error).__name__)
        finally:
            self._end()

    def _compose(self, composer: Composer) -> ComposedMail | None:
        try:
            return composer.compose_for_room(self._claim)
        except Exception as error:
            self._end = partial(self._recorder.record_failed, self._claim, error, NOT_COMPOSED)
            return None

    def _url(self) -> str | None:
        """Return apprise's URL of the room, or None if the digest goes by mail."""
        going_by_mail = partial(self._recorder.record_not_sent, self._claim)
        with self._config.db.read() as session:
            target = integrations.chat_target(session, self._claim.subscriber)
            if target is None:  # the operator has removed it
                self._end = going_by_mail
                return None
            is_asked_for = integrations.was_confirmed_by_mail(session, target)
        try:
            stored = decrypt(self._config.sender.keys, CHAT_USE, str(target.subscriber), target.sealed)
            if is_asked_for or stored.endswith(SUBSCRIBERS_OWN):
                self._divert(Occasion.ROOM_ENDED)
                self._end = going_by_mail
                return None
            url = apprise_url(stored)
        except BadInput as error:
            self._record_room(str(error), CHAT_FAILURES_MAX)
            url = ""
        if not url or not target.is_used:
            self._divert(Occasion.ROOM_FAILED)
            self._end = going_by_mail
            return None
        return url

    async def _exchange(self, process: Process, composed: ComposedMail) -> None:
        word, why = await _answer(process, START_SECONDS)
        if word == REFUSED:  # the address cannot be used
            await asyncio.to_thread(self._record_room, why, CHAT_FAILURES_MAX)
            await asyncio.to_thread(self._divert, Occasion.ROOM_FAILED)
            self._end = partial(self._recorder.record_not_sent, self._claim)
        if word != READY:
            return
        request = CommitRequest(
            self._claim.key, self._claim.attempt, self._config.owner, composed.sha256, ROUTE, self._claim.message_id
        )
        decision = await self._commits.pass_commit_point(request)
        if decision is not CommitDecision.OK:
            self._end = partial(self._recorder.record_stopped_at_commit_point, self._claim, decision)
            return
        self._end = partial(self._recorder.record_uncertain, self._claim, "stopped while the room answered")
        process.stdin.write(composed.message)  # type: ignore[union-attr]  # it is a pipe
        await self._record(*await _answer(process, ANSWER_SECONDS))

    async def _record(self, word: str, why: str) -> None:
        """Record what came out, with the delivery and with the room."""
        if word == POSTED:
            self._end = partial(self._recorder.record_answer, self._claim, SmtpReply(250, "2.0.0 posted"))
            await asyncio.to_thread(self._record_room, None)
        elif word == REFUSED:
            refusal = Refusal(Stage.FINAL_DOT, SmtpReply(450, f"4.3.0 {why}"))
            self._end = partial(self._recorder.record_refusal, self._claim, refusal)
            if self._claim.attempt >= TRIES:
                await asyncio.to_thread(self._record_room, why)
                await asyncio.to_thread(self._divert, Occasion.ROOM_FAILED)
        else:
            self._end = partial(self._recorder.record_uncertain, self._claim, f"the chat room: {why}")
            await asyncio.to_thread(self._record_room, why)

    def _record_room(self, problem: str | None, failures: int = 1) -> None:
        with self._config.db.write() as session:
            integrations.record_chat_attempt(session, self._claim.subscriber, problem, failures)

    def _divert(self, why: Occasion) -> None:
        """Have the digest go by mail. A room that its subscriber had set is forgotten."""
        with self._config.db.write() as session:
            ledger.divert(session, self._claim.key, why)
            if why is Occasion.ROOM_ENDED:
                integrations.remove_chat_target(session, self._claim.subscriber)
        self.is_diverted = True


@contextlib.asynccontextmanager
async def _process(url: str) -> AsyncIterator[Process]:
    """Start a process that opens the room at a URL, and kill it in the end."""
    trusted = {"REQUESTS_CA_BUNDLE": file} if (file := os.environ.get("SSL_CERT_FILE")) else {}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-B", "-c", _START, *sys.path),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        env={"HOME": "/nonexistent", "MALLOC_ARENA_MAX": "1", **trusted},
    )
    try:
        process.stdin.write(_line(url))  # type: ignore[union-attr]  # it is a pipe
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _answer(process: Process, seconds: float) -> tuple[str, str]:
    """Return what a process says within some time: a word and the reason."""
    try:
        async with asyncio.timeout(seconds):
            line = await process.stdout.readline()  # type: ignore[union-attr]  # it is a pipe
    except TimeoutError:
        return LOST, f"no answer within {seconds:g} s"
    except ValueError:  # a line without end
        return LOST, "the process that posts failed"
    word, _, why = line.decode("utf-8", "replace").partition(" ")
    if word not in {READY, POSTED, REFUSED, LOST}:
        return LOST, "the process that posts failed"
    return word, clean(why, WHY_MAX)


def _line(text: str) -> bytes:
    return text.replace("\n", "\0").encode() + b"\n"
