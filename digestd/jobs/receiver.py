"""The receiver: accepts bounces, complaints and commands by mail while the service runs.

A mailbox is polled every minute. If it cannot be read, that is logged and tried again.
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
from digestd.replies.commands.execution import Clerk
from digestd.replies.mailboxes.lmtp import Door
from digestd.replies.mailboxes.mailbox import Postbox
from digestd.replies.mailboxes.polling import poll
from digestd.replies.reader import Reader
from digestd.replies.taking import Desk

POLL_SECONDS = 60.0
SETTLE_SECONDS = timedelta(minutes=5).total_seconds()
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Receiver:
    """Receives the mail of one install. Use as a context manager, because its parser is a separate process."""

    app: App
    desk: Desk

    @classmethod
    @contextmanager
    def of(cls, app: App) -> "Iterator[Receiver]":
        """Create the receiver of this install; it is closed at the end of the block."""
        reader = Reader()
        try:
            clerk = make_command_clerk(app)
            yield cls(app, Desk(app.db, app.keys, reader, clerk) if clerk else Desk(app.db, app.keys, reader))
        finally:
            reader.close()

    async def run(self, stop: asyncio.Event) -> None:
        """Receive mail until `stop` is set. Raises InboundFailed if LMTP cannot listen."""
        place = self.app.inbound
        if isinstance(place, Door):
            await self._serve(place, stop)
        elif place is not None:
            await self._watch(place, stop)

    async def once(self, mailbox: Postbox, stop: asyncio.Event) -> dict[InboundOutcome, int]:
        """Read a mailbox once. Raises InboundFailed."""
        return await asyncio.to_thread(poll, mailbox, self.desk, self.app.clock, lambda: not stop.is_set())

    async def _watch(self, mailbox: Postbox, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                counts = await self.once(mailbox, stop)
            except DigestdError as error:
                log.error("cannot read the mailbox", why=str(error), retry=error.retry)
            else:
                if counts:
                    log.info("received mail", **{outcome.value: count for outcome, count in counts.items()})
            await _sleep(stop, POLL_SECONDS)

    async def _serve(self, door: Door, stop: asyncio.Event) -> None:
        async with door.listening(self.desk, self.app.clock):
            log.info("receiving mail by LMTP", at=door.where)
            while not stop.is_set():
                try:
                    await asyncio.to_thread(self.desk.settle, self.app.clock())
                except DigestdError as error:
                    log.error("settling failed", why=str(error), retry=error.retry)
                await _sleep(stop, SETTLE_SECONDS)


async def _sleep(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


async def receive(app: App, stop: asyncio.Event) -> None:
    """Receive mail until `stop` is set."""
    with Receiver.of(app) as receiver:
        await receiver.run(stop)


def make_command_clerk(app: App) -> Clerk | None:
    """Return the processor of commands by mail, or None if no command address is set."""
    sender = app.sender
    own = {sender.from_.address, sender.reply_to, sender.bounce, sender.commands}
    if not sender.commands:
        return None
    return Clerk(app.notices, sender.commands, frozenset(map(str.lower, own)), app.settings.trusted_authserv_id.lower())
