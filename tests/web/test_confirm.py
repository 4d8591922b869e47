"""Confirming a subscription by the link in the mail."""

from starlette.testclient import TestClient

from digestd.domain.subscriber import Cause, Status
from digestd.security.links import Purpose
from digestd.store import consent
from digestd.subscribers.status_changes import unsubscribe
from tests.web.conftest import House
from tests.web.html import heading, tree, words

ADA = "ada@example.org"


def test_the_link_shows_a_button_and_the_button_acts(client: TestClient, house: House) -> None:
    client.post("/subscribe", data={"email": ADA})
    link = house.confirmation(ADA)
    page = client.get(link)
    assert heading(page.text) == "One last step"
    assert tree(page.text).find(".//form[@method='post']/button") is not None
    assert house.subscriber(ADA).status is Status.PENDING
    assert heading(client.post(link).text) == "You’re subscribed"
    assert house.subscriber(ADA).status is Status.ACTIVE


def test_it_says_when_the_first_digest_comes(client: TestClient, house: House) -> None:
    for address, hour, said in (
        ("early@example.org", "7", "arrives in a minute or two"),
        ("later@example.org", "21", "on Tuesday, 24 November at 21:00 (Europe/Berlin)"),
    ):
        client.post("/subscribe", data={"email": address, "hour": hour, "timezone": "Europe/Berlin"})
        assert said in client.post(house.confirmation(address)).text


def test_pressing_twice_changes_nothing_more(client: TestClient, house: House) -> None:
    client.post("/subscribe", data={"email": ADA})
    link = house.confirmation(ADA)
    client.post(link)
    before = house.contents()
    assert heading(client.post(link).text) == "You’re subscribed"
    assert house.contents() == before


def test_a_link_too_old_leads_back_to_the_form(client: TestClient, house: House) -> None:
    client.post("/subscribe", data={"email": ADA})
    link = house.confirmation(ADA)
    house.clock.advance(hours=49)
    before = house.contents()
    answer = client.post(link)
    assert answer.status_code == 410
    assert heading(answer.text) == "This link has expired"
    assert tree(answer.text).find(".//a[@class='button'][@href='/resend']") is not None
    assert house.contents() == before


def test_used_link_shows_nothing_of_who_left(client: TestClient, house: House) -> None:
    """A confirmation link shows the request that it would apply, and nobody's interests once it counts no more."""
    client.post("/subscribe", data={"email": ADA, "topics": "alpine lakes"})
    link = house.confirmation(ADA)
    assert "alpine lakes" in client.get(link).text
    client.post(link)
    unsubscribe(house.app.db, house.subscriber(ADA).key, Cause.WEB, house.clock())
    assert "alpine lakes" not in client.get(link).text
    client.post("/subscribe", data={"email": "bea@example.org", "topics": "frozen rivers"})
    late = house.confirmation("bea@example.org")
    house.clock.advance(hours=49)
    assert "frozen rivers" not in client.get(late).text


def test_a_link_to_nobody_is_unknown(client: TestClient, house: House) -> None:
    assert client.post(house.link(Purpose.CONFIRM, 999, 1)).status_code == 404


def test_the_words_on_record_are_those_that_stood_beside_the_buttons(client: TestClient, house: House) -> None:
    shown = words(tree(client.get("/").text))
    client.post("/subscribe", data={"email": "carol@example.org"})
    link = house.confirmation("carol@example.org")
    shown_then = words(tree(client.get(link).text))
    client.post(link)
    with house.app.db.read() as session:
        asked, confirmed = consent.history(session, house.subscriber("carol@example.org").key)
    for event, page in ((asked, shown), (confirmed, shown_then)):
        assert event.wording
        assert all(line in page for line in event.wording.split("\n"))
        assert event.network is not None
        assert b"testclient" not in event.network
