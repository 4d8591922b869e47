"""Test erasing and renewing links: requested in the settings, confirmed by mail."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from digestd.app import App
from digestd.delivery.composer import Composer
from digestd.domain.delivery import MailKind, SuppressionReason
from digestd.domain.subscriber import Cause, Status
from digestd.security.tokens import Purpose
from digestd.store import core, subscribers, suppressions
from digestd.store.ledger import queries
from digestd.subscribers.confirmed_actions import VALID
from digestd.subscribers.status_changes import unsubscribe
from digestd.subscribers.suppression import suppress
from tests.conftest import database_url
from tests.web.conftest import Backend
from tests.web.html import heading, tree

__all__ = ["database_url"]

ADA = "ada@example.org"
ACTS = {"erase": (MailKind.ERASE, Purpose.ERASE), "renew": (MailKind.RENEW, Purpose.RENEW)}


@pytest.fixture
def ada(backend: Backend) -> int:
    return backend.join(ADA, name="Ada Lovelace", topics=["protein folding"]).key


def status(app: App, key: int) -> Status:
    with app.db.read() as session:
        known = subscribers.by_key(session, key)
    assert known is not None
    return known.status


def mailed(backend: Backend, act: str) -> str:
    """Return the path that the newest mail of this kind links to."""
    with backend.app.db.read() as session:
        query = select(core.delivery.c.id).where(core.delivery.c.kind == ACTS[act][0]).order_by(-core.delivery.c.id)
        claim = queries.as_claim(session, session.connection().execute(query).scalars().all()[0])
    assert claim is not None
    composer = Composer(backend.app.db, backend.app.sender, backend.app.templates)
    composer.prepare([claim])
    text = composer.render(claim).text
    return next(line.strip() for line in text.splitlines() if f"/{act}/" in line).removeprefix(
        "https://papers.example.org"
    )


@pytest.mark.parametrize("act", ACTS)
def test_settings_link_alone_only_sends_mail(
    client: TestClient, app: App, backend: Backend, ada: int, act: str
) -> None:
    at = backend.settings(ADA)
    answer = client.post(f"{at}/{act}")
    assert (answer.status_code, heading(answer.text)) == (200, "Check your inbox")
    assert backend.mails(ACTS[act][0]) == [ada]
    assert status(app, ada) is Status.ACTIVE
    assert client.get(at).status_code == 200
    assert "/erase/" not in answer.text
    assert "/renew/" not in answer.text


def test_mailed_link_erases_after_one_button(client: TestClient, app: App, backend: Backend, ada: int) -> None:
    at = backend.settings(ADA)
    assert heading(client.get(f"{at}/erase").text) == "Erase all your data?"
    client.post(f"{at}/erase")
    link = mailed(backend, "erase")
    page = client.get(link)
    assert [form.get("action") for form in tree(page.text).iter("form")] == [link]
    assert status(app, ada) is Status.ACTIVE
    assert heading(client.post(link).text) == "Your data is erased"
    assert status(app, ada) is Status.ERASED
    assert client.get(at).status_code == 404
    assert client.post(link).status_code == 404


@pytest.mark.parametrize(("shelf", "code"), [("yes", 404), ("", 200)])
def test_mailed_link_renews_links_once(client: TestClient, backend: Backend, ada: int, shelf: str, code: int) -> None:
    old, saved = backend.settings(ADA), backend.link(Purpose.SAVED, ada)
    client.post(f"{old}/renew")
    backend.clock.advance(minutes=5)
    link = mailed(backend, "renew")
    assert heading(client.get(link).text) == "Get new links?"
    assert client.get(old).status_code == 200
    page = client.post(link, data={"shelf": shelf})
    assert client.get(old).status_code == 410
    here = tree(page.text).find(".//form[@class='fields']")
    assert here is not None
    assert client.get(here.get("action", "")).status_code == 200
    assert client.get(saved).status_code == code
    assert client.post(link).status_code == 410
    assert client.get(link).status_code == 410


@pytest.mark.parametrize("act", ACTS)
def test_mailed_link_counts_for_48_hours(client: TestClient, app: App, backend: Backend, ada: int, act: str) -> None:
    link = backend.link(ACTS[act][1], ada, 1)
    backend.clock.now += VALID
    assert client.get(link).status_code == 200
    backend.clock.advance(seconds=1)
    for method in ("GET", "POST"):
        answer = client.request(method, link)
        assert (answer.status_code, heading(answer.text)) == (410, "This link has expired")
    assert status(app, ada) is Status.ACTIVE


@pytest.mark.parametrize("act", ACTS)
def test_mailed_link_is_void_after_consent_change(
    client: TestClient, app: App, backend: Backend, ada: int, act: str
) -> None:
    link = backend.link(ACTS[act][1], ada, 1)
    unsubscribe(app.db, ada, Cause.WEB, backend.clock())
    assert client.post(link).status_code == 410
    assert status(app, ada) is Status.UNSUBSCRIBED


@pytest.mark.parametrize("act", ACTS)
def test_request_is_refused_without_mail_budget(
    client: TestClient, app: App, backend: Backend, ada: int, act: str
) -> None:
    at = backend.settings(ADA)
    suppress(app.db, app.keys, ADA, SuppressionReason.COMPLAINT, backend.clock())
    answer = client.post(f"{at}/{act}")
    assert (answer.status_code, heading(answer.text)) == (409, "We can’t email you")
    assert backend.mails(ACTS[act][0]) == []


@pytest.mark.parametrize("act", ACTS)
def test_requests_use_mail_budget(client: TestClient, backend: Backend, ada: int, act: str) -> None:
    at = backend.settings(ADA)
    answers = [client.post(f"{at}/{act}") for _ in range(12)]
    assert (answers[-1].status_code, heading(answers[-1].text)) == (200, "Please wait a little")
    assert 1 <= len(backend.mails(ACTS[act][0])) < 12


def test_address_change_voids_mailed_links(client: TestClient, app: App, backend: Backend, ada: int) -> None:
    links = [backend.link(purpose, ada, 1) for _, purpose in ACTS.values()]
    client.post(f"{backend.settings(ADA)}/move", data={"email": "new@example.com"})
    asked = int(backend.clock().timestamp())
    for side in (Purpose.ADDRESS_CHANGE_OLD, Purpose.ADDRESS_CHANGE_NEW):
        client.post(backend.link(side, ada, asked))
    with app.db.read() as session:
        known = subscribers.by_key(session, ada)
    assert known is not None
    assert known.address == "new@example.com"
    assert [client.post(link).status_code for link in links] == [410, 410]


def test_settings_link_alone_cannot_change_address(client: TestClient, app: App, backend: Backend, ada: int) -> None:
    """The holder gets the mail to the new address. They need that to the old address as well."""
    client.post(f"{backend.settings(ADA)}/move", data={"email": "thief@example.com"})
    there = backend.link(Purpose.ADDRESS_CHANGE_NEW, ada, int(backend.clock().timestamp()))
    assert heading(client.post(there).text) == "Almost done"
    assert heading(client.post(there).text) == "Almost done"
    assert backend.subscriber(ADA).key == ada


def test_erased_person_can_sign_up_again(client: TestClient, app: App, backend: Backend, ada: int) -> None:
    """The suppression stands until the owner of the mailbox confirms. Earlier links do not work."""
    at = backend.settings(ADA)
    client.post(backend.link(Purpose.ERASE, ada, 1))
    backend.clock.advance(days=40)
    client.post("/subscribe", data={"email": ADA, "topics": "glaciers"})
    fresh = backend.subscriber(ADA)
    assert (fresh.status, fresh.key != ada) == (Status.PENDING, True)
    with app.db.read() as session:
        key = subscribers.address_key_of(session, fresh.key)
        assert suppressions.reason_for(session, key) is SuppressionReason.ERASED
    assert backend.mails(MailKind.CONFIRM) == [fresh.key]
    assert client.post(backend.confirmation(ADA)).status_code == 200
    assert backend.subscriber(ADA).status is Status.ACTIVE
    with app.db.read() as session:
        assert suppressions.reason_for(session, key) is None
    backend.clock.now -= timedelta(days=39)
    assert client.get(at).status_code == 404
