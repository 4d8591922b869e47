"""Test commands through every mailbox: Postfix with Maildir, LMTP, IMAP."""

import asyncio
import smtplib
import ssl
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from urllib.parse import quote

import pytest

from digestd.domain.bounce import InboundOutcome
from digestd.domain.subscriber import Status
from digestd.replies.mail_parser import MailParser
from digestd.replies.mailboxes import open_inbound
from digestd.replies.mailboxes.lmtp import LmtpServer
from digestd.replies.mailboxes.mailbox import poll
from digestd.replies.processing import ReplyProcessor
from tests.commands.conftest import ADA, ADDRESS, TOPICS, CommandInstall, command_install
from tests.commands.mails import mail
from tests.support import sample_data
from tests.support.imap import PASSWORD, USER, ImapServer
from tests.support.postfix import Postfix, postfix
from tests.support.postgres import free_port

COMMAND = InboundOutcome.COMMAND


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder outside pytest's own, which other users (Postfix) cannot read."""
    with tempfile.TemporaryDirectory(prefix="postfix") as made:
        yield Path(made)


def until(done: Callable[[], bool], running: Postfix) -> None:
    for _ in range(1_200):
        if done():
            return
        time.sleep(0.1)
    raise AssertionError(running.log)


class Ada:
    """A subscriber with a mailbox at the same Postfix."""

    def __init__(self, running: Postfix, made: CommandInstall) -> None:
        self._running, self._made, self._read, self._sent = running, made, 0, 0

    def next(self) -> EmailMessage:
        """Wait for her next mail and return it."""
        until(lambda: len(self._running.mails(ADA)) > self._read, self._running)
        files = sorted(self._running.mails(ADA), key=lambda file: file.stat().st_mtime_ns)
        self._read += 1
        return message_from_bytes(files[self._read - 1].read_bytes(), policy=default)

    def write(self, to: str, body: str, subject: str = "") -> dict[InboundOutcome, int]:
        """Send a mail and process it."""
        self._sent += 1
        raw = mail(body, subject, to=to, message_id=f"<{self._sent}@example.net>")
        with smtplib.SMTP("127.0.0.1", self._running.port, timeout=120) as client:
            client.sendmail(ADA, [to], raw)
        until(lambda: len(self._running.mails(ADDRESS)) == 1, self._running)
        box = open_inbound(f"maildir:{self._running.folder / 'vmail' / 'digest'}")
        assert box is not None
        assert not isinstance(box, LmtpServer)
        return poll(box, self._made.processor, self._made.install.clock)


async def test_subscription_life_cycle_through_postfix(
    folder: Path, tmp_path: Path, sqlite_url: str, now: datetime
) -> None:
    with postfix(folder, [ADA, ADDRESS]) as running:
        mail_install = command_install(tmp_path / "install", sqlite_url, now)
        mail_install.install = mail_install.install.to(running.url)
        mail_install.install.papers(sample_data.papers(50))
        ada = Ada(running, mail_install)
        assert ada.write(ADDRESS, "", f"subscribe {TOPICS[0]}; {TOPICS[1]}") == {InboundOutcome.UNPROVEN: 1}
        await mail_install.install.deliver()
        confirmation = ada.next()
        assert ada.write(confirmation["Reply-To"], "Yes", f"Re: {confirmation['Subject']}") == {COMMAND: 1}
        mail_install.install.plan()
        await mail_install.install.deliver()
        digest = ada.next()
        assert ada.write(digest["Reply-To"], f"less 2\n\nOn {digest['Date']} digestd wrote:\n> more 1") == {COMMAND: 1}
        await mail_install.install.deliver()
        assert "less like" in str(ada.next())
        assert ada.write(digest["Reply-To"], "pause 7") == {COMMAND: 1}
        await mail_install.install.deliver()
        paused = ada.next()
        assert "paused until Tuesday 1 December" in str(paused)
        assert ada.write(paused["Reply-To"], "resume") == {COMMAND: 1}
        assert mail_install.status() is Status.ACTIVE
        leave = str(digest["List-Unsubscribe"]).split("mailto:")[1].split("?")[0]
        assert ada.write(leave, "", "unsubscribe") == {COMMAND: 1}
        assert mail_install.status() is Status.UNSUBSCRIBED
        assert mail_install.install.broken == {}


async def test_lmtp_mail_without_sender_is_not_executed(ada_install: CommandInstall, tmp_path: Path) -> None:
    (digest,) = await ada_install.answers()
    server = open_inbound(f"lmtp://127.0.0.1:{free_port()}", quarantine=tmp_path / "aside")
    assert isinstance(server, LmtpServer)
    to = str(digest["Reply-To"])

    def talk(sender: str) -> None:
        with smtplib.LMTP(server.host, server.port, timeout=120) as client:
            client.sendmail(sender, [to], mail("pause", to=ADDRESS))

    reader = MailParser()
    processor: ReplyProcessor = replace(ada_install.processor, parse=reader)
    try:
        async with server.listen(processor, ada_install.install.clock):
            await asyncio.to_thread(talk, "")
            assert ada_install.status() is Status.ACTIVE
            await asyncio.to_thread(talk, ADA)
    finally:
        reader.close()
    assert ada_install.status() is Status.PAUSED


async def test_imap_command_is_executed_and_removed(
    ada_install: CommandInstall, served: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    (digest,) = await ada_install.answers()
    server = ImapServer()
    server.put(mail("pause", to=str(digest["Reply-To"]).upper()).replace(b"\n", b"\r\n"))
    async with server.serving(served):
        url = f"imaps://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{server.port}/INBOX"
        box = open_inbound(url, context=trusting)
        assert box is not None
        assert not isinstance(box, LmtpServer)
        assert await asyncio.to_thread(poll, box, ada_install.processor, ada_install.install.clock) == {COMMAND: 1}
    assert server.mails == {}
    assert ada_install.status() is Status.PAUSED
