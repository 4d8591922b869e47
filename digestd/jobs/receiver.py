"""Receive bounces, complaints and commands by mail while the service runs.

A mailbox is polled every minute. If it cannot be read, the error is logged and the next poll tries again.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

import structlog

from digestd import resources
from digestd.app import App
from digestd.domain.bounce import InboundOutcome
from digestd.errors import DigestdError
from digestd.jobs.worker import sleep
from digestd.mail.rendering import render_page
from digestd.mail.templates import ENGLISH, Templates
from digestd.replies.commands.execution import CommandProcessor
from digestd.replies.commands.parsing import CommandWords
from digestd.replies.mail_parser import MailParser
from digestd.replies.mailboxes.lmtp import LmtpServer
from digestd.replies.mailboxes.mailbox import InboundMailbox, poll
from digestd.replies.processing import ReplyProcessor

_WORDS = "email/words.txt.j2"
POLL_SECONDS = 60.0
SETTLE_SECONDS = timedelta(minutes=5).total_seconds()
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Receiver:
    """The mail receiver of an installation.

    Open it as a context manager, because its parser is a separate process.
    """

    app: App
    processor: ReplyProcessor

    @classmethod
    @contextmanager
    def open(cls, app: App) -> "Iterator[Receiver]":
        """Create a receiver and close its parser process at the end of the block."""
        parser = MailParser()
        try:
            processor = ReplyProcessor(app.db, app.keys, parser)
            commands = create_command_processor(app)
            if commands is not None:
                processor = ReplyProcessor(app.db, app.keys, parser, commands.prepare, commands)
            yield cls(app, processor)
        finally:
            parser.close()

    async def run(self, stop: asyncio.Event) -> None:
        """Receive mail until `stop` is set.

        Returns at once if DIGESTD_INBOUND_URL is empty.

        Raises:
            InboundFailed: LMTP cannot listen.
        """
        endpoint = self.app.inbound
        if isinstance(endpoint, LmtpServer):
            await self._serve(endpoint, stop)
        elif endpoint is not None:
            await self._poll_until(endpoint, stop)

    async def poll_once(self, mailbox: InboundMailbox, stop: asyncio.Event) -> dict[InboundOutcome, int]:
        """Poll a mailbox once; return the number of mails by outcome.

        Raises:
            InboundFailed: The mailbox cannot be reached or read.
        """
        return await asyncio.to_thread(poll, mailbox, self.processor, self.app.clock, lambda: not stop.is_set())

    async def _poll_until(self, mailbox: InboundMailbox, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                counts = await self.poll_once(mailbox, stop)
            except DigestdError as error:
                log.error("cannot read the mailbox", why=str(error), retry=error.retry)
            except Exception as error:  # the next poll tries again
                log.exception("cannot read the mailbox", kind=type(error).__name__)
            else:
                if counts:
                    log.info("received mail", **{outcome.value: count for outcome, count in counts.items()})
            await sleep(stop, POLL_SECONDS)

    async def _serve(self, server: LmtpServer, stop: asyncio.Event) -> None:
        async with server.listen(self.processor, self.app.clock):
            log.info("receiving mail by LMTP", at=server.url)
            while not stop.is_set():
                try:
                    await asyncio.to_thread(self.processor.settle, self.app.clock())
                except DigestdError as error:
                    log.error("cannot settle bounced deliveries", why=str(error), retry=error.retry)
                except Exception as error:  # the next turn tries again
                    log.exception("cannot settle bounced deliveries", kind=type(error).__name__)
                await sleep(stop, SETTLE_SECONDS)


async def receive(app: App, stop: asyncio.Event) -> None:
    with Receiver.open(app) as receiver:
        await receiver.run(stop)


def create_command_processor(app: App) -> CommandProcessor | None:
    """Return the processor of commands by mail, or None if no command address is set."""
    sender = app.sender
    own = {sender.from_.address, sender.reply_to, sender.bounce, sender.commands}
    if not sender.commands:
        return None
    words = cache(lambda: command_words(app.templates))  # once a mail is no bounce
    open_hinter = cache(lambda: app.topic_hinter)  # once a mail adds a topic
    return CommandProcessor(
        post=app.notices,
        address=sender.commands,
        own_addresses=frozenset(map(str.lower, own)),
        words=words,
        trusted_server=app.settings.trusted_authserv_id.lower(),
        hints=lambda topics, now: open_hinter().hints(topics, now),
    )


def command_words(templates: Templates) -> CommandWords:
    """Return the words of commands in all languages, English first: also the built-in ones, which a copy may lack."""
    built_in = Templates.of(resources.templates())
    languages = sorted({*built_in.languages, *templates.languages}, key=lambda tag: (tag != ENGLISH, tag))
    return CommandWords.of(
        {tag: "".join(render_page(one, _WORDS, tag) for one in (templates, built_in)) for tag in languages}
    )
