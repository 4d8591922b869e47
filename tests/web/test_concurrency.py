"""Test concurrent requests for the same thing: each is answered."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from threading import Barrier

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from digestd.domain.delivery import MailKind
from digestd.domain.interest import Kind
from digestd.domain.subscriber import Cause, Status
from digestd.security.tokens import Purpose, Scope
from digestd.store import subscribers
from tests.conftest import database_url
from tests.web.conftest import PAPER, Backend, browsing
from tests.web.test_api import token
from tests.web.test_preferences import filled

__all__ = ["database_url"]

ADA, BOB = "ada@example.org", "bob@example.org"
VISITORS = 6
API = "/api/v1/subscribers"
VOUCHES = frozenset(Scope)
ASKS = VOUCHES - {Scope.VOUCH}
pytestmark = pytest.mark.filterwarnings("ignore:The 'alias' attribute")
"""FastAPI silences it, but not in several threads at once."""
Asked = Callable[[TestClient], Response]


@pytest.fixture
def visitors(backend: Backend) -> Iterator[list[TestClient]]:
    """Return clients whose tokens have all scopes except consent."""
    headers = token(backend, *ASKS)
    with ExitStack() as clients:
        yield [clients.enter_context(browsing(backend.app, headers=headers)) for _ in range(VISITORS)]


def test_concurrent_requests_cause_no_error(backend: Backend, visitors: list[TestClient]) -> None:
    asked = wishes(backend, visitors[0])
    for wish in asked:
        answers = all_at_once(visitors, [wish] * VISITORS)
        assert set(answers) <= {200, 201, 204}
    mixed = [asked[(3 * n) % len(asked)] for n in range(4 * VISITORS)]
    for start in range(0, len(mixed), VISITORS):
        assert max(all_at_once(visitors, mixed[start : start + VISITORS])) < 500


@pytest.mark.parametrize("status", [Status.PENDING, Status.SUPPRESSED, Status.ERASED])
def test_stale_pages_are_answered(backend: Backend, visitors: list[TestClient], status: Status) -> None:
    asked, client = wishes(backend, visitors[0]), visitors[0]
    for wish in asked[:-1]:
        with backend.app.db.write() as session:
            subscribers.change_status(session, 1, status, Cause.CLI, backend.clock())
        assert wish(client).status_code < 500


@pytest.mark.parametrize(("scopes", "mails"), [(ASKS, 1), (VOUCHES, 0)], ids=["asked", "vouched for"])
def test_concurrent_adds_create_one_subscriber(
    backend: Backend, visitors: list[TestClient], scopes: frozenset[Scope], mails: int
) -> None:
    for visitor in visitors:
        visitor.headers.update(token(backend, *scopes))
    for n in range(5):
        address = f"new-{n}@example.org"
        said = [{"email": address, field: [f"{field} {n}"]} for field in ("topics", "phrases", "authors")]
        answers = all_at_once(visitors, [partial(TestClient.post, url=API, json=one) for one in said * 2])
        assert Counter(answers) == {201: 1, 200: VISITORS - 1}
        known = backend.subscriber(address)
        assert backend.mails(MailKind.CONFIRM).count(known.key) == mails
        if mails:
            assert known.interests == ()
            visitors[0].post(backend.confirmation(address))
            assert len(backend.subscriber(address).interests) == 1, "each mail applies its own request"
        else:
            assert {interest.kind for interest in known.interests} == {Kind.TOPIC, Kind.PHRASE, Kind.AUTHOR}


def wishes(backend: Backend, visitor: TestClient) -> list[Asked]:
    """Return every request that a subscriber or the API can make; the last one erases."""
    backend.import_papers(PAPER)
    ada = backend.join(ADA, hour=0, topics=["sorting"])
    number, delivery = ada.key, backend.plan()
    settings, leave = backend.settings(ADA), backend.link(Purpose.UNSUBSCRIBE, number)
    paper = backend.link(Purpose.FEEDBACK, delivery, 1)
    sheet = filled(visitor.get(settings).text)
    return [
        lambda c: c.post(API, json={"email": BOB}),
        lambda c: c.post(API, json={"email": "new@example.org", "topics": ["lakes"]}),
        lambda c: c.post("/subscribe", data={"email": "carl@example.org", "topics": "lakes"}),
        lambda c: c.post("/resend", data={"email": BOB}),
        lambda c: c.post("/settings", data={"email": ADA}),
        lambda c: c.patch(f"{API}/{number}", json={"size": 7}),
        lambda c: c.patch(f"{API}/{number}/interests", json={"topics": ["lakes", "ice"]}),
        lambda c: c.post(f"{API}/{number}/pause"),
        lambda c: c.post(f"{API}/{number}/resume"),
        lambda c: c.post(f"{paper}/more"),
        lambda c: c.post(f"{paper}/save"),
        lambda c: c.post(f"{settings}/mute/2026-11-24/1", data={"what": "topic:sorting"}),
        lambda c: c.post(f"{settings}/erase"),
        lambda c: c.post(f"{settings}/renew"),
        lambda c: c.post(f"{settings}/move", data={"email": "ada@example.com"}),
        lambda c: c.post(f"{settings}/pause", data={"until": "2027-01-01"}),
        lambda c: c.post(settings, data=sheet | {"size": "9"}),
        lambda c: c.post(f"{settings}/resume"),
        lambda c: c.post(f"{settings}/leave"),
        lambda c: c.post(f"{settings}/back"),
        *(lambda c, act=act: c.post(f"{leave}/{act}") for act in ("weekly", "fewer", "pause")),
        lambda c: c.post(leave, data={"List-Unsubscribe": "One-Click"}),
        lambda c: c.post(f"{leave}/back"),
        lambda c: c.delete(f"{API}/{number}"),
    ]


def all_at_once(visitors: list[TestClient], wishes: list[Asked]) -> list[int]:
    """Return the answers to a request that all visitors send at the same moment."""
    ready = Barrier(len(visitors))

    def ask(client: TestClient, wish: Asked) -> int:
        ready.wait(120)
        return wish(client).status_code

    with ThreadPoolExecutor(len(visitors)) as pool:
        return list(pool.map(ask, visitors, wishes))
