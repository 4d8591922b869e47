"""Test digests for chat rooms against a server that records what is posted and answers as told."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from importlib import import_module
from inspect import getsource

import pytest

from digestd.delivery.chat_post import CHAT_USE, MODULES, apprise_url, open_room, room_label
from digestd.delivery.chat_rooms import TRIES
from digestd.delivery.replay import replay
from digestd.domain.delivery import MailKind, State
from digestd.errors import BadInput
from digestd.security.encryption import encrypt
from digestd.store import integrations, ledger
from digestd.store.integrations import CHAT_FAILURES_MAX
from digestd.store.ledger.create import Notice
from digestd.subscribers.chat import remove_chat, set_chat
from digestd.subscribers.lookup import find
from tests.delivery.chat_server import HANG, Answer, ChatServer, chat_server
from tests.support.command_process import Command
from tests.support.install import Install
from tests.support.waiting import PATIENCE_SECONDS

EARLIER = {
    "slack": "slack+http://127.0.0.1:{port}/services/T0/B0/secret0",
    "matrix": "matrix+http://secret0@127.0.0.1:{port}/!room:example.org",
    "ntfy": "ntfy+http://secret0@127.0.0.1:{port}/papers",
}
"""Addresses in the forms of earlier versions."""
HOSTILE = [("slack", Answer(200, "x" * 1_000_000, times=3_000)), ("matrix", Answer(429, "[" * 65_000))]


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server() as running:
        yield running


@pytest.fixture
def room(on_file: Install, server: ChatServer) -> Callable[[str], str]:
    """Return a function that sends one of the eight digests to a room, and returns the address of its reader."""

    def to_chat(form: str) -> str:
        address = sorted(on_file.by_address)[0]
        set_room(on_file, address, EARLIER[form].format(port=server.port))
        return address

    return to_chat


def set_room(made: Install, address: str, url: str) -> None:
    """Set a room as it was stored by earlier versions."""
    key = key_of(made, address)
    with made.db.write() as session:
        integrations.put_chat_target(
            session, key, "the room", encrypt(made.app.keys, CHAT_USE, str(key), url), made.clock.now
        )


def key_of(made: Install, address: str) -> int:
    with made.db.read() as session:
        return find(session, made.app.keys, address).key


def deliver(made: Install) -> None:
    asyncio.run(made.deliver())


def mails_to(made: Install, address: str) -> list[str]:
    """Return the texts of the mails to an address, each on one line."""
    found = []
    for file in made.folder.glob("outbox/new/*"):
        mail = message_from_bytes(file.read_bytes(), policy=default)
        body = mail.get_body(("plain",))
        if mail["Delivered-To"] == address and body is not None:
            found.append(" ".join(body.get_content().split()))
    return found


def fail_days(made: Install, days: int) -> None:
    """Let so many digests fail by answers that get lost."""
    for day in range(1, days + 1):
        deliver(made)
        made.next_day(day)
        assert made.plan().planned


@pytest.mark.parametrize(("form", "answer"), HOSTILE)
def test_hostile_answer_stops_nobody(
    on_file: Install, server: ChatServer, room: Callable[[str], str], form: str, answer: Answer
) -> None:
    address = room(form)
    server.answers = [answer]
    done = Command(("deliver", "--json"), on_file.environment(), on_file.folder).start().end()
    assert done.code == 0, done.output
    assert on_file.by_address[address] in {State.ACCEPTED, State.READY, State.UNCERTAIN}
    assert [state for reader, state in on_file.by_address.items() if reader != address] == [State.ACCEPTED] * 7
    assert on_file.broken == {}


@pytest.mark.parametrize("form", ["slack", "matrix"])
def test_digest_goes_to_a_room_once(
    on_file: Install, server: ChatServer, room: Callable[[str], str], form: str
) -> None:
    address = room(form)
    deliver(on_file)
    deliver(on_file)
    assert on_file.states == {State.ACCEPTED: 8}
    assert on_file.broken == {}
    assert len(server.posts) == 1
    assert json.dumps(server.posts[0].body).count("\\n\\n") >= 8, "one block for each paper"
    assert mails_to(on_file, address) == []
    period = on_file.clock.now.date().isoformat()
    assert not replay(on_file.db, on_file.app.sender, on_file.app.templates, key_of(on_file, address), period).differs


@pytest.mark.parametrize(("form", "answer"), [("slack", Answer(502)), ("matrix", Answer(0))])
def test_lost_answer_is_uncertain(
    on_file: Install, server: ChatServer, room: Callable[[str], str], form: str, answer: Answer
) -> None:
    address = room(form)
    server.answers = [answer]
    deliver(on_file)
    deliver(on_file)
    assert on_file.by_address[address] is State.UNCERTAIN
    assert len(server.posts) == 1, "never posted again blindly"
    assert on_file.broken == {}


def test_silent_room_has_ten_seconds(
    on_file: Install, server: ChatServer, room: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digestd.delivery.chat_rooms.ANSWER_SECONDS", 0.5)
    address = room("slack")
    server.answers = [Answer(HANG)]
    deliver(on_file)
    assert on_file.by_address[address] is State.UNCERTAIN
    assert on_file.states[State.ACCEPTED] == 7


@pytest.mark.slow
def test_killed_worker_posts_nothing_twice(on_file: Install, server: ChatServer, room: Callable[[str], str]) -> None:
    address = room("slack")
    server.answers = [Answer(HANG)]
    running = Command(("deliver",), on_file.environment(), on_file.folder).start()
    assert server.hanging.wait(PATIENCE_SECONDS)
    running.process.kill()
    assert running.end().killed
    deliver(on_file)
    assert on_file.by_address[address] is State.UNCERTAIN
    assert len(server.posts) == 1
    assert on_file.broken == {}


@pytest.mark.parametrize("answer", [Answer(404), Answer(302, location="http://127.0.0.1:1/")])
def test_refused_digest_goes_by_mail_in_the_end(
    on_file: Install, server: ChatServer, room: Callable[[str], str], answer: Answer
) -> None:
    address = room("slack")
    server.answers = [answer] * TRIES
    for _ in range(TRIES):
        assert mails_to(on_file, address) == []
        deliver(on_file)
        on_file.clock.go(timedelta(hours=2))
    deliver(on_file)
    [mail] = mails_to(on_file, address)
    assert "because your chat room" in mail
    assert len(server.posts) == TRIES
    assert on_file.states == {State.ACCEPTED: 8}
    assert on_file.broken == {}


@pytest.mark.parametrize("url", ["json://[::1]:9/x", "jsons://169.254.169.254/x"])
def test_unreachable_room_is_tried_again(on_file: Install, url: str) -> None:
    address = sorted(on_file.by_address)[0]
    set_room(on_file, address, url)
    deliver(on_file)
    assert on_file.states == {State.ACCEPTED: 7, State.READY: 1}


def test_room_that_fails_three_digests_is_left_alone(
    on_file: Install, server: ChatServer, room: Callable[[str], str]
) -> None:
    address = room("slack")
    server.answers = [Answer(0)] * CHAT_FAILURES_MAX
    fail_days(on_file, CHAT_FAILURES_MAX)
    deliver(on_file)
    assert len(server.posts) == CHAT_FAILURES_MAX
    [mail] = mails_to(on_file, address)
    assert "because your chat room" in mail
    assert "may not have arrived" in mail, "it links to those that are uncertain"
    status = Command(("status",), on_file.environment(), on_file.folder).start().end().output
    assert "chat room the room of subscriber" in status
    assert "no answer" in status
    tested = Command(("subscriber", "chat", address, "--test"), on_file.environment(), on_file.folder).start().end()
    assert tested.code == 0, tested.output
    on_file.next_day(9)
    assert on_file.plan().planned
    deliver(on_file)
    assert len(server.posts) == CHAT_FAILURES_MAX + 2, "it gets digests again"


@pytest.mark.parametrize("said_by", ["marker", "notice"])
def test_room_of_a_subscriber_ends_with_one_line(on_file: Install, server: ChatServer, said_by: str) -> None:
    address = sorted(on_file.by_address)[0]
    url = EARLIER["slack"].format(port=server.port)
    if said_by == "notice":
        key = key_of(on_file, address)
        expires = on_file.clock.now + timedelta(days=1)
        notice = Notice(key, MailKind.CHAT, "1", 1, expires)
        with on_file.db.write() as session:
            ledger.plan_notice(session, notice, "<chat@example.org>", on_file.clock.now - timedelta(hours=1))
    set_room(on_file, address, f"{url}#public" if said_by == "marker" else url)
    deliver(on_file)
    assert server.posts == []
    on_file.next_day()
    assert on_file.plan().planned
    deliver(on_file)
    assert sorted(mail.count("chat rooms that subscribers set") for mail in mails_to(on_file, address)) == [0, 1]
    with on_file.db.read() as session:
        assert integrations.chat_target(session, key_of(on_file, address)) is None
    assert on_file.broken == {}


def test_room_that_cannot_be_converted_is_named(on_file: Install) -> None:
    address = sorted(on_file.by_address)[0]
    set_room(on_file, address, "telegram+https://1:secret0@bots.example.org/-1")
    deliver(on_file)
    [mail] = mails_to(on_file, address)
    assert "because your chat room" in mail
    listed = Command(("subscriber", "chat", "--list"), on_file.environment(), on_file.folder).start().end().output
    assert "invalid chat URL" in listed
    assert "secret0" not in listed + mail


def test_removed_room_gets_mail_again(on_file: Install, server: ChatServer, room: Callable[[str], str]) -> None:
    address = room("slack")
    assert remove_chat(on_file.db, key_of(on_file, address))
    deliver(on_file)
    assert server.posts == []
    assert on_file.states == {State.ACCEPTED: 8}


def test_address_of_a_room_is_encrypted(
    on_file: Install, server: ChatServer, capfd: pytest.CaptureFixture[str]
) -> None:
    address = sorted(on_file.by_address)[0]
    url = f"json://127.0.0.1:{server.port}/secret0"
    set_chat(on_file.db, on_file.app.keys, key_of(on_file, address), url, on_file.clock.now)
    deliver(on_file)
    assert server.posts
    files = [file for file in on_file.folder.rglob("*") if file.is_file()]
    assert not any(b"secret0" in file.read_bytes() for file in files)
    captured = capfd.readouterr()
    assert "secret0" not in captured.out + captured.err


@pytest.mark.parametrize(
    ("url", "label"),
    [
        ("slack+https://hooks.slack.com/services/T0/B0/secret0", "JSON at hooks.slack.com"),
        ("slack+https://discord.com/api/webhooks/123456789012345678/secret0-abcdefghijklmnopq/slack", "Discord"),
        ("slack+https://chat.example.org/hooks/secret0", "JSON at chat.example.org"),
        ("matrix+https://secret0@matrix.example.org/!room:example.org", "Matrix at matrix.example.org"),
        ("telegram+https://123456:secret0@api.telegram.org/-100123", "Telegram"),
        ("ntfy+https://ntfy.sh/papers", "ntfy at ntfy.sh"),
        ("ntfys://secret0", "ntfy"),
        ("mmosts://chat.example.org/secret0", "Mattermost at chat.example.org"),
        ("gotify://localhost:9/secret0", "Gotify at localhost"),
    ],
)
def test_address_becomes_one_of_apprise(url: str, label: str) -> None:
    assert room_label(open_room(apprise_url(url))) == label


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://hooks.slack.com/services/secret0",
        "mailto://secret0:pass@example.org",
        "syslog://secret0",
        "exec://secret0",
        "file://secret0",
        "mqtt://secret0",
        "json://chat.example.org/secret0",
        "jsons://chat.example.org/secret0?template=/etc/passwd",
        "ntfys://ntfy.sh/secret0 x",
        "discord://secret0",
        "jsons://chat.example.org/" + "secret0" * 200,
        "telegram+https://1:secret0@bots.example.org/-1",
        "slack+https://[x/secret0",
        "slack+ftp://secret0/x",
    ],
)
def test_bad_address_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(BadInput, match="invalid chat URL") as refused:
        open_room(apprise_url(url))
    assert "secret0" not in str(refused.value)


def test_services_post_over_http() -> None:
    """Each scheme belongs to a module that asks by HTTP, and loads nothing that starts programs."""
    for module in {*MODULES.values()}:
        source = getsource(import_module(f"apprise.plugins.{module}"))
        if module == "matrix":
            source += getsource(import_module("apprise.plugins.matrix.base"))
        assert "import requests" in source or module == "guilded", module
        harmful = r"^(import|from) (subprocess|socket|smtplib|syslog|ctypes|dbus|gi)\b"
        assert not re.search(harmful, source, re.MULTILINE), module
