"""Test the sign-up form on the front page."""

from collections import Counter

import pytest
from starlette.testclient import TestClient

from digestd.app import App
from digestd.domain.delivery import SuppressionReason
from digestd.domain.interest import Interest, Kind
from digestd.domain.subscriber import Cadence, Cause, Status, Timing
from digestd.subscribers.status_changes import unsubscribe
from digestd.subscribers.suppression import suppress
from digestd.web.signup import ACCEPTED_PER_NETWORK, POSTS_PER_NETWORK
from tests.conftest import database_url
from tests.web.conftest import Backend, browsing
from tests.web.html import heading, tree, words

__all__ = ["database_url"]

ADA = "ada@example.org"


def test_address_alone_subscribes(client: TestClient, backend: Backend) -> None:
    answer = client.post("/subscribe", data={"email": ADA})
    assert answer.status_code == 200
    assert heading(answer.text) == "Check your inbox"
    ada = backend.subscriber(ADA)
    assert (ada.status, ada.timing, ada.interests) == (Status.PENDING, Timing(), ())
    assert [row[1:3] for row in backend.contents()["delivery"]] == [(ada.key, "confirm")]


def test_all_fields_are_saved(client: TestClient, backend: Backend) -> None:
    form = {
        "email": f" {ADA} ",
        "topics": "graph  neural networks\r\nGraph neural networks\r\n\r\n  protein folding ",
        "authors": "Ada Lovelace; Grace Hopper",
        "hour": "18",
        "timezone": "America/New York",
        "cadence": "weekly",
        "weekday": "fri",
        "categories": "cs.LG, q-bio.BM;cs.LG",
        "papers": "https://arxiv.org/abs/1706.03762v5\n arxiv:1706.03762 10.1101/2024.01.01.573000",
        "size": "20",
        "language": "de",
    }
    assert client.post("/subscribe", data=form).status_code == 200
    shown = words(tree(client.get(backend.confirmation(ADA)).text))
    assert "graph neural networks protein folding" in shown, "who confirms sees what was asked for"
    assert "18:00 (America/New_York)" in shown
    client.post(backend.confirmation(ADA))
    ada = backend.subscriber(ADA)
    assert (ada.preferences.size, ada.language) == (20, "de")
    assert ada.timing == Timing("America/New_York", 18, Cadence.WEEKLY, 4)
    assert ada.interests == (
        Interest(Kind.TOPIC, "graph neural networks"),
        Interest(Kind.TOPIC, "protein folding"),
        Interest(Kind.AUTHOR, "Ada Lovelace"),
        Interest(Kind.AUTHOR, "Grace Hopper"),
        Interest(Kind.CATEGORY, "cs.LG"),
        Interest(Kind.CATEGORY, "q-bio.BM"),
        Interest(Kind.PAPER, "arxiv:1706.03762"),
        Interest(Kind.PAPER, "doi:10.1101/2024.01.01.573000"),
    )


def test_answer_is_same_for_any_address(client: TestClient, app: App, backend: Backend) -> None:
    known, gone, shunned = "known@example.org", "gone@example.org", "shunned@example.org"
    backend.join(known)
    unsubscribe(app.db, backend.join(gone).key, Cause.WEB, backend.clock())
    suppress(app.db, app.keys, shunned, SuppressionReason.COMPLAINT, backend.clock())
    addresses = (known, gone, shunned, "new@example.org", "new@example.org")
    answers = [client.post("/subscribe", data={"email": address}) for address in addresses]
    robot = client.post("/subscribe", data={"email": "robot@example.org", "subject": "Cheap!"})
    assert {(answer.status_code, answer.content) for answer in [*answers, robot]} == {(200, answers[0].content)}
    assert len({tuple(sorted(answer.headers.items())) for answer in answers}) == 1
    assert len(backend.contents()["subscriber"]) == 3, "the robot and the shunned left no trace"


