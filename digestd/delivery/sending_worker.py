"""Send mails: each worker over its own connection, one mail after the other.

The pool runs the workers of all relays, for each as many as make sending faster (see `connection_growth`).

For each mail: compose, transfer up to the final dot, pass the commit point, send the final dot, record the answer.
The next mail is composed before the final dot of this one, so that its envelope can travel in the same packet, and the
one after that while the relay works.

When a connection fails and the relay works otherwise, the others continue without it. When a relay fails, the pool
stops its workers and those of the other relays continue.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import structlog

from digestd.delivery.alert import SendAlert
from digestd.delivery.attempt_recorder import NOT_COMPOSED, NOT_SENT, AttemptRecorder
from digestd.delivery.claim_queue import ClaimQueue
from digestd.delivery.composer import Composer
from digestd.delivery.connection_growth import GROWTH, START, ConnectionGrowth
from digestd.delivery.group_commit import GroupCommit
from digestd.delivery.relays import RelayBackoff, RelayBalancer
from digestd.delivery.transports import Route
from digestd.delivery.transports.transport import Connection, LostReply, OutgoingMail
from digestd.domain.delivery import PICKED, Claim
from digestd.errors import ConnectionFailed, DatabaseUnreachable, MailsRefused, RelayFailed
from digestd.security.addresses import envelope_tag
from digestd.store.ledger.commit_point import CommitDecision, CommitRequest

IDLE_SECONDS = 30.0
"""A connection idle for longer is reopened, because relays close idle connections."""
STOP_SECONDS = 20.0
"""Time that a stopped run waits for open answers. Mails still without an answer become uncertain."""
CONNECTING_MAX = (GROWTH - 1) * START
"""Connections opened at once: the first that are added. At most so many are refused by a relay that takes no more."""
WorkerTask = asyncio.Task[None]
log = structlog.get_logger(__name__)


class PreparedMail(NamedTuple):
    """A claim and the mail composed from it.

    `sha256` is the hash of the message bytes.
    """

    claim: Claim
    mail: OutgoingMail
    sha256: bytes


@dataclass(frozen=True, slots=True)
class SendingContext:
    """The objects that all workers of one relay share."""

    owner: str
    route: Route
    queue: ClaimQueue
    composer: Composer
    commits: GroupCommit
    recorder: AttemptRecorder


class SendingWorker:
    """Sends mails over one connection, reopened as needed."""

    def __init__(self, context: SendingContext, pool: "WorkerPool") -> None:
        self._context = context
        self._pool = pool
        self._connection: Connection | None = None
        self._last_used = 0.0
        self._next: PreparedMail | None = None
        self._ahead: asyncio.Task[PreparedMail | None] | None = None

    async def run(self) -> None:
        """Send mails until none are left.

        An unexpected error is recorded with its mail, and the next mail is sent.

        Raises:
            RelayFailed: The relay cannot be used.
            DigestdError: The store or the disk cannot be used.
        """
        try:
            while (prepared := await self._next_mail()) is not None:
                await self._send(prepared)
        finally:
            for left in (self._next, await self._take_ahead()):
                if left is not None:
                    self._context.queue.give_back(left.claim)
            await self._close()

    async def _next_mail(self) -> PreparedMail | None:
        """Return the next mail, or None if none are left."""
        prepared, self._next = self._next or await self._take_ahead(), None
        while prepared is None:
            self._context.recorder.stop_if_many_fail()
            if self._pool.leave_if_too_many(self._context.route.name):
                return None
            claim = await self._context.queue.next(self._context.route.name)
            if claim is None:
                return None
            prepared = self._compose(claim)
        return prepared

    def _compose_ahead(self) -> None:
        """Begin to compose a further mail, while the relay or the ledger works."""
        if self._ahead is None:
            self._ahead = asyncio.create_task(self._take_and_compose())

    async def _take_ahead(self) -> PreparedMail | None:
        ahead, self._ahead = self._ahead, None
        return await ahead if ahead is not None else None

    async def _take_and_compose(self) -> PreparedMail | None:
        """Compose a mail if one is available without waiting.

        One worker at a time, and not in the same turn of the event loop as the one before: otherwise all answers that
        come together wait until their workers have composed, leave together, and come together again.
        """
        async with self._pool.composing:
            await asyncio.sleep(0)
            if self._pool.has_too_many(self._context.route.name):
                return None
            claim = self._context.queue.take_ready(self._context.route.name)
            return self._compose(claim) if claim is not None else None

    def _compose(self, claim: Claim) -> PreparedMail | None:
        try:
            composed = self._context.composer.compose(claim)
            sender = claim.envelope_from
            mail = OutgoingMail(sender, claim.address, composed.message, envelope_tag(sender), dotless=True)
            return PreparedMail(claim, mail, composed.sha256)
        except DatabaseUnreachable:
            self._context.queue.give_back(claim)
            raise
        except Exception as error:
            self._context.recorder.record_failed(claim, error, NOT_COMPOSED)
            return None

    async def _send(self, prepared: PreparedMail) -> None:
        """Send one mail. Until `_send_final_dot`, it has certainly not been sent."""
        connection = await self._connect(prepared)
        if connection is None:
            return
        try:
            self._compose_ahead()
            refusal = await connection.offer(prepared.mail)
            may_send = refusal is None and await self._pass_commit_point(connection, prepared)
            if may_send:
                self._next = await self._take_ahead()
                self._compose_ahead()
        except BaseException as error:
            await self._abandon()
            if not self._record_unsent(prepared.claim, error):
                raise
            return
        if refusal is not None:
            self._context.recorder.record_refusal(prepared.claim, refusal)
        elif may_send:
            await self._send_final_dot(connection, prepared.claim)
        self._last_used = asyncio.get_running_loop().time()

    def _record_unsent(self, claim: Claim, error: BaseException) -> bool:
        """Record an error before the final dot. Return True if only this mail is affected."""
        recorder = self._context.recorder
        if isinstance(error, RelayFailed):
            recorder.record_interrupted(claim)
        elif not isinstance(error, Exception) or self._context.commits.is_broken:
            recorder.record_not_sent(claim)
        else:
            recorder.record_failed(claim, error, NOT_SENT)
            return True
        return False

    async def _connect(self, prepared: PreparedMail) -> Connection | None:
        """Return the open connection, or a new one if it is missing or was idle for long.

        Return None if fewer are wanted by the time that it may be opened. Raises RelayFailed. In both cases the mail
        goes to another worker.
        """
        if self._connection is not None and asyncio.get_running_loop().time() - self._last_used > IDLE_SECONDS:
            await self._close()
        if self._connection is None:
            try:
                async with self._pool.connecting:
                    if self._pool.has_too_many(self._context.route.name):
                        self._context.queue.give_back(prepared.claim)
                        return None
                    self._pool.note_connecting()
                    self._connection = await self._context.route.transport.connect()
            except BaseException as error:
                self._context.queue.give_back(prepared.claim)
                if isinstance(error, RelayFailed) or not isinstance(error, Exception):
                    raise
                name = self._context.route.name
                log.exception("cannot connect", relay=name, kind=type(error).__name__)
                raise ConnectionFailed(f"relay {name}: unexpected {type(error).__name__}") from error
            self._last_used = asyncio.get_running_loop().time()
        return self._connection

    async def _close(self) -> None:
        """Close the connection, whatever its state."""
        closing, self._connection = self._connection, None
        try:
            if closing is not None:
                await closing.close()
        except Exception as error:
            log.exception("cannot close the connection", kind=type(error).__name__)

    async def _abandon(self) -> None:
        """Drop the connection and the mail that it has begun to carry."""
        leaving, self._connection = self._connection, None
        try:
            if leaving is not None:
                await leaving.abandon()
        except Exception as error:
            log.exception("cannot abandon the connection", kind=type(error).__name__)

    async def _pass_commit_point(self, connection: Connection, prepared: PreparedMail) -> bool:
        """Return True once the ledger has committed that the final dot may be sent."""
        claim = prepared.claim
        request = CommitRequest(
            claim.key,
            claim.attempt,
            self._context.owner,
            prepared.sha256,
            self._context.route.name,
            claim.message_id,
        )
        if claim.kind in PICKED:
            papers = tuple([pick.paper for pick in claim.picks])
            request = request._replace(subscriber=claim.subscriber, period=claim.period, papers=papers)
        decision = await self._context.commits.pass_commit_point(request)
        if decision is not CommitDecision.OK:
            await connection.abandon()
            self._context.recorder.record_stopped_at_commit_point(claim, decision)
        return decision is CommitDecision.OK

    async def _send_final_dot(self, connection: Connection, claim: Claim) -> None:
        recorder = self._context.recorder
        try:
            reply = await connection.commit(self._next.mail if self._next is not None else None)
        except LostReply as lost:
            recorder.record_uncertain(claim, f"no answer to the final dot: {lost}")
            return
        except RelayFailed:
            recorder.record_interrupted(claim)
            raise
        except asyncio.CancelledError:
            recorder.record_uncertain(claim, "stopped while waiting for the answer to the final dot")
            raise
        except Exception as error:
            log.exception("unexpected error at the final dot", delivery=claim.key, kind=type(error).__name__)
            recorder.record_uncertain(claim, f"unexpected {type(error).__name__} at the final dot")
            await self._abandon()
            return
        recorder.record_answer(claim, reply)
        self._pool.record_answer(self._context.route.name)


class WorkerPool:
    """The workers of every relay. A relay that fails is paused; the others continue.

    Args:
        contexts: What the workers of each relay share.
        connections: The maximum number of workers of each relay.
    """

    def __init__(
        self,
        contexts: Sequence[SendingContext],
        connections: int,
        queue: ClaimQueue,
        balancer: RelayBalancer,
        backoff: RelayBackoff,
        send_alert: SendAlert,
    ) -> None:
        self._contexts = {context.route.name: context for context in contexts}
        self._growth = {name: ConnectionGrowth(connections) for name in self._contexts}
        self._queue = queue
        self._balancer = balancer
        self._backoff = backoff
        self._send_alert = send_alert
        self._alerts: set[WorkerTask] = set()
        self._tasks: set[WorkerTask] = set()
        self._sending: dict[str, set[WorkerTask | None]] = {name: set() for name in self._contexts}
        """The workers of each relay without those that are closing their connection."""
        self._connected: set[WorkerTask | None] = set()
        """The workers that have a connection or are opening one. Others may only wait for a mail."""
        self._answered: set[WorkerTask | None] = set()
        self._accepted = dict.fromkeys(self._contexts, 0)
        """Mails accepted by each relay when a connection to it last failed."""
        self.composing = asyncio.Lock()
        self.connecting = asyncio.Semaphore(CONNECTING_MAX)
        self._ended: asyncio.Queue[tuple[str, WorkerTask] | None] = asyncio.Queue()
        """Workers that have ended; None when the run is to stop."""

    async def run(self, stop: asyncio.Event) -> None:
        """Send until all workers have ended, at most STOP_SECONDS after `stop`.

        Raises an error of the store or the disk after the other workers have ended.
        """
        for name in self._contexts:
            self._start_workers(name)
        stopped = asyncio.create_task(self._stop_at(stop))
        unexpected: BaseException | None = None
        try:
            while self._tasks and unexpected is None and (ended := await self._ended.get()) is not None:
                unexpected = await self._handle_end(*ended)
            self._queue.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_SECONDS):
                    while self._tasks:
                        if (ended := await self._ended.get()) is not None:
                            unexpected = unexpected or await self._handle_end(*ended)
        finally:
            await _cancel({stopped, *self._tasks})
        if unexpected is None:
            await self._clear_backoff()
        await self._finish_alerts()
        if unexpected is not None:
            raise unexpected

    def record_answer(self, name: str) -> None:
        """Count an answer of a relay, by the worker that calls; start workers if more are wanted."""
        self._answered.add(asyncio.current_task())
        working = len(self._answered & self._sending[name])
        self._growth[name].record_answer(asyncio.get_running_loop().time(), working)
        if self._queue.has_waiting(name):
            self._start_workers(name)

    def has_too_many(self, name: str) -> bool:
        return len(self._sending[name]) > self._growth[name].wanted

    def leave_if_too_many(self, name: str) -> bool:
        """Return True if the calling worker is to end, because fewer are wanted."""
        leaving = self.has_too_many(name)
        if leaving:
            self._sending[name].discard(asyncio.current_task())
        return leaving

    def note_connecting(self) -> None:
        self._connected.add(asyncio.current_task())

    def _works(self, name: str) -> bool:
        """Return True if a relay has other connections, or has accepted a mail since the last failure."""
        accepted, before = self._contexts[name].recorder.accepted, self._accepted[name]
        self._accepted[name] = accepted
        return bool(self._connected & self._sending[name]) or accepted > before

    def _start_workers(self, name: str) -> None:
        """Start the workers that are wanted of a relay and not running."""
        for _ in range(self._growth[name].wanted - len(self._sending[name])):
            worker = asyncio.create_task(SendingWorker(self._contexts[name], self).run())
            self._tasks.add(worker)
            self._sending[name].add(worker)
            worker.add_done_callback(lambda ended: self._ended.put_nowait((name, ended)))

    async def _stop_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._ended.put_nowait(None)

    async def _handle_end(self, name: str, worker: WorkerTask) -> BaseException | None:
        """Stop the relay if it failed; return any other error, which ends the run."""
        self._tasks.discard(worker)
        self._connected.discard(worker)
        self._answered.discard(worker)
        self._sending[name].discard(worker)
        error = worker.exception()
        if isinstance(error, ConnectionFailed) and self._works(name):
            working = len(self._connected & self._sending[name])
            self._growth[name].record_failure(working)
            log.info("connection failed; the relay is still used", relay=name, connections=working, why=str(error))
            if not self._sending[name]:
                self._start_workers(name)
        elif isinstance(error, RelayFailed):
            for stopping in self._contexts if isinstance(error, MailsRefused) else [name]:
                await self._stop_relay(stopping, error)
        elif error is None and not self._sending[name]:
            self._balancer.finish(name)
        if (error is not None and not isinstance(error, RelayFailed)) or self._balancer.all_stopped:
            self._queue.close()
        return None if isinstance(error, RelayFailed) else error

    async def _stop_relay(self, name: str, error: RelayFailed) -> None:
        if self._balancer.is_stopped(name):
            return
        self._balancer.stop(name)
        recorder = self._contexts[name].recorder
        recorder.counters.stopped = recorder.counters.stopped or str(error)
        if await asyncio.to_thread(self._backoff.record_failure, name, error, recorder.accepted) == 1:
            self._alert("relay stopped", name, str(error))

    async def _clear_backoff(self) -> None:
        """Clear the back-off of relays that failed earlier and have accepted mail now."""
        for name, context in self._contexts.items():
            works = context.recorder.accepted and not self._balancer.is_stopped(name)
            if works and await asyncio.to_thread(self._backoff.record_success, name):
                self._alert("relay resumed", name, "")

    def _alert(self, event: str, name: str, reason: str) -> None:
        """Send an alert in the background, as its receiver may be slow."""
        self._alerts.add(asyncio.ensure_future(self._send_alert(event, name, reason)))

    async def _finish_alerts(self) -> None:
        await asyncio.gather(*self._alerts)


async def _cancel(tasks: "set[WorkerTask]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
