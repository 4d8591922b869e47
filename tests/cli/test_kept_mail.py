"""Test the commands for mails that are kept for the operator: list, show, done, and their end."""

import asyncio
import json
import os
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from digestd.app import App
from digestd.errors import BadInput, BadSetting, InboundFailed, NotFound
from digestd.jobs.chores import Chores
from digestd.operations.status_reader import read_status
from digestd.replies.inbound_mail import parse_inbound_mail
from digestd.replies.kept_mail import LIST_MAX, delete_kept, list_kept, show_kept
from digestd.replies.mailboxes import open_inbound
from digestd.replies.mailboxes.imap import ImapMailbox
from digestd.replies.mailboxes.mailbox import MaildirMailbox, poll
from digestd.subscribers.personal_data import erase
from tests.cli.test_inbound import _sent_template, back, fails, on_file, run
from tests.inbound.conftest import SentInstall
from tests.support.imap import PASSWORD, USER, ImapServer

__all__ = ["_sent_template", "back", "on_file"]

HOSTILE = "Subject: =?utf-8?q?red_=1B=5B31m_and_=E2=80=AE?=\n\nTitle \x1b]0;x\x07 and more\n> quoted\n"


def question(sender: str, said: str = "Subject: A question\n\nWho runs this?\n> the digest\n") -> bytes:
    return f"From: {sender}\n{said}".encode()


@pytest.fixture
def box(back: SentInstall, tmp_path: Path) -> Path:
    """Return a Maildir with two mails that nothing understands."""
    folder = tmp_path / "box"
    (folder / "new" / "1.host").write_bytes(question("ada@example.net"))
    (folder / "new" / "2.host").write_bytes(question("eve@example.org", HOSTILE))
    json.loads(run("inbound", "--once", "--json"))
    os.utime(folder / "cur" / "2.host:2,F", (1e9, 1e9))
    return folder


def test_kept_mails_are_listed_shown_and_done(box: Path) -> None:
    listed = json.loads(run("inbound", "list", "--json"))
    assert (listed[0]["sender"], listed[0]["subject"]) == ("ada@example.net", "A question")
    number = str(listed[0]["number"])
    shown = json.loads(run("inbound", "show", number, "--json"))
    assert (shown["text"], shown["place"]) == (["Who runs this?"], str(box))
    assert "A question" in run("inbound", "show", number)
    status = json.loads(run("status", "--json"))
    assert (status["kept"], status["kept_place"]) == (2, str(box))
    run("inbound", "done", number)
    assert "inbound list" in fails(NotFound, "inbound", "done", number)
    assert "inbound list" in fails(NotFound, "inbound", "show", number)
    assert [one["sender"] for one in json.loads(run("inbound", "list", "--json"))] == ["eve@example.org"]
    assert len(list((box / "cur").iterdir())) == 1


def test_kept_mails_are_safe_to_print(box: Path) -> None:
    number = json.loads(run("inbound", "list", "--json"))[1]["number"]
    for words in (("inbound", "list"), ("inbound", "show", str(number))):
        assert "\x1b" not in run(*words)
        assert "\u202e" not in run(*words)


def test_wrong_use_names_the_remedy(box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for words in (("show",), ("done",), ("list", "3")):
        assert "inbound list" in fails(BadInput, "inbound", *words)
    assert "--once" in fails(BadInput, "inbound", "list", "--once")
    assert "--once" in fails(BadInput, "inbound", "--json")
    monkeypatch.setenv("DIGESTD_INBOUND_URL", "maildir:/nowhere")
    assert "/nowhere" in fails(InboundFailed, "inbound", "list")
    monkeypatch.setenv("DIGESTD_INBOUND_URL", "lmtp://127.0.0.1:8024")
    assert run("inbound", "list").strip() == ""
    monkeypatch.delenv("DIGESTD_INBOUND_URL")
    assert "DIGESTD_INBOUND_URL" in fails(BadSetting, "inbound", "list")


def test_odd_files_spoil_themselves_only(box: Path) -> None:
    (box / "cur" / "link:2,F").symlink_to("/etc/passwd")
    (box / "cur" / "large:2,F").write_bytes(b"x" * 2_000_000)
    (box / "cur" / "read-by-somebody:2,S").write_bytes(b"")
    listed = json.loads(run("inbound", "list", "--json"))
    assert sorted(one["problem"] for one in listed) == ["", "", *["too large or unreadable"] * 2]


def test_list_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    for number in range(LIST_MAX + 5):
        (tmp_path / "new" / f"{number}").write_bytes(question("ada@example.net"))
    kept = MaildirMailbox(tmp_path, is_quarantine=True)
    assert kept.count_kept() == LIST_MAX + 5
    assert len(list_kept(kept, parse_inbound_mail)) == LIST_MAX


async def test_flagged_mails_of_imap_are_kept(
    on_file: SentInstall, served: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    server = ImapServer()
    server.put(on_file.mail("postfix-hard"), question("ada@example.net"), question("bob@example.net"))
    async with server.serving(served):
        url = f"imaps://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{server.port}/INBOX"
        mailbox = open_inbound(url, context=trusting)
        assert isinstance(mailbox, ImapMailbox)
        await asyncio.to_thread(poll, mailbox, on_file.processor, on_file.install.clock)
        listed = await asyncio.to_thread(list_kept, mailbox, parse_inbound_mail)
        assert [(one.number, one.sender) for one in listed] == [(3, "bob@example.net"), (2, "ada@example.net")]
        assert listed[0].at == datetime(2026, 11, 24, 10, tzinfo=UTC)
        await asyncio.to_thread(delete_kept, mailbox, 3)
        shown = await asyncio.to_thread(show_kept, mailbox, 2, parse_inbound_mail)
        assert shown.text == ("Who runs this?",)
        assert set(server.mails) == {2}


async def test_kept_mails_end_with_their_time_and_their_writer(on_file: SentInstall, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    reader, now = on_file.address(1), on_file.install.clock.now
    for name, sender, age in (("1", reader, 3), ("2", "eve@example.org", 3), ("3", "eve@example.org", 200)):
        (tmp_path / "new" / name).write_bytes(question(sender))
        at = (now - timedelta(days=age)).timestamp()
        os.utime(tmp_path / "new" / name, (at, at))
    changed = {"inbound_url": "lmtp://127.0.0.1:8024", "inbound_quarantine": str(tmp_path)}
    app: App = replace(on_file.install.app, settings=on_file.install.app.settings.model_copy(update=changed))
    assert read_status(app).kept == 3
    await Chores(replace(app, settings=app.settings.model_copy(update={"keep_deliveries": 0}))).prune()
    assert read_status(app).kept == 3
    await Chores(app).prune()
    assert sorted(file.name for file in (tmp_path / "new").iterdir()) == ["1", "2"]
    erase(app.db, app.keys, reader, now)
    await Chores(app).prune()
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["2"]
