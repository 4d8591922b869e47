"""Test digests for chat rooms against a server that records the documented form of each chat."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

import pytest

from digestd.delivery.chat import CHAT_FORMS, parse_chat_url
from digestd.delivery.chat.chat_message import ChatDigest, ChatEntry, ChatTarget
from digestd.delivery.chat.chat_transport import TRIES
from digestd.domain.delivery import State
from digestd.errors import BadInput
from digestd.subscribers.chat import remove_chat, set_chat
from digestd.subscribers.lookup import find
from tests.delivery.chat_server import HANG, Answer, ChatServer, Post, chat_server
from tests.support.command_process import Command
from tests.support.install import Install
from tests.support.waiting import PATIENCE_SECONDS

URLS = {
    "slack": "slack+http://127.0.0.1:{port}/services/T0/B0/secret0",
    "matrix": "matrix+http://secret0@127.0.0.1:{port}/!room:example.org",
    "telegram": "telegram+http://123:secret0@127.0.0.1:{port}/-100123",
    "ntfy": "ntfy+http://secret0@127.0.0.1:{port}/papers",
}
ROOM = "/_matrix/client/v3/rooms/%21room%3Aexample.org/send/m.room.message/"
HOSTILE = ChatEntry(
    title='<!channel> @everyone <b>&amp; "x" | [y](z)',
    url="https://example.org/?a=1&b=2",
    summary="😀 <i>a</i> & b. " * 30,
    why="@here <x> & y",
)


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server() as running:
        yield running


@pytest.fixture
def room(on_file: Install, server: ChatServer) -> Callable[[str], str]:
    """Return a function that sends one of the eight digests to a chat form, and returns the address of its reader."""

    def to_chat(form: str) -> str:
        address = sorted(on_file.by_address)[0]
        url = URLS[form].format(port=server.port)
        set_chat(on_file.db, on_file.app.keys, key_of(on_file, address), url, on_file.clock.now)
        return address

    return to_chat


def key_of(made: Install, address: str) -> int:
    with made.db.read() as session:
        return find(session, made.app.keys, address).key


def deliver(made: Install) -> None:
    asyncio.run(made.deliver())


def check_slack(post: Post) -> str:
    assert (post.method, post.path) == ("POST", "/services/T0/B0/secret0")
    assert post.body.keys() <= {"text", "mrkdwn", "unfurl_links"}
    assert 0 < len(post.body["text"]) <= 2_000
    assert not re.search(r"<(?!https?://[^|<>]+\|[^<>]+>)|(?<!\|)@(?!\u200b)", post.body["text"])
    return str(post.body["text"])


def check_matrix(post: Post) -> str:
    assert post.method == "PUT"
    assert re.fullmatch(re.escape(ROOM) + "[0-9a-f]{32}", post.path)
    assert post.headers["authorization"] == "Bearer secret0"
    assert post.body["msgtype"] == "m.notice"
    assert post.body["format"] == "org.matrix.custom.html"
    assert set(re.findall(r"</?(\w+)", post.body["formatted_body"])) <= {"p", "a", "br", "em"}
    assert len(json.dumps(post.body, ensure_ascii=False).encode()) < 40_000
    return str(post.body["body"])


def check_telegram(post: Post) -> str:
    assert (post.method, post.path) == ("POST", "/bot123:secret0/sendMessage")
    assert post.body["chat_id"] == "-100123"
    assert post.body["parse_mode"] == "HTML"
    assert post.body["link_preview_options"] == {"is_disabled": True}
    assert 0 < len(post.body["text"].encode("utf-16-le")) // 2 <= 4_096
    assert set(re.findall(r"</?(\w+)", post.body["text"])) <= {"a", "b", "i"}
    assert not re.search(r"&(?!amp;|lt;|gt;|quot;|#x27;)", post.body["text"])
    return str(post.body["text"])


def check_ntfy(post: Post) -> str:
    assert (post.method, post.path) == ("POST", "/")
    assert post.headers["authorization"] == "Bearer secret0"
    assert post.body.keys() <= {"topic", "title", "message", "click"}
    assert post.body["topic"] == "papers"
    assert 0 < len(post.body["message"].encode()) <= 4_096
    return str(post.body["message"])


CHECKS: Mapping[str, Callable[[Post], str]] = {
    "slack": check_slack,
    "matrix": check_matrix,
    "telegram": check_telegram,
    "ntfy": check_ntfy,
}


@pytest.mark.parametrize("form", CHAT_FORMS)
def test_digest_goes_to_chat_once(on_file: Install, server: ChatServer, room: Callable[[str], str], form: str) -> None:
    address = room(form)
    deliver(on_file)
    deliver(on_file)
    assert on_file.states == {State.ACCEPTED: 8}
    assert on_file.broken == {}
    text = "\n".join(CHECKS[form](post) for post in server.posts)
    assert text.count("\n\n") >= 8, "one block for each paper"
    mails = [file.read_text() for file in (on_file.folder / "outbox" / "new").iterdir()]
    assert len(mails) == 7
    assert not any(f"Delivered-To: {address}" in mail for mail in mails)
    assert len({post.path + json.dumps(post.body) for post in server.posts}) == len(server.posts)


@pytest.mark.parametrize("form", CHAT_FORMS)
def test_lost_answer_is_uncertain_or_asked_again(
    on_file: Install, server: ChatServer, room: Callable[[str], str], form: str
) -> None:
    address = room(form)
    server.answers = [Answer(0)]
    deliver(on_file)
    deliver(on_file)
    assert on_file.broken == {}
    if CHAT_FORMS[form].is_idempotent:
        assert on_file.by_address[address] is State.ACCEPTED
        assert server.posts[0] == server.posts[1]
    else:
        assert on_file.by_address[address] is State.UNCERTAIN
        assert len(server.posts) == 1, "never posted again blindly"


@pytest.mark.slow
@pytest.mark.parametrize("form", CHAT_FORMS)
def test_killed_worker_posts_nothing_twice(
    on_file: Install, server: ChatServer, room: Callable[[str], str], form: str
) -> None:
    address = room(form)
    server.answers = [Answer(HANG)]
    running = Command(("deliver",), on_file.environment(), on_file.folder).start()
    assert server.hanging.wait(PATIENCE_SECONDS)
    running.process.kill()
    assert running.end().killed
    deliver(on_file)
    assert on_file.by_address[address] is State.UNCERTAIN
    assert len(server.posts) == 1
    assert on_file.broken == {}


@pytest.mark.parametrize("status", [500, 502, 504])
def test_broken_server_leaves_the_outcome_open(
    on_file: Install, server: ChatServer, room: Callable[[str], str], status: int
) -> None:
    address = room("telegram")
    server.answers = [Answer(status)]
    deliver(on_file)
    assert on_file.by_address[address] is State.UNCERTAIN


def test_rate_limit_is_waited_for(on_file: Install, server: ChatServer, room: Callable[[str], str]) -> None:
    address = room("slack")
    server.answers = [Answer(429, retry_after="0"), Answer(429, '{"parameters": {"retry_after": 0}}')]
    deliver(on_file)
    assert on_file.by_address[address] is State.ACCEPTED
    assert server.posts[0] == server.posts[1] == server.posts[2]


@pytest.mark.parametrize("answer", [Answer(429, retry_after="3600"), Answer(404), Answer(403), Answer(302)])
def test_refused_digest_waits_and_suppresses_nobody(
    on_file: Install, server: ChatServer, room: Callable[[str], str], answer: Answer
) -> None:
    address = room("slack")
    server.answers = [answer]
    deliver(on_file)
    assert on_file.by_address[address] is State.READY
    assert on_file.states == {State.ACCEPTED: 7, State.READY: 1}
    assert len(server.posts) == 1
    deliver(on_file)
    assert len(server.posts) == 1, "it waits for its time"
    assert on_file.broken == {}


def test_matrix_keeps_its_transaction_over_attempts(
    on_file: Install, server: ChatServer, room: Callable[[str], str]
) -> None:
    address = room("matrix")
    server.answers = [Answer(403)]
    deliver(on_file)
    on_file.clock.go(timedelta(hours=2))
    deliver(on_file)
    assert on_file.by_address[address] is State.ACCEPTED
    assert server.posts[0].path == server.posts[1].path


def test_refusal_after_a_part_arrived_is_uncertain(
    on_file: Install, server: ChatServer, room: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digestd.delivery.chat.slack.TEXT_MAX", 600)
    address = room("slack")
    server.answers = [Answer(), Answer(404)]
    deliver(on_file)
    assert on_file.by_address[address] is State.UNCERTAIN
    assert len(server.posts) == 2


@pytest.mark.parametrize(
    "url", ["ntfy+http://127.0.0.1:9/x", "ntfy+https://169.254.169.254/x", "ntfy+https://x.invalid/x"]
)
def test_unreachable_chat_waits(on_file: Install, room: Callable[[str], str], url: str) -> None:
    address = room("ntfy")
    set_chat(on_file.db, on_file.app.keys, key_of(on_file, address), url, on_file.clock.now)
    deliver(on_file)
    assert on_file.by_address[address] is State.READY
    assert on_file.states == {State.ACCEPTED: 7, State.READY: 1}


@pytest.mark.parametrize("form", CHAT_FORMS)
def test_next_message_links_an_uncertain_digest(
    on_file: Install, server: ChatServer, room: Callable[[str], str], form: str
) -> None:
    address = room(form)
    server.answers = [Answer(0)] * TRIES
    deliver(on_file)
    assert on_file.by_address[address] is State.UNCERTAIN
    server.posts.clear()
    server.answers.clear()
    on_file.next_day()
    assert on_file.plan().planned
    deliver(on_file)
    text = "\n".join(CHECKS[form](post) for post in server.posts)
    assert "may not have arrived here. Read it" in text
    links = {link for post in server.posts for link in re.findall(r"/d/[\w-]{40}", json.dumps(post.body))}
    assert len(links) == 2, "its own web page and that of the earlier digest"


def test_removed_chat_gets_mail_again(on_file: Install, server: ChatServer, room: Callable[[str], str]) -> None:
    address = room("slack")
    assert remove_chat(on_file.db, key_of(on_file, address))
    deliver(on_file)
    assert server.posts == []
    assert on_file.states == {State.ACCEPTED: 8}


def test_chat_url_is_encrypted(on_file: Install, room: Callable[[str], str], capfd: pytest.CaptureFixture[str]) -> None:
    room("slack")
    deliver(on_file)
    files = [file for file in on_file.folder.rglob("*") if file.is_file()]
    assert not any(b"secret0" in file.read_bytes() for file in files)
    captured = capfd.readouterr()
    assert "secret0" not in captured.out + captured.err


@pytest.mark.parametrize("form", CHAT_FORMS)
@pytest.mark.parametrize("count", [1, 50])
def test_messages_are_escaped_and_fit(form: str, count: int) -> None:
    target = parse_chat_url(URLS[form].format(port=1))
    long = HOSTILE._replace(title="&" * 400, summary="<" * 280, why="&" * 400, url="https://example.org/" + "a" * 480)
    digest = ChatDigest("Papers <today> & @all", (HOSTILE, long, *[HOSTILE] * (count - 1)), "https://example.org/d/x")
    posts = [as_post(form, target, text) for text in CHAT_FORMS[form].write(digest, target)]
    text = "\n".join(CHECKS[form](post) for post in posts)
    assert text.count("b=2") >= count


def as_post(form: str, target: ChatTarget, text: str) -> Post:
    """Return the request that would post a message."""
    request = CHAT_FORMS[form].request(target, text, "key")
    headers = {"authorization": f"Bearer {request.bearer}"}
    return Post(request.method, request.url.removeprefix(target.origin), headers, json.loads(request.body))


@pytest.mark.parametrize("form", CHAT_FORMS)
def test_example_of_each_form_is_valid(form: str) -> None:
    target = parse_chat_url(CHAT_FORMS[form].example)
    assert target.form == form
    assert form in URLS
    assert "TOKEN" not in target.label
    assert "XXXX" not in target.label


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://hooks.slack.com/services/secret0",
        "slack+http://hooks.slack.com/services/secret0",
        "slack+https:///services/secret0",
        "slack+https://hooks.slack.com/",
        "matrix+https://matrix.example.org/!secret0:example.org",
        "matrix+https://secret0@matrix.example.org/room",
        "telegram+https://secret0@api.telegram.org/-100",
        "telegram+https://123:secret0@api.telegram.org/",
        "ntfy+https://ntfy.sh/secret0/more",
        "ntfy+https://ntfy.sh:x/secret0",
        "ntfy+https://ntfy.sh/secret0?x",
        "ntfy+https://ntfy.sh/secret0 x",
        "slack+https://hooks.slack.com/" + "secret0" * 200,
    ],
)
def test_bad_chat_url_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(BadInput, match="invalid chat URL") as refused:
        parse_chat_url(url)
    assert "secret0" not in str(refused.value)
