"""Test sending the confirmation mail again."""

import pytest
from starlette.testclient import TestClient

from digestd.app import App
from digestd.domain.delivery import SuppressionReason
from digestd.domain.interest import Interest, Kind
from digestd.domain.subscriber import Cause
from digestd.subscribers.status_changes import unsubscribe
from digestd.subscribers.suppression import suppress
from digestd.web.signup import POSTS_PER_NETWORK
from tests.web.conftest import Backend
from tests.web.html import heading, tree

ADA = "ada@example.org"


def _mails(backend: Backend) -> int:
    return len(backend.contents()["delivery"])


def test_resend_is_once_a_day_and_keeps_request(client: TestClient, backend: Backend) -> None:
    client.post("/subscribe", data={"email": ADA, "topics": "sea ice"})
    first = backend.confirmation(ADA)
    assert heading(client.post("/resend", data={"email": ADA}).text) == "Check your inbox"
    assert _mails(backend) == 1, "not within a day"
    backend.clock.advance(hours=25)
    client.post("/resend", data={"email": ADA})
    client.post("/resend", data={"email": ADA})
    assert _mails(backend) == 2
    assert backend.confirmation(ADA) != first
    assert heading(client.post(backend.confirmation(ADA)).text) == "You’re subscribed"
    assert heading(client.post(first).text) == "You’re subscribed", "the older link still leads there"
    assert backend.subscriber(ADA).interests == (Interest(Kind.TOPIC, "sea ice"),)


def test_resend_discloses_nothing(client: TestClient, app: App, backend: Backend) -> None:
    known, gone, shunned = "known@example.org", "gone@example.org", "shunned@example.org"
    backend.join(known)
    unsubscribe(app.db, backend.join(gone).key, Cause.WEB, backend.clock())
    client.post("/subscribe", data={"email": shunned})
    suppress(app.db, app.keys, shunned, SuppressionReason.COMPLAINT, backend.clock())
    backend.clock.advance(days=2)
    before = backend.contents()
    answers = [client.post("/resend", data={"email": address}) for address in (known, gone, shunned, "new@example.org")]
    robot = client.post("/resend", data={"email": ADA, "subject": "Cheap!"})
    assert {(answer.status_code, answer.content) for answer in [*answers, robot]} == {(200, answers[0].content)}
    assert len({tuple(sorted(answer.headers.items())) for answer in answers}) == 1
    assert {**backend.contents(), "caused_mail": before["caused_mail"]} == before


@pytest.mark.parametrize("typed", ["", "nobody", "a@b\r\nBcc: eve@example.org", "\x00"])
def test_invalid_address_is_field_error(client: TestClient, backend: Backend, typed: str) -> None:
    before = backend.contents()
    answer = client.post("/resend", data={"email": typed})
    assert answer.status_code == 422
    assert tree(answer.text).find(".//*[@id='email-problem']") is not None
    assert backend.contents() == before


def test_all_forms_share_mail_limit(client: TestClient) -> None:
    for n in range(POSTS_PER_NETWORK):
        client.post(("/subscribe", "/resend")[n % 2], data={"email": "nobody"})
    assert client.post("/subscribe", data={"email": "nobody"}).status_code == 429
    assert client.post("/resend", data={"email": "nobody"}).status_code == 429
