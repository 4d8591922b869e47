"""Send mails: each worker over its own connection, one mail after the other.

The pool runs the workers of all relays.

For each mail: compose, transfer up to the final dot, pass the commit point, send the final dot, record the answer.
The next mail is composed before the final dot of this one, so that its envelope can travel in the same packet.

When a relay fails, the pool stops its workers and the others continue.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from digestd.delivery.alert import SendAlert
from digestd.delivery.attempt_recorder import AttemptRecorder
from digestd.delivery.claim_queue import ClaimQueue
from digestd.delivery.composer import Composer
from digestd.delivery.group_commit import GroupCommit
from digestd.delivery.relays import RelayBackoff, RelayBalancer
from digestd.delivery.transports import Route
from digestd.delivery.transports.transport import Connection, LostReply, OutgoingMail
from digestd.domain.delivery import Claim
from digestd.errors import MailsRefused, RelayFailed
from digestd.security.links import envelope_tag
from digestd.store.ledger.commit_point import CommitDecision, CommitRequest

IDLE_SECONDS = 30.0
"""A connection idle for longer is reopened, because relays close idle connections."""
STOP_SECONDS = 20.0
"""Time that a stopped run waits for open answers. Mails still without an answer become uncertain."""
WorkerTask = asyncio.Task[None]


class PreparedMail(NamedTuple):
    """A claim and the mail composed from it.

    `sha256` is the hash of the message bytes.
    """

    claim: Claim
    mail: OutgoingMail
    sha256: bytes


@dataclass(frozen=True, slots=True)
class SendingContext:
    """The objects that all workers of one relay share.

    They also send the digests for chat rooms, over the route `chat`.
    """

    owner: str
    route: Route
    queue: ClaimQueue
    composer: Composer
    commits: GroupCommit
    recorder: AttemptRecorder
    chat: Route
    chat_recorder: AttemptRecorder

    def route_of(self, claim: Claim) -> Route:
        """Return the route of a delivery."""
        return self.route if claim.chat is None else self.chat

    def recorder_of(self, claim: Claim) -> AttemptRecorder:
        """Return the recorder of a delivery's route."""
        return self.recorder if claim.chat is None else self.chat_recorder


class SendingWorker:
    """Sends mails over one connection to each route that it needs, reopened as needed."""

    def __init__(self, context: SendingContext) -> None:
        self._context = context
        self._connections: dict[str, Connection] = {}
        self._last_used: dict[str, float] = {}
        self._next: PreparedMail | None = None

    async def run(self) -> None:
        """Send mails until none are left. Raises RelayFailed if the relay cannot be used."""
        try:
            while (prepared := await self._next_mail()) is not None:
                await self._send(prepared)
        finally:
            if self._next is not None:
                self._context.recorder.record_not_sent(self._next.claim)
            for connection in self._connections.values():
                await connection.close()

    async def _next_mail(self) -> PreparedMail | None:
        """Return the next mail, or None if none are left."""
        prepared, self._next = self._next, None
        while prepared is None:
            self._context.recorder.stop_if_composing_fails()
            claim = await self._context.queue.next(self._context.route.name, self._context.recorder.counters)
            if claim is None:
                return None
            prepared = self._compose(claim)
        return prepared

    def _compose(self, claim: Claim) -> PreparedMail | None:
        try:
            composed = self._context.composer.compose(claim)
            sender = claim.envelope_from
            # in chat, every attempt has the same tag, by which a server recognises a message that it has already
            tag = hashlib.sha256(claim.message_id.encode()).hexdigest() if composed.chat else envelope_tag(sender)
            mail = OutgoingMail(sender, composed.chat or claim.address, composed.message, tag, dotless=True)
            return PreparedMail(claim, mail, composed.sha256)
        except Exception as error:
            self._context.recorder.record_not_composed(claim, error)
            return None

    async def _send(self, prepared: PreparedMail) -> None:
        connection, recorder = await self._connect(prepared), self._context.recorder_of(prepared.claim)
        try:
            refusal = await connection.offer(prepared.mail)
        except BaseException:
            await connection.abandon()
            recorder.record_interrupted(prepared.claim)
            raise
        self._compose_next()
        if refusal is not None:
            recorder.record_refusal(prepared.claim, refusal)
        elif await self._pass_commit_point(connection, prepared):
            await self._send_final_dot(connection, prepared.claim)
        self._last_used[self._context.route_of(prepared.claim).name] = asyncio.get_running_loop().time()

    async def _connect(self, prepared: PreparedMail) -> Connection:
        """Return the open connection, or a new one if it is missing or was idle for long."""
        route = self._context.route_of(prepared.claim)
        known = self._connections.get(route.name)
        if known is not None and asyncio.get_running_loop().time() - self._last_used[route.name] > IDLE_SECONDS:
            del self._connections[route.name]
            await known.close()
            known = None
        if known is None:
            try:
                known = self._connections[route.name] = await route.transport.connect()
            except BaseException:
                self._context.recorder_of(prepared.claim).record_not_sent(prepared.claim)
                raise
            self._last_used[route.name] = asyncio.get_running_loop().time()
        return known

    def _compose_next(self) -> None:
        """Take and compose the next mail if one is available without waiting."""
        claim = self._context.queue.take_ready(self._context.route.name)
        self._next = self._compose(claim) if claim is not None else None

    async def _pass_commit_point(self, connection: Connection, prepared: PreparedMail) -> bool:
        """Return True once the ledger has committed that the final dot may be sent."""
        claim = prepared.claim
        request = CommitRequest(
            claim.key,
            claim.attempt,
            self._context.owner,
            prepared.sha256,
            self._context.route_of(claim).name,
            claim.message_id,
        )
        try:
            decision = await self._context.commits.pass_commit_point(request)
        except BaseException:
            await connection.abandon()
            self._context.recorder_of(claim).record_not_sent(claim)
            raise
        if decision is not CommitDecision.OK:
            await connection.abandon()
            self._context.recorder_of(claim).record_stopped_at_commit_point(claim, decision)
        return decision is CommitDecision.OK

    async def _send_final_dot(self, connection: Connection, claim: Claim) -> None:
        recorder = self._context.recorder_of(claim)
        try:
            reply = await connection.commit(self._next_on_route(claim))
        except LostReply as lost:
            recorder.record_uncertain(claim, f"no answer to the final dot: {lost}")
            return
        except RelayFailed:
            recorder.record_interrupted(claim)
            raise
        except asyncio.CancelledError:
            recorder.record_uncertain(claim, "stopped while waiting for the answer to the final dot")
            raise
        recorder.record_answer(claim, reply)

    def _next_on_route(self, claim: Claim) -> OutgoingMail | None:
        """Return the next mail if it goes over the same connection as this one."""
        following = self._next
        if following is None or self._context.route_of(following.claim) is not self._context.route_of(claim):
            return None
        return following.mail


