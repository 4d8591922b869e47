"""Test unsubscribing by the page and by one click."""

from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from digestd.app import App
from digestd.domain.subscriber import Cause, Status
from digestd.security.keys import Keys, RetiredSecret
from digestd.security.tokens import Purpose
from digestd.store import consent
from digestd.subscribers.personal_data import erase
from digestd.web.pages import masked
from tests.web.conftest import Backend, browsing
from tests.web.html import heading, tree

ADA = "ada@example.org"
URLENCODED = {"data": {"List-Unsubscribe": "One-Click"}}
MULTIPART = {"files": {"List-Unsubscribe": (None, "One-Click")}}


def _last_cause(backend: Backend) -> Cause:
    with backend.app.db.read() as session:
        return Cause(consent.history(session, backend.subscriber(ADA).key)[-1].cause)


@pytest.mark.parametrize("how", [URLENCODED, MULTIPART], ids=["urlencoded", "multipart"])
def test_one_click_unsubscribes(client: TestClient, backend: Backend, how: dict[str, object]) -> None:
    link = backend.link(Purpose.UNSUBSCRIBE, backend.join(ADA).key)
    first = client.post(link, headers={"User-Agent": ""}, **how)  # type: ignore[arg-type]  # data or files
    assert (first.status_code, first.text) == (200, "unsubscribed\n")
    assert "set-cookie" not in first.headers
    assert backend.subscriber(ADA).status is Status.UNSUBSCRIBED
    assert _last_cause(backend) is Cause.ONE_CLICK
    before = backend.contents()
    again = client.post(link, **how)  # type: ignore[arg-type]  # data or files
    assert (again.status_code, again.text) == (200, "unsubscribed\n")
    assert backend.contents() == before


def test_page_shows_masked_address_and_button(client: TestClient, backend: Backend) -> None:
    link = backend.link(Purpose.UNSUBSCRIBE, backend.join(ADA).key)
    page = client.get(link)
    assert heading(page.text) == "Unsubscribe from the digest?"
    assert "a•••@example.org" in page.text
    assert ADA not in page.text
    assert tree(page.text).find(".//form[@method='post']/button") is not None
    assert backend.subscriber(ADA).status is Status.ACTIVE
    assert heading(client.post(link).text) == "You’re unsubscribed"
    assert backend.subscriber(ADA).status is Status.UNSUBSCRIBED
    assert _last_cause(backend) is Cause.WEB


@pytest.mark.parametrize("body", [b"", b"\xff\x00", b"List-Unsubscribe=", b"--\r\nbroken"])
def test_unusual_clients_can_unsubscribe(client: TestClient, backend: Backend, body: bytes) -> None:
    link = backend.link(Purpose.UNSUBSCRIBE, backend.join(ADA).key)
    for kind in ("multipart/form-data", "text/plain", "application/x-www-form-urlencoded; charset=x"):
        assert client.post(link, content=body, headers={"Content-Type": kind}).status_code == 200
    assert backend.subscriber(ADA).status is Status.UNSUBSCRIBED


def test_link_works_after_erasure(client: TestClient, app: App, backend: Backend) -> None:
    link = backend.link(Purpose.UNSUBSCRIBE, backend.join(ADA).key)
    erase(app.db, app.keys, ADA, backend.clock())
    assert "example.org" not in client.get(link).text.replace("papers.example.org", "")
    assert client.post(link, data={"List-Unsubscribe": "One-Click"}).status_code == 200


def test_unknown_link_is_refused(client: TestClient, backend: Backend) -> None:
    for answer in (client.get, client.post):
        assert answer(backend.link(Purpose.UNSUBSCRIBE, 999)).status_code == 404


def test_address_is_masked() -> None:
    assert masked("ada@example.org") == "a•••@example.org"
    assert masked("a@example.org") == "a•••@example.org"
    assert masked(None) == ""


@pytest.mark.parametrize("instead", ["weekly", "fewer", "pause"])
def test_page_offers_reduced_frequency(client: TestClient, backend: Backend, instead: str) -> None:
    link = backend.link(Purpose.UNSUBSCRIBE, backend.join(ADA).key)
    offered = {form.get("action") for form in tree(client.get(link).text).iter("form")}
    assert f"{link}/{instead}" in offered
    assert client.get(f"{link}/{instead}").status_code == 405
    answer = client.post(f"{link}/{instead}")
    assert (answer.status_code, "set-cookie" in answer.headers) == (200, False)
    known = backend.subscriber(ADA)
    assert (known.timing.cadence, known.preferences.size, known.status) == {
        "weekly": ("weekly", 10, Status.ACTIVE),
        "fewer": ("daily", 5, Status.ACTIVE),
        "pause": ("daily", 10, Status.PAUSED),
    }[instead]


def test_unsubscribe_can_be_undone_within_hour(client: TestClient, backend: Backend) -> None:
    link = backend.link(Purpose.UNSUBSCRIBE, backend.join(ADA).key)
    goodbye = client.post(link).text
    assert {form.get("action") for form in tree(goodbye).iter("form")} == {f"{link}/back"}
    assert heading(client.post(f"{link}/back").text) == "Welcome back"
    assert (backend.subscriber(ADA).status, _last_cause(backend)) == (Status.ACTIVE, Cause.TAKEN_BACK)
    client.post(link)
    backend.clock.advance(hours=1, seconds=1)
    assert heading(client.post(f"{link}/back").text) == "Check your inbox"
    assert backend.subscriber(ADA).status is Status.UNSUBSCRIBED, "until they confirm"
    client.post(backend.confirmation(ADA))
    assert backend.subscriber(ADA).status is Status.ACTIVE


def test_undo_does_not_activate_unconfirmed_or_erased(client: TestClient, app: App, backend: Backend) -> None:
    link = backend.link(Purpose.UNSUBSCRIBE, backend.join(ADA).key)
    erase(app.db, app.keys, ADA, backend.clock())
    for act in ("back", "weekly", "fewer", "pause"):
        assert client.post(f"{link}/{act}").status_code == 200
    with app.db.read() as session:
        assert consent.history(session, 1)[-1].status is Status.ERASED


def test_link_works_after_secret_rotation(app: App, backend: Backend) -> None:
    link = backend.link(Purpose.UNSUBSCRIBE, backend.join(ADA).key)
    later = replace(
        app, keys=Keys(b"a newer secret for tests, 32 bytes", (RetiredSecret(app.keys.secret, backend.clock()),))
    )
    backend.clock.advance(days=4_000)
    with browsing(later) as client:
        assert client.post(link, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert backend.subscriber(ADA).status is Status.UNSUBSCRIBED
