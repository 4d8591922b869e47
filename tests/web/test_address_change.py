"""Test changing the address: both addresses must agree, and nothing is disclosed."""

from starlette.testclient import TestClient

from digestd.domain.delivery import MailKind
from digestd.domain.subscriber import Cause, Status
from digestd.jobs.worker import clean_up
from digestd.security.links import Purpose, issued
from digestd.store import consent
from tests.web.conftest import House
from tests.web.html import heading

ADA, NEW = "ada@example.org", "ada@example.com"


def test_change_needs_both_addresses_and_voids_links(client: TestClient, house: House) -> None:
    key = house.join(ADA, topics=["protein folding"]).key
    settings = house.settings(ADA)
    assert client.post(f"{settings}/move", data={"email": "x"}).status_code == 422
    assert client.post(f"{settings}/move", data={"email": ADA}).status_code == 422
    assert client.post(f"{settings}/move", data={"email": NEW}).status_code == 200
    assert (house.mails(MailKind.MOVE_FROM), house.mails(MailKind.MOVE_TO)) == ([key], [key])
    old, new = (house.link(side, key, issued(house.clock())) for side in (Purpose.MOVE_FROM, Purpose.MOVE_TO))
    page = client.get(new).text
    assert NEW not in page
    assert ADA not in page
    house.clock.advance(seconds=2)
    assert heading(client.post(new).text) == "Almost done"
    assert heading(client.post(new).text) == "Almost done", "one side twice is not both"
    assert house.subscriber(ADA).version == 1
    assert heading(client.post(old).text) == "Address changed"
    known = house.subscriber(NEW)
    assert (known.key, known.address, known.version, len(known.interests)) == (key, NEW, 2, 1)
    with house.app.db.read() as session:
        event = consent.history(session, key)[-1]
    assert (event.cause, event.status) == (Cause.MOVED, Status.ACTIVE)
    assert "both addresses have confirmed" in event.wording
    assert client.get(settings).status_code == 410
    assert client.get(old).status_code == 410


def test_change_can_be_stopped_and_expires(client: TestClient, house: House) -> None:
    key = house.join(ADA).key
    client.post(f"{house.settings(ADA)}/move", data={"email": NEW})
    old, new = (house.link(side, key, issued(house.clock())) for side in (Purpose.MOVE_FROM, Purpose.MOVE_TO))
    assert heading(client.post(f"{old}/stop").text) == "Cancelled"
    assert client.post(new).status_code == 410
    house.clock.advance(days=1, seconds=1)
    client.post(f"{house.settings(ADA)}/move", data={"email": NEW})
    late = house.link(Purpose.MOVE_TO, key, issued(house.clock()))
    house.clock.advance(hours=48)
    clean_up(house.app, house.clock())
    assert len(house.contents()["moving"]) == 1
    house.clock.advance(seconds=1)
    assert client.post(late).status_code == 410
    clean_up(house.app, house.clock())
    assert house.contents()["moving"] == [], "it may be a stranger's address"


def test_change_discloses_no_subscriber(client: TestClient, house: House) -> None:
    house.join(ADA)
    bob = house.join("bob@example.org")
    answer = client.post(f"{house.settings(ADA)}/move", data={"email": "bob@example.org"})
    assert "If we can write to the new address" in answer.text
    assert house.mails(MailKind.MOVE_TO) == []
    assert house.subscriber("bob@example.org") == bob
