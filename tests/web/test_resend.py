"""The confirmation once more."""

import pytest
from starlette.testclient import TestClient

from digestd.app import App
from digestd.domain.interest import Interest, Kind
from digestd.domain.subscriber import Cause
from digestd.domain.suppression import SuppressionReason
from digestd.subscribers.status_changes import unsubscribe
from digestd.subscribers.suppression import suppress
from digestd.web.email_forms import POSTS_PER_NETWORK
from tests.web.conftest import House
from tests.web.html import heading, tree

ADA = "ada@example.org"


def _mails(house: House) -> int:
    return len(house.contents()["delivery"])


def test_who_waits_gets_one_more_mail_a_day_and_keeps_what_was_asked_for(client: TestClient, house: House) -> None:
    client.post("/subscribe", data={"email": ADA, "topics": "sea ice"})
    first = house.confirmation(ADA)
    assert heading(client.post("/resend", data={"email": ADA}).text) == "Check your inbox"
    assert _mails(house) == 1, "not within a day"
    house.clock.advance(hours=25)
    client.post("/resend", data={"email": ADA})
    client.post("/resend", data={"email": ADA})
    assert _mails(house) == 2
    assert house.confirmation(ADA) != first
    assert heading(client.post(house.confirmation(ADA)).text) == "You’re subscribed"
    assert heading(client.post(first).text) == "You’re subscribed", "the older link still leads there"
    assert house.subscriber(ADA).interests == (Interest(Kind.TOPIC, "sea ice"),)


def test_nobody_else_gets_a_mail_and_the_answer_tells_nothing(client: TestClient, app: App, house: House) -> None:
    known, gone, shunned = "known@example.org", "gone@example.org", "shunned@example.org"
    house.join(known)
    unsubscribe(app.db, house.join(gone).key, Cause.WEB, house.clock())
    client.post("/subscribe", data={"email": shunned})
    suppress(app.db, app.keys, shunned, SuppressionReason.COMPLAINT, house.clock())
    house.clock.advance(days=2)
    before = house.contents()
    answers = [client.post("/resend", data={"email": address}) for address in (known, gone, shunned, "new@example.org")]
    robot = client.post("/resend", data={"email": ADA, "subject": "Cheap!"})
    assert {(answer.status_code, answer.content) for answer in [*answers, robot]} == {(200, answers[0].content)}
    assert len({tuple(sorted(answer.headers.items())) for answer in answers}) == 1
    assert house.contents() == before


@pytest.mark.parametrize("typed", ["", "nobody", "a@b\r\nBcc: eve@example.org", "\x00"])
def test_what_is_no_address_is_said_at_its_field(client: TestClient, house: House, typed: str) -> None:
    before = house.contents()
    answer = client.post("/resend", data={"email": typed})
    assert answer.status_code == 422
    assert tree(answer.text).find(".//*[@id='email-problem']") is not None
    assert house.contents() == before


def test_all_ways_to_a_mail_share_one_limit(client: TestClient) -> None:
    for n in range(POSTS_PER_NETWORK):
        client.post(("/subscribe", "/resend")[n % 2], data={"email": "nobody"})
    assert client.post("/subscribe", data={"email": "nobody"}).status_code == 429
    assert client.post("/resend", data={"email": "nobody"}).status_code == 429
