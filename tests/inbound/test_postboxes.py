"""Where bounces arrive: what is understood goes, what is for a person stays and is marked, by every road."""

import asyncio
import os
import ssl
from pathlib import Path
from urllib.parse import quote

import pytest

from digestd.domain.bounce import InboundOutcome
from digestd.errors import BadSetting, InboundFailed
from digestd.replies.mailboxes.lmtp import Door
from digestd.replies.mailboxes.mailbox import Postbox
from digestd.replies.mailboxes.open_mailbox import open_inbound
from digestd.replies.mailboxes.polling import poll
from tests.inbound.conftest import Returned, mails
from tests.postgres import free_port
from tests.support.imap import PASSWORD, USER, ImapServer

TAKEN, KNOWN, UNREAD, FOREIGN = (
    InboundOutcome.TAKEN,
    InboundOutcome.KNOWN,
    InboundOutcome.UNREAD,
    InboundOutcome.FOREIGN,
)


def postbox(url: str, context: ssl.SSLContext | None = None) -> Postbox:
    place = open_inbound(url, context=context)
    assert place is not None
    assert not isinstance(place, Door)
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


def test_a_maildir_keeps_only_what_is_for_a_person(on_file: Returned, folder: Path) -> None:
    for number, raw in enumerate(mails(on_file)):
        (folder / "new" / f"{number}.host").write_bytes(raw)
    box = postbox(f"maildir:{folder}")
    assert poll(box, on_file.desk, on_file.made.clock) == EXPECTED
    assert list((folder / "new").iterdir()) == []
    assert sorted(file.name for file in (folder / "cur").iterdir()) == ["3.host:2,F", "4.host:2,F", "5.host:2,F"]
    assert poll(box, on_file.desk, on_file.made.clock) == {}


def test_a_maildir_of_odd_things_is_survived(on_file: Returned, folder: Path) -> None:
    (folder / "new" / "b").mkdir()
    os.mkfifo(folder / "new" / "c")
    (folder / "new" / "d").write_bytes(b"")
    assert poll(postbox(f"maildir:{folder}"), on_file.desk, on_file.made.clock) == {
        InboundOutcome.TOO_LARGE: 2,
        FOREIGN: 1,
    }


def test_a_link_in_a_maildir_is_not_followed_and_holds_nothing_up(
    on_file: Returned, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_bytes(on_file.mail("postfix-hard", delivery=1))
    (folder / "new" / "a").symlink_to(tmp_path / "secret")
    (folder / "new" / "b").write_bytes(on_file.mail("postfix-hard", delivery=2))
    poll(postbox(f"maildir:{folder}"), on_file.desk, on_file.made.clock)
    assert on_file.suppression(1) is None
    assert on_file.suppression(2) is not None


def test_a_maildir_that_is_not_there_is_named_with_the_remedy(on_file: Returned, tmp_path: Path) -> None:
    with pytest.raises(InboundFailed, match=r"DIGESTD_INBOUND_URL.*nowhere.*check the folder"):
        poll(postbox(f"maildir:{tmp_path / 'nowhere'}"), on_file.desk, on_file.made.clock)


def test_killed_before_a_mail_is_removed_it_counts_once(on_file: Returned, folder: Path) -> None:
    for _ in range(2):
        (folder / "new" / "1.host").write_bytes(on_file.mail("postfix-hard"))
        poll(postbox(f"maildir:{folder}"), on_file.desk, on_file.made.clock)
    assert on_file.counts == {TAKEN: 1, KNOWN: 1}


# IMAP


@pytest.mark.parametrize("offers", ["IMAP4rev1 UIDPLUS", "IMAP4rev1"])
async def test_an_imap_folder_keeps_only_what_is_for_a_person(
    on_file: Returned, served: ssl.SSLContext, trusting: ssl.SSLContext, offers: str
) -> None:
    server = ImapServer(offers=offers)
    server.put(*(raw.replace(b"\n", b"\r\n") for raw in mails(on_file)))
    async with server.serving(served):
        url = f"imaps://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{server.port}/INBOX"
        box = postbox(url, trusting)
        counts = await asyncio.to_thread(poll, box, on_file.desk, on_file.made.clock)
        again = await asyncio.to_thread(poll, box, on_file.desk, on_file.made.clock)
    assert (counts, again) == (EXPECTED, {})
    assert server.flags == {uid: {"\\Seen", "\\Flagged"} for uid in (4, 5, 6)}
    assert f'LOGIN {USER} "{PASSWORD}"' in server.commands


@pytest.mark.parametrize("verb", ["LOGIN", "SELECT"])
async def test_an_account_that_is_refused_is_named_without_its_password(
    on_file: Returned, served: ssl.SSLContext, trusting: ssl.SSLContext, verb: str
) -> None:
    async with ImapServer(refuses=verb).serving(served) as server:
        box = postbox(f"imaps://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{server.port}", trusting)
        with pytest.raises(InboundFailed) as failed:
            await asyncio.to_thread(poll, box, on_file.desk, on_file.made.clock)
    assert "check user name" in str(failed.value)
    assert PASSWORD not in str(failed.value) + repr(box)


async def test_a_certificate_nobody_vouches_for_is_refused(on_file: Returned, served: ssl.SSLContext) -> None:
    async with ImapServer().serving(served) as server:
        box = postbox(f"imaps://{USER}:secret@127.0.0.1:{server.port}", ssl.create_default_context())
        with pytest.raises(InboundFailed, match="certificate"):
            await asyncio.to_thread(poll, box, on_file.desk, on_file.made.clock)
    assert server.commands == []


def test_a_server_that_is_away_is_to_be_tried_again(on_file: Returned) -> None:
    with pytest.raises(InboundFailed) as failed:
        poll(postbox(f"imaps://a:b@127.0.0.1:{free_port()}"), on_file.desk, on_file.made.clock)
    assert failed.value.retry


# The setting


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("pop3://a:b@example.org", "unknown"),
        ("/var/mail/bounce", "unknown"),
        ("maildir:", "folder"),
        ("imap://a:b@mail.example.org", "in the clear"),
        ("imaps://mail.example.org", "user name"),
        ("imaps://a:b@", "cannot be read"),
        ("imaps://a:b/c@mail.example.org", "%2F"),
        ("lmtp://0.0.0.0:24", "this machine"),
        ("lmtp://mail.example.org:24", "this machine"),
    ],
)
def test_a_place_that_cannot_be_is_refused_with_the_remedy(url: str, said: str) -> None:
    with pytest.raises(BadSetting, match=said):
        open_inbound(url)


def test_none_is_none() -> None:
    assert open_inbound("") is None
