"""Test form timestamps.

Forms that send mail act at once for people only, else after one more button.
"""

from datetime import datetime

import pytest
from starlette.testclient import TestClient

from digestd.app import App
from digestd.domain.interest import Interest, Kind
from digestd.domain.subscriber import Cadence, Status
from digestd.security.keys import Keys, RetiredSecret
from digestd.security.tokens import Purpose, make_token
from digestd.web.guards import MAX_AGE, MIN_AGE
from tests.web.conftest import FORMS, Backend, browsing, stamp_for
from tests.web.html import heading, tree, words

ADA = "ada@example.org"
OTHERS = Keys(b"o" * 32)
FORM_PAGES = {"/subscribe": "/", "/resend": "/resend", "/settings": "/settings"}
"""Form → the page that hands it out."""


def hidden(html: str) -> dict[str, str]:
    """Return the hidden fields of the form of a page that mails."""
    form = next(form for form in tree(html).iter("form") if form.get("action", "").partition("?")[0] in FORMS)
    return {box.attrib["name"]: box.attrib["value"] for box in form.iter("input") if box.get("type") == "hidden"}


def mails(backend: Backend) -> int:
    return len(backend.contents()["delivery"])


@pytest.fixture
def waiting(backend: Backend) -> Backend:
    """Subscribe Ada and leave Bob unconfirmed. This way, each form would mail one of them."""
    backend.join("settings@example.org")
    with browsing(backend.app) as client:
        client.post("/subscribe", data={"email": "resend@example.org"})
    backend.clock.advance(days=2)
    return backend


@pytest.mark.parametrize("form", sorted(FORMS))
def test_timestamp_of_every_page_is_accepted(client: TestClient, waiting: Backend, form: str) -> None:
    before = mails(waiting)
    stamp = hidden(client.get(FORM_PAGES[form]).text)
    waiting.clock.advance(seconds=MIN_AGE.total_seconds())
    answer = client.post(form, data={**stamp, "email": f"{form[1:]}@example.org"})
    assert heading(answer.text) == "Check your inbox"
    assert mails(waiting) == before + 1


def doubtful(backend: Backend, why: str, now: datetime) -> str:
    """Return a timestamp that is not accepted at once."""
    made = stamp_for(backend.app, HOST, now)
    return {
        "missing": "",
        "quick": made,
        "stale": stamp_for(backend.app, HOST, now - 2 * MAX_AGE),
        "of the future": stamp_for(backend.app, HOST, now + MAX_AGE),
        "forged": "A" * 40,
        "for another purpose": make_token(backend.app.keys, Purpose.VIEW, round(now.timestamp() * 1_000) - 9_000, now),
        "of another network": stamp_for(backend.app, "203.0.113.9", now - 2 * MIN_AGE),
    }[why]


WHY = ["missing", "quick", "stale", "of the future", "forged", "for another purpose", "of another network"]
HOST = "testclient"


@pytest.mark.parametrize(
    ("form", "why"),
    [
        *(("/subscribe", why) for why in WHY),
        *((form, "forged") for form in sorted(FORMS - {"/subscribe"})),
    ],
)
def test_doubtful_form_asks_before_sending(client: TestClient, waiting: Backend, form: str, why: str) -> None:
    before = waiting.contents()
    address = f"{form[1:]}@example.org"
    answer = client.post(form, data={"email": address, "stamp": doubtful(waiting, why, waiting.clock())})
    assert (answer.status_code, heading(answer.text)) == (422, "One more click, please")
    assert address in words(tree(answer.text))
    assert waiting.contents() == before
    waiting.clock.advance(seconds=MIN_AGE.total_seconds())
    assert heading(client.post(form, data=hidden(answer.text)).text) == "Check your inbox"
    assert mails(waiting) == len(before["delivery"]) + 1


def test_doubtful_form_keeps_input(client: TestClient, backend: Backend) -> None:
    form = {
        "email": ADA,
        "topics": "graph neural networks\r\nprotein folding",
        "authors": 'Ada O\'Hara "Ace" <x>',
        "papers": "1706.03762",
        "hour": "18",
        "timezone": "America/New_York",
        "cadence": "weekly",
        "weekday": "fri",
        "size": "20",
    }
    again = client.post("/subscribe?lang=de", data={**form, "stamp": ""})
    assert heading(again.text) == "Noch ein Klick, bitte"
    (page,) = [form for form in tree(again.text).iter("form") if form.get("method") == "post"]
    assert page.attrib["action"] == "/subscribe?lang=de"
    assert len(list(page.iter("button"))) == 1
    backend.clock.advance(seconds=5)
    client.post("/subscribe?lang=de", data=hidden(again.text))
    client.post(backend.confirmation(ADA))
    ada = backend.subscriber(ADA)
    assert (ada.status, ada.preferences.size, ada.language, ada.timing.cadence) == (
        Status.ACTIVE,
        20,
        "de",
        Cadence.WEEKLY,
    )
    assert ada.interests == (
        Interest(Kind.TOPIC, "graph neural networks"),
        Interest(Kind.TOPIC, "protein folding"),
        Interest(Kind.AUTHOR, 'Ada O\'Hara "Ace" <x>'),
        Interest(Kind.PAPER, "arxiv:1706.03762"),
    )


