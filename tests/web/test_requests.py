"""Erasing and renewing links: asked for in the settings, done by the link mailed to the subscriber's address."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from digestd.app import App
from digestd.delivery.composer import Composer
from digestd.domain.delivery import MailKind
from digestd.domain.subscriber import Cause, Status
from digestd.domain.suppression import SuppressionReason
from digestd.security.links import Purpose
from digestd.store import core, subscribers, suppressions
from digestd.store.ledger import queries
from digestd.subscribers.confirmed_actions import VALID
from digestd.subscribers.status_changes import unsubscribe
from digestd.subscribers.suppression import suppress
from tests.web.conftest import House
from tests.web.html import heading, tree

ADA = "ada@example.org"
ACTS = {"erase": (MailKind.ERASE, Purpose.ERASE), "renew": (MailKind.RENEW, Purpose.RENEW)}


@pytest.fixture
def ada(house: House) -> int:
    """Ada's row number."""
    return house.join(ADA, name="Ada Lovelace", topics=["protein folding"]).key


def status(app: App, key: int) -> Status:
    with app.db.read() as session:
        known = subscribers.by_key(session, key)
    assert known is not None
    return known.status


def mailed(house: House, act: str) -> str:
    """The path that the newest mail of this kind links to."""
    with house.app.db.read() as session:
        query = select(core.delivery.c.id).where(core.delivery.c.kind == ACTS[act][0]).order_by(-core.delivery.c.id)
        claim = queries.as_claim(session, session.connection().execute(query).scalars().all()[0])
    assert claim is not None
    composer = Composer(house.app.db, house.app.sender)
    composer.prepare([claim])
    text = composer.render(claim).text
    return next(line.strip() for line in text.splitlines() if f"/{act}/" in line).removeprefix(
        "https://papers.example.org"
    )


@pytest.mark.parametrize("act", ACTS)
def test_settings_link_alone_only_causes_a_mail(client: TestClient, app: App, house: House, ada: int, act: str) -> None:
    at = house.settings(ADA)
    answer = client.post(f"{at}/{act}")
    assert (answer.status_code, heading(answer.text)) == (200, "Check your inbox")
    assert house.mails(ACTS[act][0]) == [ada]
    assert status(app, ada) is Status.ACTIVE
    assert client.get(at).status_code == 200
    assert "/erase/" not in answer.text
    assert "/renew/" not in answer.text


def test_mailed_link_erases_after_one_button(client: TestClient, app: App, house: House, ada: int) -> None:
    at = house.settings(ADA)
    assert heading(client.get(f"{at}/erase").text) == "Erase all your data?"
    client.post(f"{at}/erase")
    link = mailed(house, "erase")
    page = client.get(link)
    assert [form.get("action") for form in tree(page.text).iter("form")] == [link]
    assert status(app, ada) is Status.ACTIVE
    assert heading(client.post(link).text) == "Your data is erased"
    assert status(app, ada) is Status.ERASED
    assert client.get(at).status_code == 404
    assert client.post(link).status_code == 404


@pytest.mark.parametrize(("shelf", "code"), [("yes", 404), ("", 200)])
def test_mailed_link_renews_links_once(client: TestClient, house: House, ada: int, shelf: str, code: int) -> None:
    old, saved = house.settings(ADA), house.link(Purpose.SAVED, ada)
    client.post(f"{old}/renew")
    house.clock.advance(minutes=5)
    link = mailed(house, "renew")
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
def test_mailed_link_counts_for_48_hours(client: TestClient, app: App, house: House, ada: int, act: str) -> None:
    link = house.link(ACTS[act][1], ada, 1)
    house.clock.now += VALID
    assert client.get(link).status_code == 200
    house.clock.advance(seconds=1)
    for method in ("GET", "POST"):
        answer = client.request(method, link)
        assert (answer.status_code, heading(answer.text)) == (410, "This link has expired")
    assert status(app, ada) is Status.ACTIVE


@pytest.mark.parametrize("act", ACTS)
def test_mailed_link_is_void_once_consent_changes(
    client: TestClient, app: App, house: House, ada: int, act: str
) -> None:
    link = house.link(ACTS[act][1], ada, 1)
    unsubscribe(app.db, ada, Cause.WEB, house.clock())
    assert client.post(link).status_code == 410
    assert status(app, ada) is Status.UNSUBSCRIBED


@pytest.mark.parametrize("act", ACTS)
def test_request_is_refused_if_no_mail_may_go(client: TestClient, app: App, house: House, ada: int, act: str) -> None:
    at = house.settings(ADA)
    suppress(app.db, app.keys, ADA, SuppressionReason.COMPLAINT, house.clock())
    answer = client.post(f"{at}/{act}")
    assert (answer.status_code, heading(answer.text)) == (409, "We can’t email you")
    assert house.mails(ACTS[act][0]) == []


@pytest.mark.parametrize("act", ACTS)
def test_requests_are_limited_in_mails(client: TestClient, house: House, ada: int, act: str) -> None:
    at = house.settings(ADA)
    answers = [client.post(f"{at}/{act}") for _ in range(12)]
    assert (answers[-1].status_code, heading(answers[-1].text)) == (200, "Please wait a little")
    assert 1 <= len(house.mails(ACTS[act][0])) < 12


def test_moved_address_voids_links_mailed_to_the_old_one(client: TestClient, app: App, house: House, ada: int) -> None:
    links = [house.link(purpose, ada, 1) for _, purpose in ACTS.values()]
    client.post(f"{house.settings(ADA)}/move", data={"email": "new@example.com"})
    asked = int(house.clock().timestamp())
    for side in (Purpose.MOVE_FROM, Purpose.MOVE_TO):
        client.post(house.link(side, ada, asked))
    with app.db.read() as session:
        known = subscribers.by_key(session, ada)
    assert known is not None
    assert known.address == "new@example.com"
    assert [client.post(link).status_code for link in links] == [410, 410]


def test_settings_link_alone_cannot_move_the_address(client: TestClient, app: App, house: House, ada: int) -> None:
    """Whoever holds it gets the mail to the new address, but needs the one to the old address as well."""
    client.post(f"{house.settings(ADA)}/move", data={"email": "thief@example.com"})
    there = house.link(Purpose.MOVE_TO, ada, int(house.clock().timestamp()))
    assert heading(client.post(there).text) == "Almost done"
    assert heading(client.post(there).text) == "Almost done"
    assert house.subscriber(ADA).key == ada


def test_erased_person_signs_up_again(client: TestClient, app: App, house: House, ada: int) -> None:
    """The suppression stands until the owner of the mailbox confirms; no link from before opens the new account."""
    at = house.settings(ADA)
    client.post(house.link(Purpose.ERASE, ada, 1))
    house.clock.advance(days=40)
    client.post("/subscribe", data={"email": ADA, "topics": "glaciers"})
    fresh = house.subscriber(ADA)
    assert (fresh.status, fresh.key != ada) == (Status.PENDING, True)
    with app.db.read() as session:
        key = subscribers.address_key_of(session, fresh.key)
        assert suppressions.reason_for(session, key) is SuppressionReason.ERASED
    assert house.mails(MailKind.CONFIRM) == [fresh.key]
    assert client.post(house.confirmation(ADA)).status_code == 200
    assert house.subscriber(ADA).status is Status.ACTIVE
    with app.db.read() as session:
        assert suppressions.reason_for(session, key) is None
    house.clock.now -= timedelta(days=39)
    assert client.get(at).status_code == 404
