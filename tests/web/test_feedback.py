"""Test feedback from the mail.

Links show, buttons act, and everything can be undone.
"""

import re

import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from digestd.app import App
from digestd.delivery.composer import Composer
from digestd.domain.interest import Kind, Stance, Verdict
from digestd.security.tokens import Purpose
from digestd.store import core, feedback
from digestd.store.interests import for_ranking
from digestd.store.ledger import queries
from digestd.subscribers.personal_data import erase
from digestd.web.feedback import PER_PICK
from tests.conftest import database_url
from tests.web.conftest import Backend
from tests.web.html import heading, tree, words

__all__ = ["database_url"]

ADA = "ada@example.org"
PAPER = {
    "id": "invented:lakes",
    "title": "Ice on alpine lakes",
    "abstract": "We study alpine lakes in winter.",
    "authors": ["Bea Lakeman"],
    "categories": ["geo.ice"],
}


@pytest.fixture
def link(backend: Backend) -> str:
    """Return the path of the first pick of Ada's digest."""
    backend.import_papers(PAPER)
    backend.join(ADA, hour=0, topics=["alpine lakes"])
    return backend.link(Purpose.FEEDBACK, backend.plan(), 1)


def verdicts(backend: Backend) -> list[tuple[Verdict, bool]]:
    with backend.app.db.read() as session:
        events = feedback.history(session, backend.subscriber(ADA).key)
    return [(event.verdict, event.undone is None) for event in events]


def muted(backend: Backend) -> list[tuple[Kind, str]]:
    with backend.app.db.read() as session:
        key = backend.subscriber(ADA).key
        return [(one.kind, one.value) for one in feedback.active_mutings(session, [key]).get(key, ())]


@pytest.mark.parametrize(
    ("action", "verdict", "asked", "done"),
    [
        ("more", Verdict.MORE, "More like this?", "You’ll see more like this"),
        ("less", Verdict.LESS, "Less like this?", "You’ll see less like this"),
        ("save", Verdict.SAVED, "Save this paper?", "Saved"),
    ],
)
def test_link_shows_button_and_undo_works(
    client: TestClient, backend: Backend, link: str, action: str, verdict: Verdict, asked: str, done: str
) -> None:
    page = f"{link}/{action}"
    before = backend.contents()
    assert heading(client.get(page).text) == asked
    assert backend.contents() == before
    for _ in range(2):
        assert heading(client.post(page).text) == done
    assert verdicts(backend) == [(verdict, True)]
    assert heading(client.get(page).text) == done, "the mail's link shows what stands"
    for _ in range(2):
        assert heading(client.post(page, data={"undo": "yes"}).text) == asked
    assert verdicts(backend) == [(verdict, False)]


def test_feedback_reaches_ranking_at_once(client: TestClient, backend: Backend, link: str) -> None:
    client.post(f"{link}/less")
    with backend.app.db.read() as session:
        key = backend.subscriber(ADA).key
        wants = for_ranking(session, [key])[key]
    assert ("invented:lakes", Stance.MUTED) in [(want.value, want.stance) for want in wants]


def test_saved_paper_stays_saved_after_other_verdict(client: TestClient, backend: Backend, link: str) -> None:
    for action in ("save", "more", "less"):
        client.post(f"{link}/{action}")
    assert heading(client.get(f"{link}/save").text) == "Saved"
    assert heading(client.get(f"{link}/more").text) == "More like this?"
    client.post(f"{link}/less", data={"undo": "yes"})
    assert heading(client.get(f"{link}/more").text) == "You’ll see more like this"
    client.post(f"{link}/save", data={"undo": "yes"})
    assert verdicts(backend) == [(Verdict.SAVED, False), (Verdict.MORE, True), (Verdict.LESS, False)]


def test_page_has_all_buttons(client: TestClient, backend: Backend, link: str) -> None:
    page = tree(client.get(link).text)
    targets = [form.attrib["action"] for form in page.iter("form")]
    assert targets == [f"{link}/more", f"{link}/less", f"{link}/save"]
    assert client.post(link).status_code == 405
    assert verdicts(backend) == []


@pytest.fixture
def muting(backend: Backend, link: str) -> str:
    return f"{backend.settings(ADA)}/mute/2026-11-24/1"