def test_quick_person_confirms_once(client: TestClient, backend: Backend) -> None:
    """The age counts from the first view of the form."""
    stamp = hidden(client.get("/").text)
    answers = []
    for _ in range(3):
        backend.clock.advance(seconds=0.9)
        answers.append(client.post("/subscribe", data={**stamp, "email": ADA}))
        stamp = hidden(answers[-1].text) if answers[-1].status_code == 422 else {}
    assert [answer.status_code for answer in answers] == [422, 422, 200]


def test_correction_and_preview_keep_age(client: TestClient, backend: Backend) -> None:
    stamp = hidden(client.get("/").text)
    backend.clock.advance(minutes=1)
    for path, email in (("/subscribe", "nobody"), ("/preview", "")):
        stamp = hidden(client.post(path, data={**stamp, "email": email}).text)
    assert heading(client.post("/subscribe", data={**stamp, "email": ADA}).text) == "Check your inbox"


def test_cached_page_has_fresh_timestamp(client: TestClient, backend: Backend) -> None:
    first = hidden(client.get("/").text)
    backend.clock.advance(seconds=30)
    second = hidden(client.get("/").text)
    assert first != second
    assert client.post("/subscribe", data={**second, "email": ADA}).status_code == 422, "it was handed out just now"


FOREIGN = [
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site", "Origin": "https://www.example.org"},
    {"Origin": "https://evil.example"},
    {"Origin": "https://papers.example.org.evil.example", "Sec-Fetch-Site": "none"},
]
OWN = [
    {},
    {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://papers.example.org"},
    {"Origin": "https://papers.example.org"},
    {"Origin": "null"},
]


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        *(("/subscribe", headers) for headers in FOREIGN),
        *((form, FOREIGN[0]) for form in sorted(FORMS - {"/subscribe"})),
    ],
)
def test_other_site_cannot_submit_form(
    client: TestClient, waiting: Backend, form: str, headers: dict[str, str]
) -> None:
    """Not even with a timestamp served to the visitor's own network."""
    before, address = waiting.contents(), f"{form[1:]}@example.org"
    answer = client.post(form, data={"email": address}, headers=headers)
    assert heading(answer.text) == "One more click, please"
    assert waiting.contents() == before
    assert heading(client.post(form, data=hidden(answer.text), headers=OWN[1]).text) == "Check your inbox"


@pytest.mark.parametrize("headers", OWN, ids=repr)
def test_own_forms_act_at_once(client: TestClient, headers: dict[str, str]) -> None:
    answer = client.post("/subscribe", data={"email": ADA}, headers=headers)
    assert heading(answer.text) == "Check your inbox"


def test_timestamp_of_other_network_is_doubtful(app: App, backend: Backend) -> None:
    with browsing(app, client=("203.0.113.9", 1)) as server, browsing(app, client=("198.51.100.7", 1)) as visitor:
        fetched = [
            hidden(server.get("/").text),
            hidden(server.post("/subscribe", data={"email": ADA, "stamp": ""}).text),
        ]
        backend.clock.advance(minutes=1)
        for stamp in fetched:
            answer = visitor.post("/subscribe", data={**stamp, "email": ADA})
            assert heading(answer.text) == "One more click, please"
    assert mails(backend) == 0


def test_cached_page_is_stamped_per_network(app: App, backend: Backend) -> None:
    with browsing(app) as first:
        other = TestClient(first.app, base_url="https://papers.example.org", client=("198.51.100.7", 1))
        for client in (first, other):
            stamp = hidden(client.get("/").text)
            backend.clock.advance(seconds=3)
            answer = client.post("/subscribe", data={**stamp, "email": f"{id(client)}@example.org"})
            assert heading(answer.text) == "Check your inbox"
        assert "private" in first.get("/").headers["cache-control"], "no cache hands it to another network"


def test_timestamp_survives_secret_rotation(app: App, backend: Backend) -> None:
    made = stamp_for(app, HOST, backend.clock())
    backend.clock.advance(minutes=5)
    later = Keys(b"n" * 32, (RetiredSecret(app.keys.secret, backend.clock()),))
    with browsing(type(app)(app.settings, app.db, later, app.clock, app.rng)) as client:
        assert client.post("/subscribe", data={"email": ADA, "stamp": made}).status_code == 200
