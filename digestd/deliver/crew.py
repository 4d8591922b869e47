"""All lanes of a run: started together, each route's stopped when one of them fails, ended when the run is."""

import asyncio
from collections.abc import Mapping, Sequence

from digestd.deliver.alert import Tell
from digestd.deliver.claim_queue import ClaimQueue
from digestd.deliver.lane import Desk, Lane
from digestd.deliver.rests import Rests
from digestd.deliver.shares import Shares
from digestd.errors import MailsRefused, RelayFailed

STOP_SECONDS = 20.0
"""How long a stopped run waits for answers before what is not answered is uncertain."""
Task = asyncio.Task[None]


class Crew:
    """The lanes to every route. A route that fails rests, and the others go on."""

    def __init__(self, desks: Sequence[Desk], queue: ClaimQueue, shares: Shares, rests: Rests, tell: Tell) -> None:
        self._desks = {desk.route.name: desk for desk in desks}
        self._queue = queue
        self._shares = shares
        self._rests = rests
        self._tell = tell
        self._telling: set[Task] = set()

    async def run(self, lanes: int, stop: asyncio.Event) -> None:
        """Run so many lanes to each route until all have ended, at most STOP_SECONDS after `stop`.

        Raises what was no failure of a relay, once the others have had their time.
        """
        tasks = {
            asyncio.create_task(Lane(desk).run()): name for name, desk in self._desks.items() for _ in range(lanes)
        }
        stopped = asyncio.create_task(_until(stop))
        unforeseen: list[BaseException] = []
        try:
            pending = set(tasks)
            while pending and not stop.is_set() and not unforeseen:
                done, rest = await asyncio.wait({*pending, stopped}, return_when=asyncio.FIRST_COMPLETED)
                pending &= rest
                unforeseen += await self._ended({task: tasks[task] for task in done - {stopped}})
            self._queue.close()
            if pending:
                done, _ = await asyncio.wait(pending, timeout=STOP_SECONDS)
                unforeseen += await self._ended({task: tasks[task] for task in done})
        finally:
            await _cancel({stopped, *tasks})
        if not unforeseen:
            await self._praise()
        await self._told()
        if unforeseen:
            raise unforeseen[0]

    async def refuse(self, error: MailsRefused) -> None:
        """Carry nothing: every route rests, and its operator is told."""
        for name in self._desks:
            await self._stop(name, error)
        await self._told()

    async def _ended(self, done: Mapping[Task, str]) -> list[BaseException]:
        """A relay's failure stops its lanes and is told; anything else is the caller's, and ends the run."""
        unforeseen = []
        for task, name in done.items():
            error = task.exception()
            if error is None:
                self._shares.finish(name)
            elif isinstance(error, RelayFailed):
                for stopping in self._desks if isinstance(error, MailsRefused) else [name]:
                    await self._stop(stopping, error)
            else:
                unforeseen.append(error)
        if unforeseen or self._shares.none_left:
            self._queue.close()
        return unforeseen

    async def _stop(self, name: str, error: RelayFailed) -> None:
        if self._shares.is_out(name):
            return
        self._shares.stop(name)
        outcomes = self._desks[name].outcomes
        outcomes.tally.stopped = outcomes.tally.stopped or str(error)
        if await asyncio.to_thread(self._rests.failed, name, error, outcomes.accepted) == 1:
            self._tell_of("lane stopped", name, str(error))

    async def _praise(self) -> None:
        """What had failed before and has taken mails now is as good as any other."""
        for name, desk in self._desks.items():
            serves = desk.outcomes.accepted and not self._shares.is_out(name)
            if serves and await asyncio.to_thread(self._rests.served, name):
                self._tell_of("lane goes on", name, "")

    def _tell_of(self, event: str, name: str, why: str) -> None:
        """Tell while the mails go on: whoever is told may be slow."""
        self._telling.add(asyncio.ensure_future(self._tell(event, name, why)))

    async def _told(self) -> None:
        await asyncio.gather(*self._telling)


async def _until(stop: asyncio.Event) -> None:
    await stop.wait()


async def _cancel(tasks: "set[Task]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