class WorkerPool:
    """The workers of every relay. A relay that fails is paused; the others continue."""

    def __init__(
        self,
        contexts: Sequence[SendingContext],
        queue: ClaimQueue,
        balancer: RelayBalancer,
        backoff: RelayBackoff,
        send_alert: SendAlert,
    ) -> None:
        self._contexts = {context.route.name: context for context in contexts}
        self._queue = queue
        self._balancer = balancer
        self._backoff = backoff
        self._send_alert = send_alert
        self._alerts: set[WorkerTask] = set()

    async def run(self, workers: int, stop: asyncio.Event) -> None:
        """Run `workers` workers per relay until all have ended.

        They end at most STOP_SECONDS after `stop`.

        Raises any error that is not a relay's failure, after the other workers have ended.
        """
        tasks = {
            asyncio.create_task(SendingWorker(context).run()): name
            for name, context in self._contexts.items()
            for _ in range(workers)
        }
        stopped = asyncio.create_task(_wait_for(stop))
        unexpected: list[BaseException] = []
        try:
            pending = set(tasks)
            while pending and not stop.is_set() and not unexpected:
                done, rest = await asyncio.wait({*pending, stopped}, return_when=asyncio.FIRST_COMPLETED)
                pending &= rest
                unexpected += await self._handle_ended({task: tasks[task] for task in done - {stopped}})
            self._queue.close()
            if pending:
                done, _ = await asyncio.wait(pending, timeout=STOP_SECONDS)
                unexpected += await self._handle_ended({task: tasks[task] for task in done})
        finally:
            await _cancel({stopped, *tasks})
        if not unexpected:
            await self._clear_backoff()
        await self._finish_alerts()
        if unexpected:
            raise unexpected[0]

    async def stop_all(self, error: MailsRefused) -> None:
        """Send nothing: pause every relay and alert the operator."""
        for name in self._contexts:
            await self._stop_relay(name, error)
        await self._finish_alerts()

    async def _handle_ended(self, done: Mapping[WorkerTask, str]) -> list[BaseException]:
        """Stop the relays that failed; return all other errors, which end the run."""
        unexpected = []
        for task, name in done.items():
            error = task.exception()
            if error is None:
                self._balancer.finish(name)
            elif isinstance(error, RelayFailed):
                for stopping in self._contexts if isinstance(error, MailsRefused) else [name]:
                    await self._stop_relay(stopping, error)
            else:
                unexpected.append(error)
        if unexpected or self._balancer.all_stopped:
            self._queue.close()
        return unexpected

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


async def _wait_for(stop: asyncio.Event) -> None:
    await stop.wait()


async def _cancel(tasks: "set[WorkerTask]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
