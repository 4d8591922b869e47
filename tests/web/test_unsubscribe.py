"""Leaving, by the page and by one click."""

from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from digestd.app import App
from digestd.domain.subscriber import Cause, Status
from digestd.security.links import Keys, Purpose, Retired
from digestd.store import consent
from digestd.subscribers.erasure import erase
from digestd.web.unsubscribe import masked
from tests.web.conftest import House, browsing
from tests.web.html import heading, tree

ADA = "ada@example.org"
URLENCODED = {"data": {"List-Unsubscribe": "One-Click"}}
MULTIPART = {"files": {"List-Unsubscribe": (None, "One-Click")}}


def _last_cause(house: House) -> Cause:
    with house.app.db.read() as session:
        return Cause(consent.history(session, house.subscriber(ADA).key)[-1].cause)


@pytest.mark.parametrize("how", [URLENCODED, MULTIPART], ids=["urlencoded", "multipart"])
def test_one_click_of_a_mail_reader_leaves(client: TestClient, house: House, how: dict[str, object]) -> None:
    link = house.link(Purpose.UNSUBSCRIBE, house.join(ADA).key)
    first = client.post(link, headers={"User-Agent": ""}, **how)  # type: ignore[arg-type]  # data or files
    assert (first.status_code, first.text) == (200, "unsubscribed\n")
    assert "set-cookie" not in first.headers
    assert house.subscriber(ADA).status is Status.UNSUBSCRIBED
    assert _last_cause(house) is Cause.ONE_CLICK
    before = house.contents()
    again = client.post(link, **how)  # type: ignore[arg-type]  # data or files
    assert (again.status_code, again.text) == (200, "unsubscribed\n")
    assert house.contents() == before


def test_the_page_shows_whose_it_is_and_its_button_leaves(client: TestClient, house: House) -> None:
    link = house.link(Purpose.UNSUBSCRIBE, house.join(ADA).key)
    page = client.get(link)
    assert heading(page.text) == "Unsubscribe from the digest?"
    assert "a•••@example.org" in page.text
    assert ADA not in page.text
    assert tree(page.text).find(".//form[@method='post']/button") is not None
    assert house.subscriber(ADA).status is Status.ACTIVE
    assert heading(client.post(link).text) == "You’re unsubscribed"
    assert house.subscriber(ADA).status is Status.UNSUBSCRIBED
    assert _last_cause(house) is Cause.WEB


@pytest.mark.parametrize("body", [b"", b"\xff\x00", b"List-Unsubscribe=", b"--\r\nbroken"])
def test_no_odd_client_can_fail_to_leave(client: TestClient, house: House, body: bytes) -> None:
    link = house.link(Purpose.UNSUBSCRIBE, house.join(ADA).key)
    for kind in ("multipart/form-data", "text/plain", "application/x-www-form-urlencoded; charset=x"):
        assert client.post(link, content=body, headers={"Content-Type": kind}).status_code == 200
    assert house.subscriber(ADA).status is Status.UNSUBSCRIBED


def test_the_link_works_after_erasure_and_names_nobody(client: TestClient, app: App, house: House) -> None:
    link = house.link(Purpose.UNSUBSCRIBE, house.join(ADA).key)
    erase(app.db, app.keys, ADA, house.clock())
    assert "example.org" not in client.get(link).text.replace("papers.example.org", "")
    assert client.post(link, data={"List-Unsubscribe": "One-Click"}).status_code == 200


def test_a_link_to_nobody_is_unknown(client: TestClient, house: House) -> None:
    for answer in (client.get, client.post):
        assert answer(house.link(Purpose.UNSUBSCRIBE, 999)).status_code == 404


def test_an_address_is_masked_to_its_first_letter() -> None:
    assert masked("ada@example.org") == "a•••@example.org"
    assert masked("a@example.org") == "a•••@example.org"
    assert masked(None) == ""


@pytest.mark.parametrize("instead", ["weekly", "fewer", "pause"])
def test_less_of_it_is_one_post_beside_the_button(client: TestClient, house: House, instead: str) -> None:
    link = house.link(Purpose.UNSUBSCRIBE, house.join(ADA).key)
    offered = {form.get("action") for form in tree(client.get(link).text).iter("form")}
    assert f"{link}/{instead}" in offered
    assert client.get(f"{link}/{instead}").status_code == 405
    answer = client.post(f"{link}/{instead}")
    assert (answer.status_code, "set-cookie" in answer.headers) == (200, False)
    known = house.subscriber(ADA)
    assert (known.timing.cadence, known.size, known.status) == {
        "weekly": ("weekly", 10, Status.ACTIVE),
        "fewer": ("daily", 5, Status.ACTIVE),
        "pause": ("daily", 10, Status.PAUSED),
    }[instead]


def test_the_goodbye_page_takes_it_back_for_an_hour_and_asks_by_mail_after_it(client: TestClient, house: House) -> None:
    link = house.link(Purpose.UNSUBSCRIBE, house.join(ADA).key)
    goodbye = client.post(link).text
    assert {form.get("action") for form in tree(goodbye).iter("form")} == {f"{link}/back"}
    assert heading(client.post(f"{link}/back").text) == "Welcome back"
    assert (house.subscriber(ADA).status, _last_cause(house)) == (Status.ACTIVE, Cause.TAKEN_BACK)
    client.post(link)
    house.clock.advance(hours=1, seconds=1)
    assert heading(client.post(f"{link}/back").text) == "Check your inbox"
    assert house.subscriber(ADA).status is Status.UNSUBSCRIBED, "until they confirm"
    client.post(house.confirmation(ADA))
    assert house.subscriber(ADA).status is Status.ACTIVE


def test_nothing_of_it_brings_back_who_never_confirmed_or_was_erased(
    client: TestClient, app: App, house: House
) -> None:
    link = house.link(Purpose.UNSUBSCRIBE, house.join(ADA).key)
    erase(app.db, app.keys, ADA, house.clock())
    for act in ("back", "weekly", "fewer", "pause"):
        assert client.post(f"{link}/{act}").status_code == 200
    with app.db.read() as session:
        assert consent.history(session, 1)[-1].status is Status.ERASED


def test_a_link_made_before_the_secret_was_rotated_leaves_for_ever(app: App, house: House) -> None:
    link = house.link(Purpose.UNSUBSCRIBE, house.join(ADA).key)
    later = replace(app, keys=Keys(b"a newer secret for tests, 32 bytes", (Retired(app.keys.secret, house.clock()),)))
    house.clock.advance(days=4_000)
    with browsing(later) as client:
        assert client.post(link, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert house.subscriber(ADA).status is Status.UNSUBSCRIBED
