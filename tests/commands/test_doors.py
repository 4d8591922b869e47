"""Commands come in by every door that bounces do: a real Postfix and its Maildir, LMTP, IMAP."""

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
from digestd.replies.mailboxes.lmtp import Door
from digestd.replies.mailboxes.open_mailbox import open_inbound
from digestd.replies.mailboxes.polling import poll
from digestd.replies.reader import Reader
from digestd.replies.taking import Desk
from tests.commands.conftest import ADA, ADDRESS, TOPICS, Office, office
from tests.commands.mails import mail
from tests.postgres import free_port
from tests.support import sample_data
from tests.support.imap import PASSWORD, USER, ImapServer
from tests.support.postfix import Postfix, postfix

COMMAND = InboundOutcome.COMMAND


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not below pytest's own: that is closed to other users whenever another pytest starts."""
    with tempfile.TemporaryDirectory(prefix="postfix") as made:
        yield Path(made)


def until(done: Callable[[], bool], running: Postfix) -> None:
    for _ in range(1_200):
        if done():
            return
        time.sleep(0.1)
    raise AssertionError(running.log)


class Ada:
    """A reader with a mailbox at the same Postfix."""

    def __init__(self, running: Postfix, made: Office) -> None:
        self._running, self._made, self._read, self._sent = running, made, 0, 0

    def next(self) -> EmailMessage:
        """Her next mail."""
        until(lambda: len(self._running.mails(ADA)) > self._read, self._running)
        files = sorted(self._running.mails(ADA), key=lambda file: file.stat().st_mtime_ns)
        self._read += 1
        return message_from_bytes(files[self._read - 1].read_bytes(), policy=default)

    def write(self, to: str, body: str, subject: str = "") -> dict[InboundOutcome, int]:
        """She writes, and the mail is read."""
        self._sent += 1
        raw = mail(body, subject, to=to, message_id=f"<{self._sent}@example.net>")
        with smtplib.SMTP("127.0.0.1", self._running.port, timeout=120) as client:
            client.sendmail(ADA, [to], raw)
        until(lambda: len(self._running.mails(ADDRESS)) == 1, self._running)
        box = open_inbound(f"maildir:{self._running.folder / 'vmail' / 'digest'}")
        assert box is not None
        assert not isinstance(box, Door)
        return poll(box, self._made.desk, self._made.made.clock)


async def test_a_whole_life_through_a_real_mail_server(
    folder: Path, tmp_path: Path, sqlite_url: str, now: datetime
) -> None:
    with postfix(folder, [ADA, ADDRESS]) as running:
        here = office(tmp_path / "install", sqlite_url, now)
        here.made = here.made.to(running.url)
        here.made.papers(sample_data.papers(50))
        ada = Ada(running, here)
        assert ada.write(ADDRESS, "", f"subscribe {TOPICS[0]}; {TOPICS[1]}") == {InboundOutcome.UNPROVEN: 1}
        await here.made.deliver()
        asked = ada.next()
        assert ada.write(asked["Reply-To"], "Yes", f"Re: {asked['Subject']}") == {COMMAND: 1}
        here.made.plan()
        await here.made.deliver()
        digest = ada.next()
        assert ada.write(digest["Reply-To"], f"less 2\n\nOn {digest['Date']} digestd wrote:\n> more 1") == {COMMAND: 1}
        await here.made.deliver()
        assert "less like" in str(ada.next())
        assert ada.write(digest["Reply-To"], "pause 7") == {COMMAND: 1}
        await here.made.deliver()
        paused = ada.next()
        assert "paused until Tuesday 1 December" in str(paused)
        assert ada.write(paused["Reply-To"], "resume") == {COMMAND: 1}
        assert here.status() is Status.ACTIVE
        leave = str(digest["List-Unsubscribe"]).split("mailto:")[1].split("?")[0]
        assert ada.write(leave, "", "unsubscribe") == {COMMAND: 1}
        assert here.status() is Status.UNSUBSCRIBED
        assert here.made.broken == {}


async def test_by_lmtp_what_has_no_sender_is_not_answered(read_by_ada: Office, tmp_path: Path) -> None:
    (digest,) = await read_by_ada.answers()
    door = open_inbound(f"lmtp://127.0.0.1:{free_port()}", aside=tmp_path / "aside")
    assert isinstance(door, Door)
    to = str(digest["Reply-To"])

    def talk(sender: str) -> None:
        with smtplib.LMTP(door.host, door.port, timeout=120) as client:
            client.sendmail(sender, [to], mail("pause", to=ADDRESS))

    reader = Reader()
    desk: Desk = replace(read_by_ada.desk, read=reader)
    try:
        async with door.listening(desk, read_by_ada.made.clock):
            await asyncio.to_thread(talk, "")
            assert read_by_ada.status() is Status.ACTIVE
            await asyncio.to_thread(talk, ADA)
    finally:
        reader.close()
    assert read_by_ada.status() is Status.PAUSED


async def test_by_imap_a_command_is_done_and_taken_away(
    read_by_ada: Office, served: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    (digest,) = await read_by_ada.answers()
    server = ImapServer()
    server.put(mail("pause", to=str(digest["Reply-To"]).upper()).replace(b"\n", b"\r\n"))
    async with server.serving(served):
        url = f"imaps://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{server.port}/INBOX"
        box = open_inbound(url, context=trusting)
        assert box is not None
        assert not isinstance(box, Door)
        assert await asyncio.to_thread(poll, box, read_by_ada.desk, read_by_ada.made.clock) == {COMMAND: 1}
    assert server.mails == {}
    assert read_by_ada.status() is Status.PAUSED
