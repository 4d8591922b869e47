"""Test chat rooms on the settings page and in the API: confirmed by mail, and secrets are never shown."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from digestd.app import App
from digestd.delivery.composer import Composer
from digestd.domain.api import Scope
from digestd.domain.delivery import MailKind
from digestd.security.encryption import decrypt
from digestd.store import chat_targets, core, subscribers
from digestd.store.ledger import queries
from digestd.subscribers.chat import set_chat
from tests.delivery.chat_server import Answer, ChatServer, chat_server
from tests.web.conftest import HOME, Backend
from tests.web.html import heading
from tests.web.test_api import token

ADA = "ada@example.org"
URL = "slack+https://hooks.slack.com/services/T0/B0/secret0"
LABEL = "slack at hooks.slack.com"


@pytest.fixture
def ada(backend: Backend) -> int:
    """Return Ada's row number."""
    return backend.join(ADA, topics=["protein folding"]).key


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server() as running:
        yield running


def mailed(backend: Backend) -> str:
    """Return the path of the newest link that confirms a room."""
    with backend.app.db.read() as session:
        query = select(core.delivery.c.id).where(core.delivery.c.kind == MailKind.CHAT).order_by(-core.delivery.c.id)
        claim = queries.as_claim(session, session.connection().execute(query).scalars().all()[0])
    assert claim is not None
    composer = Composer(backend.app.db, backend.app.sender, backend.app.templates)
    composer.prepare([claim])
    text = composer.render(claim).text
    assert "hooks.slack.com" not in text, "nothing that the requester typed"
    return next(line.strip() for line in text.splitlines() if "/chat/" in line).removeprefix(HOME)


def room_of(app: App, key: int) -> str | None:
    with app.db.read() as session:
        return chat_targets.label(session, key)


def test_chat_room_is_asked_for_confirmed_and_removed(client: TestClient, app: App, backend: Backend, ada: int) -> None:
    at = backend.settings(ADA)
    asked = client.post(f"{at}/chat", data={"url": URL})
    assert heading(asked.text) == "Check your inbox"
    assert room_of(app, ada) is None
    assert "Waiting for you to confirm" in client.get(at).text
    link = mailed(backend)
    page = client.get(link)
    assert LABEL in page.text
    assert room_of(app, ada) is None, "showing changes nothing"
    assert client.post(link).status_code == 200
    assert room_of(app, ada) == LABEL
    assert client.post(link).status_code == 410, "a link works once"
    shown = client.get(at).text
    assert f"Your digests go to {LABEL}." in shown
    assert not any("secret0" in text for text in (asked.text, page.text, shown))
    assert "Your digests come by email" in client.post(f"{at}/chat/remove").text
    assert room_of(app, ada) is None


def test_newer_request_voids_the_link_of_an_earlier_one(
    client: TestClient, app: App, backend: Backend, ada: int
) -> None:
    at = backend.settings(ADA)
    client.post(f"{at}/chat", data={"url": URL})
    first = mailed(backend)
    same_second = client.post(f"{at}/chat", data={"url": "ntfy+https://ntfy.sh/stranger"})
    assert heading(same_second.text) == "Please wait a little"
    backend.clock.advance(minutes=1)
    client.post(f"{at}/chat", data={"url": "ntfy+https://ntfy.sh/stranger"})
    assert client.post(first).status_code == 410
    assert room_of(app, ada) is None


@pytest.mark.parametrize("happens", ["two days", "new links", "removed"])
def test_link_is_void_afterwards(client: TestClient, app: App, backend: Backend, ada: int, happens: str) -> None:
    at = backend.settings(ADA)
    client.post(f"{at}/chat", data={"url": URL})
    link = mailed(backend)
    backend.clock.advance(minutes=1)
    if happens == "two days":
        backend.clock.advance(days=2)
    elif happens == "new links":
        with app.db.write() as session:
            subscribers.invalidate_links(session, ada, backend.clock())
    else:
        client.post(f"{at}/chat/remove")
    assert client.get(link).status_code == client.post(link).status_code == 410
    assert room_of(app, ada) is None


