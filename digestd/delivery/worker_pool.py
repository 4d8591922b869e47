"""Run the sending workers of all relays; stop a relay's workers when it fails."""

import asyncio
from collections.abc import Mapping, Sequence

from digestd.delivery.alert import SendAlert
from digestd.delivery.claim_queue import ClaimQueue
from digestd.delivery.relay_backoff import RelayBackoff
from digestd.delivery.relay_balancer import RelayBalancer
from digestd.delivery.sending_worker import SendingContext, SendingWorker
from digestd.errors import MailsRefused, RelayFailed

STOP_SECONDS = 20.0
"""Time that a stopped run waits for open answers. Mails still without an answer become uncertain."""
Task = asyncio.Task[None]


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
        self._alerts: set[Task] = set()

    async def run(self, workers: int, stop: asyncio.Event) -> None:
        """Run `workers` workers per relay until all have ended, at most STOP_SECONDS after `stop`.

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

    async def _handle_ended(self, done: Mapping[Task, str]) -> list[BaseException]:
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


async def _cancel(tasks: "set[Task]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
