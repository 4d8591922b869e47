"""Test changing the address: both addresses must agree, and nothing is disclosed."""

from starlette.testclient import TestClient

from digestd.domain.delivery import MailKind
from digestd.domain.subscriber import Cause, Status
from digestd.jobs.worker import clean_up
from digestd.security.tokens import Purpose, issue_second
from digestd.store import consent
from tests.web.conftest import Backend
from tests.web.html import heading, tree, words

ADA, NEW = "ada@example.org", "ada@example.com"


def test_change_needs_both_addresses_and_voids_links(client: TestClient, backend: Backend) -> None:
    key = backend.join(ADA, topics=["protein folding"]).key
    settings = backend.settings(ADA)
    assert client.post(f"{settings}/move", data={"email": "x"}).status_code == 422
    assert client.post(f"{settings}/move", data={"email": ADA}).status_code == 422
    assert client.post(f"{settings}/move", data={"email": NEW}).status_code == 200
    assert (backend.mails(MailKind.ADDRESS_CHANGE_OLD), backend.mails(MailKind.ADDRESS_CHANGE_NEW)) == ([key], [key])
    old, new = (
        backend.link(side, key, issue_second(backend.clock()))
        for side in (Purpose.ADDRESS_CHANGE_OLD, Purpose.ADDRESS_CHANGE_NEW)
    )
    page = client.get(new).text
    assert NEW not in page
    assert ADA not in page
    assert "New address: a•••@example.com this link was sent here" in words(tree(page))
    assert "Old address: a•••@example.org this link was sent here" in words(tree(client.get(old).text))
    backend.clock.advance(seconds=2)
    answer = client.post(new).text
    assert heading(answer) == "Almost done"
    assert "Now the old address has to confirm too" in answer
    assert heading(client.post(new).text) == "Almost done", "one side twice is not both"
    assert backend.subscriber(ADA).version == 1
    assert heading(client.post(old).text) == "Address changed"
    known = backend.subscriber(NEW)
    assert (known.key, known.address, known.version, len(known.interests)) == (key, NEW, 2, 1)
    with backend.app.db.read() as session:
        event = consent.history(session, key)[-1]
    assert (event.cause, event.status) == (Cause.MOVED, Status.ACTIVE)
    assert "both addresses have confirmed" in event.wording
    assert client.get(settings).status_code == 410
    assert client.get(old).status_code == 410


def test_change_can_be_stopped_and_expires(client: TestClient, backend: Backend) -> None:
    key = backend.join(ADA).key
    client.post(f"{backend.settings(ADA)}/move", data={"email": NEW})
    old, new = (
        backend.link(side, key, issue_second(backend.clock()))
        for side in (Purpose.ADDRESS_CHANGE_OLD, Purpose.ADDRESS_CHANGE_NEW)
    )
    assert heading(client.post(f"{old}/stop").text) == "Cancelled"
    assert client.post(new).status_code == 410
    backend.clock.advance(days=1, seconds=1)
    client.post(f"{backend.settings(ADA)}/move", data={"email": NEW})
    late = backend.link(Purpose.ADDRESS_CHANGE_NEW, key, issue_second(backend.clock()))
    backend.clock.advance(hours=48)
    clean_up(backend.app, backend.clock())
    assert len(backend.contents()["address_change"]) == 1
    backend.clock.advance(seconds=1)
    assert client.post(late).status_code == 410
    clean_up(backend.app, backend.clock())
    assert backend.contents()["address_change"] == [], "it may be a stranger's address"


def test_change_discloses_no_subscriber(client: TestClient, backend: Backend) -> None:
    backend.join(ADA)
    bob = backend.join("bob@example.org")
    answer = client.post(f"{backend.settings(ADA)}/move", data={"email": "bob@example.org"})
    assert "If we can write to the new address" in answer.text
    assert backend.mails(MailKind.ADDRESS_CHANGE_NEW) == []
    assert backend.subscriber("bob@example.org") == bob