@pytest.mark.parametrize(
    ("field", "value", "remedy"),
    [
        ("email", "", "It should look like you@example.org."),
        ("email", "nobody", "It should look like you@example.org."),
        ("email", "ada@example.org\r\nBcc: eve@example.org", "It should look like you@example.org."),
        ("email", f"{'a' * 300}@example.org", "It should look like you@example.org."),
        ("timezone", "Mars/Olympus", "We don’t know this time zone."),
        ("timezone", "../../etc/passwd", "We don’t know this time zone."),
        ("hour", "24", "Please choose a full hour from the list."),
        ("hour", "٧", "Please choose a full hour from the list."),
        ("cadence", "hourly", "Please choose one of the options."),
        ("weekday", "someday", "Please choose a day from the list."),
        ("topics", "x" * 1001, "Please list at most 50 topics"),
        ("topics", "x\n" * 51, "Please list at most 50 topics"),
        ("topics", "ice\n\ue001", "Please list at most 50 topics"),
        ("authors", "y" * 301, "Please list at most 200 authors"),
        ("categories", "x," * 201, "Please list at most 200 categories"),
        ("papers", "1706.03762\nnonsense", "“nonsense” is not an arXiv id"),
        ("papers", "2401.00001 " * 50 + "2401.00001", "Please list at most 50 papers."),
        ("size", "0", "Please choose one of the options."),
        ("size", "1000000", "Please choose one of the options."),
        ("language", "x", "Please choose one of the options."),
    ],
)
def test_field_error_keeps_input(client: TestClient, backend: Backend, field: str, value: str, remedy: str) -> None:
    before = backend.contents()
    form = {"email": ADA, "topics": "my topic", "authors": "Ada Lovelace", "papers": "1706.03762", **{field: value}}
    answer = client.post("/subscribe", data=form)
    assert answer.status_code == 422
    page = tree(answer.text)
    problem = page.find(f".//*[@id='{field}-problem']")
    assert problem is not None
    assert remedy in words(problem)
    assert page.find(".//*[@role='alert']") is not None
    kept = {box.attrib["name"]: box.text or "" for box in page.iter("textarea")}
    assert (form | {field: value.lstrip("\n").replace("\ue001", "")}).items() >= {
        name: text for name, text in kept.items() if "\x00" not in value or name != field
    }.items()
    shut = [part for part in page.findall(".//details[@class='more']") if "open" not in part.attrib]
    assert not any(part.findall(f".//*[@id='{field}-problem']") for part in shut)
    assert backend.contents() == before


def test_invisible_characters_are_removed(client: TestClient) -> None:
    typed = {"email": "a\x00b\x1b[2J", "topics": "li\x00chens\r\nsea\u202e ice", "authors": "\x07"}
    shown = client.post("/subscribe", data=typed)
    assert shown.status_code == 422
    assert not {"\x00", "\x1b", "\x07", "\u202e"} & set(shown.text)
    assert ">\nli chens\nsea ice</textarea>" in shown.text, "what can be seen does, line by line"


def test_malformed_form_is_refused(client: TestClient) -> None:
    boundless = {"Content-Type": "multipart/form-data"}
    assert client.post("/subscribe", content=b"--x", headers=boundless).status_code == 400
    assert client.post("/subscribe", files={"email": ("a.txt", b"x")}).status_code == 422
    assert (
        client.post("/subscribe", content=b'{"email": "a"}', headers={"Content-Type": "application/json"}).status_code
        == 422
    )


def test_signups_are_rate_limited(app: App, backend: Backend) -> None:
    def ask(host: str) -> int:
        with browsing_from(host) as client:
            return client.post("/subscribe", data={"email": "nobody"}).status_code

    with browsing(app) as first:
        web = first.app

        def browsing_from(host: str) -> TestClient:
            return TestClient(web, base_url="https://papers.example.org", client=(host, 1))

        codes = [ask(f"2001:db8:1:{n:x}::1") for n in range(POSTS_PER_NETWORK + 1)]
        assert codes == [422] * POSTS_PER_NETWORK + [429]
        assert ask("2001:db8:2:2::1") == 422, "another network"
        assert ask("192.0.2.1") == 422
        backend.clock.advance(minutes=11)
        assert ask("2001:db8:1:2::1") == 422


def test_blank_forms_do_not_block_other_networks(app: App) -> None:
    with browsing(app) as first:
        crowd = TestClient(first.app, base_url="https://papers.example.org", client=("198.51.100.7", 1))
        codes = Counter(crowd.post("/subscribe", data={"email": ""}).status_code for _ in range(110))
        assert codes == {422: POSTS_PER_NETWORK, 429: 110 - POSTS_PER_NETWORK}
        assert heading(first.post("/subscribe", data={"email": ADA}).text) == "Check your inbox"


def test_limit_is_same_for_any_address(client: TestClient, backend: Backend) -> None:
    """A limit on mails would disclose whether the last address was known."""
    backend.join(ADA)
    for n in range(ACCEPTED_PER_NETWORK):
        answer = client.post("/subscribe", data={"email": ADA if n % 2 else f"new{n}@example.org"})
        assert heading(answer.text) == "Check your inbox"
    assert client.post("/subscribe", data={"email": "more@example.org"}).status_code == 429
    backend.clock.advance(hours=1, seconds=1)
    assert client.post("/subscribe", data={"email": "more@example.org"}).status_code == 200


def test_get_of_form_action_shows_form(client: TestClient) -> None:
    answer = client.get("/subscribe")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