@pytest.mark.parametrize(
    "url",
    [
        "slack+https://127.0.0.1/hooks/secret0",
        "slack+http://127.0.0.1/hooks/secret0",
        "slack+https://[::1]/hooks/secret0",
        "slack+https://chat.internal/hooks/secret0",
        "slack+https://169.254.169.254/hooks/secret0",
        "slack+https://0x7f000001/hooks/secret0",
        "slack+https://hooks.slack.com:8443/hooks/secret0",
        f"{URL}#public",
        "https://hooks.slack.com/services/secret0",
        "",
    ],
)
def test_subscriber_cannot_name_a_private_host(client: TestClient, backend: Backend, ada: int, url: str) -> None:
    answer = client.post(f"{backend.settings(ADA)}/chat", data={"url": url})
    assert answer.status_code == 422
    assert "can’t post there" in answer.text
    assert "secret0" not in answer.text
    assert backend.mails(MailKind.CHAT) == []


def test_name_that_leads_inwards_is_never_reached(
    client: TestClient, app: App, backend: Backend, ada: int, server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name of the public internet may resolve to an address of this network."""
    at = backend.settings(ADA)
    client.post(f"{at}/chat", data={"url": "slack+https://rebound.example.org/hooks/x"})
    client.post(mailed(backend))
    with app.db.read() as session:
        sealed = chat_targets.sealed(session, ada)
    assert sealed is not None
    stored = decrypt(app.keys, "chat", str(ada), sealed)
    here = stored.replace("https://rebound.example.org", f"http://127.0.0.1:{server.port}")
    monkeypatch.setattr("digestd.web.chat.chat_url", lambda *_: here)
    assert "didn’t take the test message" in client.post(f"{at}/chat/test").text
    assert server.posts == []


def test_test_message_goes_to_the_room_three_times(
    client: TestClient, app: App, backend: Backend, ada: int, server: ChatServer
) -> None:
    at = backend.settings(ADA)
    assert "didn’t take the test message" in client.post(f"{at}/chat/test").text
    url = f"slack+http://127.0.0.1:{server.port}/hooks/secret0"
    set_chat(app.db, app.keys, ada, url, backend.clock())  # the operator may
    answer = client.post(f"{at}/chat/test")
    assert "Sent." in answer.text
    assert "digests from Papers Daily come here" in server.posts[0].body["text"]
    server.answers = [Answer(404)]
    refused = client.post(f"{at}/chat/test").text
    assert "didn’t take the test message" in refused
    assert "secret0" not in answer.text + refused
    assert [client.post(f"{at}/chat/test").status_code for _ in range(2)] == [200, 429]
    assert len(server.posts) == 3


def test_api_sets_tests_and_removes_a_room(
    client: TestClient, app: App, backend: Backend, ada: int, server: ChatServer
) -> None:
    may = token(backend, Scope.READ, Scope.WRITE, Scope.VOUCH)
    at = f"/api/v1/subscribers/{ada}/chat"
    assert client.get(at, headers=may).json() == {"room": None, "requested": None}
    answer = client.put(at, headers=may, json={"url": URL})
    assert answer.json() == {"room": LABEL, "requested": None}
    private = client.put(at, headers=may, json={"url": "slack+https://10.0.0.1/hooks/secret0"})
    assert private.status_code == 422
    assert "secret0" not in private.text
    set_chat(app.db, app.keys, ada, f"ntfy+http://127.0.0.1:{server.port}/papers", backend.clock())
    assert client.post(f"{at}/test", headers=may).json() == {"problem": None}
    server.answers = [Answer(403)]
    assert "403" in client.post(f"{at}/test", headers=may).json()["problem"]
    assert client.delete(at, headers=may).status_code == 204
    assert client.get(at, headers=may).json()["room"] is None
    assert client.put("/api/v1/subscribers/999/chat", headers=may, json={"url": URL}).status_code == 404


@pytest.mark.parametrize("scopes", [[Scope.READ], [Scope.WRITE], [Scope.WRITE, Scope.VOUCH], [Scope.READ, Scope.WRITE]])
def test_token_needs_all_scopes_to_take_digests_away(
    client: TestClient, app: App, backend: Backend, ada: int, scopes: list[Scope]
) -> None:
    may = token(backend, *scopes)
    at = f"/api/v1/subscribers/{ada}/chat"
    assert client.put(at, headers=may, json={"url": URL}).status_code == 403
    assert client.post(f"{at}/test", headers=may).status_code == 403
    assert client.delete(at, headers=may).status_code == 403
    assert room_of(app, ada) is None
