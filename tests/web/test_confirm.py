"""Test confirming a subscription by the link in the mail."""

from starlette.testclient import TestClient

from digestd.domain.subscriber import Cause, Status
from digestd.security.tokens import Purpose
from digestd.store import consent
from digestd.subscribers.status_changes import unsubscribe
from tests.web.conftest import Backend
from tests.web.html import heading, tree, words

ADA = "ada@example.org"


def test_link_shows_button_that_confirms(client: TestClient, backend: Backend) -> None:
    client.post("/subscribe", data={"email": ADA})
    link = backend.confirmation(ADA)
    page = client.get(link)
    assert heading(page.text) == "One last step"
    assert tree(page.text).find(".//form[@method='post']/button") is not None
    assert backend.subscriber(ADA).status is Status.PENDING
    assert heading(client.post(link).text) == "You’re subscribed"
    assert backend.subscriber(ADA).status is Status.ACTIVE


def test_page_lists_topics_one_per_line(client: TestClient, backend: Backend) -> None:
    topics = ["robots, sensors, control", *(f"lake {number}" for number in range(24))]
    client.post("/subscribe", data={"email": ADA, "topics": "\n".join(topics)})
    page = tree(client.get(backend.confirmation(ADA)).text)
    [listed] = page.findall(".//main//ul")
    assert [words(item) for item in listed] == [*topics[:20], "and 5 more"]


def test_confirmation_names_first_digest(client: TestClient, backend: Backend) -> None:
    for address, hour, said in (
        ("early@example.org", "7", "arrives in a minute or two"),
        ("later@example.org", "21", "on Tuesday, 24 November at 21:00 (Europe/Berlin)"),
    ):
        client.post("/subscribe", data={"email": address, "hour": hour, "timezone": "Europe/Berlin"})
        assert said in client.post(backend.confirmation(address)).text


def test_confirming_twice_changes_nothing(client: TestClient, backend: Backend) -> None:
    client.post("/subscribe", data={"email": ADA})
    link = backend.confirmation(ADA)
    client.post(link)
    before = backend.contents()
    assert heading(client.post(link).text) == "You’re subscribed"
    assert backend.contents() == before


def test_who_left_can_sign_up_again_on_same_day(client: TestClient, backend: Backend) -> None:
    for _ in range(4):
        assert "We send one such email a day." in client.post("/subscribe", data={"email": ADA}).text
        assert heading(client.post(backend.confirmation(ADA)).text) == "You’re subscribed"
        unsubscribe(backend.app.db, backend.subscriber(ADA).key, Cause.WEB, backend.clock())
        backend.clock.advance(minutes=1)
    client.post("/subscribe", data={"email": ADA})
    before = backend.contents()["delivery"]
    client.post("/subscribe", data={"email": ADA})
    assert backend.contents()["delivery"] == before, "one a day that nobody confirmed"


def test_expired_link_leads_to_form(client: TestClient, backend: Backend) -> None:
    client.post("/subscribe", data={"email": ADA})
    link = backend.confirmation(ADA)
    backend.clock.advance(hours=49)
    before = backend.contents()
    answer = client.post(link)
    assert answer.status_code == 410
    assert heading(answer.text) == "This link has expired"
    assert tree(answer.text).find(".//a[@class='button'][@href='/resend']") is not None
    assert backend.contents() == before


def test_used_link_discloses_nothing(client: TestClient, backend: Backend) -> None:
    """A confirmation link shows its request only while it is valid."""
    client.post("/subscribe", data={"email": ADA, "topics": "alpine lakes"})
    link = backend.confirmation(ADA)
    assert "alpine lakes" in client.get(link).text
    client.post(link)
    unsubscribe(backend.app.db, backend.subscriber(ADA).key, Cause.WEB, backend.clock())
    assert "alpine lakes" not in client.get(link).text
    client.post("/subscribe", data={"email": "bea@example.org", "topics": "frozen rivers"})
    late = backend.confirmation("bea@example.org")
    backend.clock.advance(hours=49)
    assert "frozen rivers" not in client.get(late).text


def test_unknown_link_is_refused(client: TestClient, backend: Backend) -> None:
    assert client.post(backend.link(Purpose.CONFIRM, 999, 1)).status_code == 404


def test_consent_record_has_words_of_page(client: TestClient, backend: Backend) -> None:
    shown = words(tree(client.get("/").text))
    client.post("/subscribe", data={"email": "carol@example.org"})
    link = backend.confirmation("carol@example.org")
    shown_then = words(tree(client.get(link).text))
    client.post(link)
    with backend.app.db.read() as session:
        asked, confirmed = consent.history(session, backend.subscriber("carol@example.org").key)
    for event, page in ((asked, shown), (confirmed, shown_then)):
        assert event.wording
        assert all(line in page for line in event.wording.split("\n"))
        assert event.network is not None
        assert b"testclient" not in event.network