def test_mute_page_offers_properties_of_pick(client: TestClient, backend: Backend, muting: str) -> None:
    page = muting
    offers = [field.attrib["value"] for field in tree(client.get(page).text).findall(".//input[@type='radio']")]
    assert offers == ["topic:alpine lakes", "author:Bea Lakeman", "category:geo.ice", "words:"]
    for what in offers[:3]:
        for _ in range(2):
            assert heading(client.post(page, data={"what": what}).text) == "Muted"
    answer = client.post(page, data={"what": "words:", "words": " ice  on alpine "})
    assert [words(item.find("span")) for item in tree(answer.text).findall(".//li")] == [  # type: ignore[arg-type]  # each has one
        "the topic “alpine lakes”", "papers by Bea Lakeman", "the category geo.ice", "the words “ice on alpine”",
    ]  # fmt: skip
    assert muted(backend) == [
        (Kind.TOPIC, "alpine lakes"), (Kind.AUTHOR, "Bea Lakeman"), (Kind.CATEGORY, "geo.ice"),
        (Kind.PHRASE, "ice on alpine"),
    ]  # fmt: skip
    client.post(page, data={"undo": "yes", "what": "author:Bea Lakeman"})
    assert (Kind.AUTHOR, "Bea Lakeman") not in muted(backend)
    assert len(muted(backend)) == 3


@pytest.mark.parametrize(
    "sent",
    [
        {"what": "words:", "words": "tree frogs"},
        {"what": "words:", "words": ""},
        {"what": "author:Nobody Atall"},
        {"what": "paper:invented:lakes"},
        {"what": "category:" + "g" * 300},
        {},
    ],
)
def test_mute_refuses_other_values(client: TestClient, backend: Backend, muting: str, sent: dict[str, str]) -> None:
    answer = client.post(muting, data=sent)
    assert answer.status_code == 422
    assert "Please use words from this paper" in answer.text
    assert muted(backend) == []


def test_mail_links_to_the_pages_of_each_pick(client: TestClient, backend: Backend, app: App, link: str) -> None:
    with app.db.read() as session:
        claim = queries.as_claim(session, 1)
    assert claim is not None
    composer = Composer(app.db, app.sender, app.templates)
    composer.prepare([claim])
    made = composer.render(claim)
    links = re.findall(r'href="https://papers\.example\.org(/[fp]/[^"]+)"', made.html)
    assert [address.partition("/")[2].partition("/")[0] for address in links] == ["f", "f", "f", "p", "p"]
    assert len(re.findall(r"https://papers\.example\.org/f/[\w-]{40}/more$", made.text, re.MULTILINE)) == 1
    before = backend.contents()
    for address in links:
        for method in ("GET", "HEAD", "OPTIONS"):
            assert client.request(method, address, headers={"Purpose": "prefetch"}).status_code in {200, 405}
    assert backend.contents() == before
    assert (
        heading(client.get(next(address for address in links if "/mute/" in address)).text)
        == "What would you like to mute?"
    )


def test_pick_link_cannot_mute(client: TestClient, backend: Backend, link: str) -> None:
    for method in ("GET", "POST"):
        assert client.request(method, f"{link}/mute", data={"what": "topic:alpine lakes"}).status_code == 404
    assert muted(backend) == []


def test_mute_page_discloses_no_other_subscriber(client: TestClient, backend: Backend, muting: str) -> None:
    backend.join("eve@example.org", hour=9)
    foreign = backend.settings("eve@example.org")
    for page in (f"{foreign}/mute/2026-11-24/1", muting.replace("11-24", "11-23"), muting.replace("24/1", "24/9")):
        assert client.get(page).status_code == 404
        assert client.post(page, data={"what": "topic:alpine lakes"}).status_code == 404
    assert muted(backend) == []


def test_expired_digest_is_reported(client: TestClient, backend: Backend, link: str, muting: str) -> None:
    with backend.app.db.write() as session:
        session.connection().execute(update(core.delivery).values(picks=b""))
    for answer in (client.get(link), client.get(muting), client.post(f"{link}/more")):
        assert answer.status_code == 410
        assert heading(answer.text) == "This digest is no longer available"


def test_erased_subscriber_cannot_give_feedback(client: TestClient, backend: Backend, link: str) -> None:
    erase(backend.app.db, backend.app.keys, ADA, backend.clock())
    assert client.post(f"{link}/more").status_code == 410


def test_unknown_place_or_verdict_is_not_found(client: TestClient, backend: Backend, link: str) -> None:
    pick = backend.link(Purpose.FEEDBACK, 1, 2)
    for address in (pick, f"{pick}/more", f"{link}/adore", f"{link}/1", f"{link}/1/more"):
        assert client.get(address).status_code == 404
        assert client.post(address).status_code in {404, 405}


def test_feedback_is_rate_limited(client: TestClient, link: str) -> None:
    answers = [client.post(f"{link}/more").status_code for _ in range(PER_PICK + 1)]
    assert answers[-2:] == [200, 429]
