"""The receiver: reads what comes back, while the service runs. It waits for mail, or is handed it.

A mailbox is looked at every minute; one that cannot be read is tried again, and said so each time.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import structlog

from digestd.app import App
from digestd.domain.bounce import InboundOutcome
from digestd.errors import DigestdError
from digestd.inbound import Desk, Door, Postbox, Reader, poll
from digestd.subscribe.obeying import Clerk

POLL_SECONDS = 60.0
SETTLE_SECONDS = timedelta(minutes=5).total_seconds()
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Receiver:
    """What comes back to one install goes in here. Use it as a context: its reader is a process of its own."""

    app: App
    desk: Desk

    @classmethod
    @contextmanager
    def of(cls, app: App) -> "Iterator[Receiver]":
        """The receiver of this install, until the block ends."""
        reader = Reader()
        try:
            clerk = clerk_of(app)
            yield cls(app, Desk(app.db, app.keys, reader, clerk) if clerk else Desk(app.db, app.keys, reader))
        finally:
            reader.close()

    async def run(self, stop: asyncio.Event) -> None:
        """Take in what comes until `stop` is set. Raises InboundFailed where LMTP cannot listen."""
        place = self.app.inbound
        if isinstance(place, Door):
            await self._serve(place, stop)
        elif place is not None:
            await self._watch(place, stop)

    async def once(self, mailbox: Postbox, stop: asyncio.Event) -> dict[InboundOutcome, int]:
        """One pass over a mailbox. Raises InboundFailed."""
        return await asyncio.to_thread(poll, mailbox, self.desk, self.app.clock, lambda: not stop.is_set())

    async def _watch(self, mailbox: Postbox, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                counts = await self.once(mailbox, stop)
            except DigestdError as error:
                log.error("bounces cannot be read", why=str(error), retry=error.retry)
            else:
                if counts:
                    log.info("read what came back", **{outcome.value: count for outcome, count in counts.items()})
            await _rest(stop, POLL_SECONDS)

    async def _serve(self, door: Door, stop: asyncio.Event) -> None:
        async with door.listening(self.desk, self.app.clock):
            log.info("bounces are taken in", at=door.where)
            while not stop.is_set():
                try:
                    await asyncio.to_thread(self.desk.settle, self.app.clock())
                except DigestdError as error:
                    log.error("settling failed", why=str(error), retry=error.retry)
                await _rest(stop, SETTLE_SECONDS)


async def _rest(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


async def receive(app: App, stop: asyncio.Event) -> None:
    """Take in what comes until `stop` is set."""
    with Receiver.of(app) as receiver:
        await receiver.run(stop)


def clerk_of(app: App) -> Clerk | None:
    """Who obeys commands by mail; None where the settings name no address for them."""
    sender = app.sender
    own = {sender.from_.address, sender.reply_to, sender.bounce, sender.commands}
    if not sender.commands:
        return None
    return Clerk(app.post, sender.commands, frozenset(map(str.lower, own)), app.settings.trusted_authserv_id.lower())
