"""Test Maildir and IMAP: processed mails are removed, others flagged for review."""

import asyncio
import os
import ssl
from pathlib import Path
from urllib.parse import quote

import pytest

from digestd.domain.bounce import InboundOutcome
from digestd.errors import BadSetting, InboundFailed
from digestd.replies.mailboxes import open_inbound
from digestd.replies.mailboxes.lmtp import LmtpServer
from digestd.replies.mailboxes.mailbox import InboundMailbox, poll
from tests.inbound.conftest import SentInstall, mails
from tests.support.imap import PASSWORD, USER, ImapServer
from tests.support.postgres import free_port

TAKEN, KNOWN, UNREAD, FOREIGN = (
    InboundOutcome.TAKEN,
    InboundOutcome.KNOWN,
    InboundOutcome.UNREAD,
    InboundOutcome.FOREIGN,
)


def mailbox(url: str, context: ssl.SSLContext | None = None) -> InboundMailbox:
    place = open_inbound(url, context=context)
    assert place is not None
    assert not isinstance(place, LmtpServer)
    return place


EXPECTED = {
    TAKEN: 2,
    InboundOutcome.AUTOMATIC: 1,
    UNREAD: 1,
    FOREIGN: 1,
    InboundOutcome.TOO_LARGE: 1,
}


# Maildir


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("new", "cur", "tmp"):
        (tmp_path / "box" / name).mkdir(parents=True)
    return tmp_path / "box"


def test_maildir_keeps_only_mails_for_review(on_file: SentInstall, folder: Path) -> None:
    for number, raw in enumerate(mails(on_file)):
        (folder / "new" / f"{number}.host").write_bytes(raw)
    box = mailbox(f"maildir:{folder}")
    assert poll(box, on_file.processor, on_file.install.clock) == EXPECTED
    assert list((folder / "new").iterdir()) == []
    assert sorted(file.name for file in (folder / "cur").iterdir()) == ["3.host:2,F", "4.host:2,F", "5.host:2,F"]
    assert poll(box, on_file.processor, on_file.install.clock) == {}


def test_maildir_survives_odd_entries(on_file: SentInstall, folder: Path) -> None:
    (folder / "new" / "b").mkdir()
    os.mkfifo(folder / "new" / "c")
    (folder / "new" / "d").write_bytes(b"")
    assert poll(mailbox(f"maildir:{folder}"), on_file.processor, on_file.install.clock) == {
        InboundOutcome.TOO_LARGE: 2,
        FOREIGN: 1,
    }


def test_maildir_does_not_follow_symlinks(on_file: SentInstall, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(on_file.mail("postfix-hard", delivery=1))
    (folder / "new" / "a").symlink_to(tmp_path / "secret")
    (folder / "new" / "b").write_bytes(on_file.mail("postfix-hard", delivery=2))
    poll(mailbox(f"maildir:{folder}"), on_file.processor, on_file.install.clock)
    assert on_file.suppression(1) is None
    assert on_file.suppression(2) is not None


def test_maildir_error_names_missing_folder(on_file: SentInstall, tmp_path: Path) -> None:
    with pytest.raises(InboundFailed, match=r"DIGESTD_INBOUND_URL.*nowhere.*check the folder"):
        poll(mailbox(f"maildir:{tmp_path / 'nowhere'}"), on_file.processor, on_file.install.clock)


def test_mail_counts_once_after_crash_before_removal(on_file: SentInstall, folder: Path) -> None:
    for _ in range(2):
        (folder / "new" / "1.host").write_bytes(on_file.mail("postfix-hard"))
        poll(mailbox(f"maildir:{folder}"), on_file.processor, on_file.install.clock)
    assert on_file.counts == {TAKEN: 1, KNOWN: 1}


# IMAP


@pytest.mark.parametrize("offers", ["IMAP4rev1 UIDPLUS", "IMAP4rev1"])
async def test_imap_keeps_only_mails_for_review(
    on_file: SentInstall, served: ssl.SSLContext, trusting: ssl.SSLContext, offers: str
) -> None:
    server = ImapServer(offers=offers)
    server.put(*(raw.replace(b"\n", b"\r\n") for raw in mails(on_file)))
    async with server.serving(served):
        url = f"imaps://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{server.port}/INBOX"
        box = mailbox(url, trusting)
        counts = await asyncio.to_thread(poll, box, on_file.processor, on_file.install.clock)
        again = await asyncio.to_thread(poll, box, on_file.processor, on_file.install.clock)
    assert (counts, again) == (EXPECTED, {})
    assert server.flags == {uid: {"\\Seen", "\\Flagged"} for uid in (4, 5, 6)}
    assert f'LOGIN {USER} "{PASSWORD}"' in server.commands


@pytest.mark.parametrize("verb", ["LOGIN", "SELECT"])
async def test_imap_error_hides_the_password(
    on_file: SentInstall, served: ssl.SSLContext, trusting: ssl.SSLContext, verb: str
) -> None:
    async with ImapServer(refuses=verb).serving(served) as server:
        box = mailbox(f"imaps://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{server.port}", trusting)
        with pytest.raises(InboundFailed) as failed:
            await asyncio.to_thread(poll, box, on_file.processor, on_file.install.clock)
    assert "check user name" in str(failed.value)
    assert PASSWORD not in str(failed.value) + repr(box)


async def test_imap_refuses_untrusted_certificate(on_file: SentInstall, served: ssl.SSLContext) -> None:
    async with ImapServer().serving(served) as server:
        box = mailbox(f"imaps://{USER}:secret@127.0.0.1:{server.port}", ssl.create_default_context())
        with pytest.raises(InboundFailed, match="certificate"):
            await asyncio.to_thread(poll, box, on_file.processor, on_file.install.clock)
    assert server.commands == []


def test_imap_connection_error_is_retryable(on_file: SentInstall) -> None:
    with pytest.raises(InboundFailed) as failed:
        poll(mailbox(f"imaps://a:b@127.0.0.1:{free_port()}"), on_file.processor, on_file.install.clock)
    assert failed.value.retry


# The setting


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("pop3://a:b@example.org", "unknown"),
        ("/var/mail/bounce", "unknown"),
        ("maildir:", "folder"),
        ("imap://a:b@mail.example.org", "unencrypted"),
        ("imaps://mail.example.org", "user name"),
        ("imaps://a:b@", "invalid URL"),
        ("imaps://a:b/c@mail.example.org", "%2F"),
        ("lmtp://0.0.0.0:24", "this machine"),
        ("lmtp://mail.example.org:24", "this machine"),
    ],
)
def test_open_inbound_refuses_invalid_url(url: str, message: str) -> None:
    with pytest.raises(BadSetting, match=message):
        open_inbound(url)


def test_open_inbound_returns_none_for_empty_url() -> None:
    assert open_inbound("") is None
