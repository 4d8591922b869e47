"""Test every token against every route of the API.

Only `read` discloses anything about a person.

The routes are those of the application: one that is missing in the table fails the test.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from httpx2 import Response
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from digestd.app import App
from digestd.domain.subscriber import Status
from digestd.security.tokens import Scope
from digestd.store import integrations, subscribers
from digestd.subscribers import group_edits
from digestd.web import build
from digestd.web.api import PATH
from digestd.web.guards import FLOOR_SECONDS
from tests.security.test_enumeration import Counting, known
from tests.web.conftest import PAPER, Backend

__all__ = ["known"]

READ, WRITE, SIGNUP, ERASE = Scope.READ, Scope.WRITE, Scope.SIGNUP, Scope.ERASE
ANY = frozenset(Scope)
SEVERAL: frozenset[Scope] = frozenset()
"""No scope alone opens the route: it needs several."""
SECRET = "s" * 43
CANARIES = ("canary", "augusta", "chatham", "egret", "heron", "bittern", "stork", "ibis")
"""What stands in the data of the person, in small letters."""
CANARY = "canary@example.org"
PERSON: dict[str, object] = {
    "name": "Augusta Byron",
    "topics": ["egret"],
    "phrases": ["heron"],
    "authors": ["Bea Bittern"],
    "categories": ["cs.IBIS"],
    "mute": {"phrases": ["stork"]},
    "timezone": "Pacific/Chatham",
}


@dataclass(frozen=True)
class Entry:
    """The scopes of which each opens a route. Also a valid body, and the status without `read`."""

    scopes: frozenset[Scope]
    body: object = None
    quiet: int = 202


ROUTES: dict[tuple[str, str], Entry] = {
    ("GET", "/openapi.json"): Entry(ANY),
    ("GET", "/subscribers"): Entry(frozenset({READ})),
    ("GET", "/subscribers/{number}"): Entry(frozenset({READ})),
    ("GET", "/subscribers/{number}/interests"): Entry(frozenset({READ})),
    ("POST", "/subscribers"): Entry(frozenset({WRITE}), {"email": CANARY}),
    ("PATCH", "/subscribers/{number}"): Entry(frozenset({WRITE}), {}),
    ("PATCH", "/subscribers/{number}/interests"): Entry(frozenset({WRITE}), {}),
    ("GET", "/subscribers/{number}/feedback"): Entry(frozenset({READ})),
    ("POST", "/subscribers/{number}/feedback"): Entry(frozenset({WRITE}), {"paper": "invented:1", "verdict": "more"}),
    ("DELETE", "/subscribers/{number}/feedback/{id:path}"): Entry(frozenset({WRITE})),
    ("GET", "/subscribers/{number}/saved"): Entry(frozenset({READ})),
    ("GET", "/subscribers/{number}/saved.{ending}"): Entry(frozenset({READ})),
    ("PUT", "/subscribers/{number}/saved/{id:path}"): Entry(frozenset({WRITE}), {"tags": ["egret"]}),
    ("DELETE", "/subscribers/{number}/saved/{id:path}"): Entry(frozenset({WRITE}), quiet=204),
    ("POST", "/subscribers/{number}/pause"): Entry(frozenset({WRITE})),
    ("POST", "/subscribers/{number}/resume"): Entry(frozenset({WRITE})),
    ("POST", "/subscribers/{number}/unsubscribe"): Entry(frozenset({WRITE})),
    ("DELETE", "/subscribers/{number}"): Entry(frozenset({ERASE}), quiet=204),
    ("POST", "/signups"): Entry(frozenset({SIGNUP, WRITE}), {"email": CANARY}),
    ("GET", "/papers"): Entry(frozenset({READ})),
    ("GET", "/papers/{id:path}"): Entry(frozenset({READ})),
    ("GET", "/digests"): Entry(frozenset({READ})),
    ("GET", "/digests/{number}"): Entry(frozenset({READ})),
    ("GET", "/deliveries"): Entry(frozenset({READ})),
    ("GET", "/deliveries/{number}"): Entry(frozenset({READ})),
    ("GET", "/groups"): Entry(frozenset({READ})),
    ("GET", "/groups/{number}"): Entry(frozenset({READ})),
    ("POST", "/groups"): Entry(SEVERAL, {"name": "Laboratory"}),
    ("PATCH", "/groups/{number}"): Entry(SEVERAL, {}),
    ("DELETE", "/groups/{number}"): Entry(SEVERAL),
    ("PUT", "/groups/{number}/members/{subscriber}"): Entry(SEVERAL),
    ("DELETE", "/groups/{number}/members/{subscriber}"): Entry(SEVERAL),
}
WRITING = [key for key, route in ROUTES.items() if route.scopes and route.scopes <= {WRITE, ERASE, SIGNUP}]
QUIET = frozenset(Scope) - {READ}


def api_routes(app: App) -> Iterator[tuple[str, str]]:
    """Yield the method and path of every route of the API."""
    (api,) = [route.app for route in build(app).routes if isinstance(route, Mount) and route.path == PATH]
    assert isinstance(api, FastAPI)
    for found in api.routes:
        for route in getattr(found, "original_router", APIRouter()).routes or [found]:
            assert isinstance(route, Route)
            yield from ((method, route.path) for method in (route.methods or set()) - {"HEAD"})


def bearer(backend: Backend, *scopes: Scope) -> dict[str, str]:
    with backend.app.db.write() as session:
        number = integrations.add_token(session, "test", SECRET, scopes, backend.clock())
    return {"Authorization": f"Bearer digestd_{number}_{SECRET}"}


@dataclass(frozen=True)
class Scene:
    """A subscriber with a digest, on whom tokens are tried."""

    client: TestClient
    number: int
    delivery: int
    paper: str

    def ask(self, key: tuple[str, str], headers: dict[str, str], **more: Any) -> Response:
        """Send a valid request to a route."""
        method, path = key
        number = self.delivery if path.startswith(("/deliveries", "/digests")) else self.number
        number = more.pop("number", number)
        places = {"{number}": str(number), "{subscriber}": str(number), "{id:path}": self.paper, "{ending}": "bib"}
        for place, value in places.items():
            path = path.replace(place, value)
        body = more.pop("body", ROUTES[key].body)
        return self.client.request(method, PATH + path, headers=headers, json=body)


@pytest.fixture
def scene(client: TestClient, backend: Backend) -> Scene:
    """Return a scene with a subscriber, a group, a paper and a digest."""
    backend.import_papers(PAPER | {"id": "invented:1", "title": "Egret and heron", "abstract": "About the egret."})
    number = backend.join(CANARY, **PERSON, hour=0).key
    assert group_edits.add(backend.app.db, "Reading circle", {}, backend.clock())
    return Scene(client, number, backend.plan(), "invented:1")


def tells(answer: Response) -> list[str]:
    said = (answer.text + json.dumps(dict(answer.headers))).lower()
    return [word for word in CANARIES if word in said]


def test_table_covers_all_api_routes(app: App) -> None:
    assert sorted(api_routes(app)) == sorted(ROUTES)


@pytest.mark.parametrize("key", ROUTES, ids="".join)
def test_scopes_open_their_routes_without_disclosure(scene: Scene, backend: Backend, key: tuple[str, str]) -> None:
    entry = ROUTES[key]
    for scope in sorted(Scope, key=entry.scopes.__contains__):
        headers = bearer(backend, scope)
        before = backend.contents()
        answer = scene.ask(key, headers)
        if scope not in entry.scopes:
            assert (answer.status_code, answer.json()["title"]) == (403, "Forbidden")
            assert backend.contents() == before
        elif key[0] == "GET":
            assert answer.status_code == 200
        else:
            assert (answer.status_code, answer.content) == (entry.quiet, b"")
        assert scope is READ or not tells(answer)


def test_only_read_discloses_subscribers(scene: Scene, backend: Backend) -> None:
    headers = bearer(backend, *QUIET)
    for key in sorted(ROUTES, key=lambda key: key[0] == "DELETE"):  # what erases them comes last
        for more in ({"body": {"colour": "red"}}, {}):
            assert not tells(scene.ask(key, headers, **more)), key


def test_read_discloses_canaries(scene: Scene, backend: Backend) -> None:
    """The canaries are where a leak would show them."""
    headers = bearer(backend, *Scope)
    assert set(tells(scene.ask(("GET", "/subscribers/{number}"), headers))) == set(CANARIES)
    changed = scene.ask(("PATCH", "/subscribers/{number}"), headers)
    assert (changed.status_code, set(tells(changed))) == (200, set(CANARIES))


def test_invalid_token_opens_nothing(scene: Scene, backend: Backend) -> None:
    for key in ROUTES:
        closed = scene.ask(key, {"Authorization": f"Bearer digestd_1_{SECRET}"})
        assert (closed.status_code, tells(closed)) == (404, []), "nobody has a token: there is no API"
    bearer(backend, *Scope)
    removed = bearer(backend, *Scope)
    with backend.app.db.write() as session:
        assert integrations.revoke_token(session, 2, backend.clock())
    before = backend.contents()
    for key in ROUTES:
        _refuses(scene, backend, key, removed)
    assert backend.contents() == before


def _refuses(scene: Scene, backend: Backend, key: tuple[str, str], removed: dict[str, str]) -> None:
    """Check that a route answers every invalid token alike, whatever else is sent."""
    backend.clock.advance(minutes=2)  # strangers may ask 60 times a minute
    invalid = f"Bearer digestd_1_{'t' * 43}"
    for headers in ({}, removed, {"Authorization": invalid}, {"Authorization": f"Basic digestd_1_{SECRET}"}):
        refused = [scene.ask(key, headers), scene.ask(key, headers, number=99), scene.ask(key, headers, body="no")]
        assert {(answer.status_code, answer.content) for answer in refused} == {(401, refused[0].content)}, key
        assert not tells(refused[0])
    malformed = scene.client.request(key[0], PATH + key[1], content=b"{", headers={"Content-Type": "application/json"})
    assert malformed.status_code == 401, "nothing is read before the token"


@pytest.mark.parametrize("key", WRITING, ids="".join)
@pytest.mark.parametrize("is_valid", [True, False])
def test_answers_without_read_are_same_for_everybody(
    scene: Scene, backend: Backend, known: dict[str, str], key: tuple[str, str], is_valid: bool
) -> None:
    """Valid and invalid requests, by address and by number. For every status and for unknown subscribers."""
    headers = bearer(backend, *QUIET)
    numbers = numbers_of(backend, known)
    answers = set()
    for status, address in known.items():
        body = about(key, address) if is_valid else {"email": address, "timezone": "Mars/Olympus", "until": "2020"}
        answer = scene.ask(key, headers, number=numbers[status], body=body)
        answers.add((answer.status_code, answer.content, tuple(sorted(answer.headers.items()))))
        backend.clock.advance(hours=1)
    assert len(answers) == 1
    ((status_code, _, _),) = answers
    has_no_body = key[1].endswith(("/resume", "/unsubscribe")) or key[0] == "DELETE"
    assert status_code == (ROUTES[key].quiet if is_valid or has_no_body else 422)


@pytest.mark.parametrize("key", WRITING, ids="".join)
def test_answers_without_read_take_the_same_time(
    client: TestClient,
    app: App,
    backend: Backend,
    known: dict[str, str],
    key: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, numbers, headers = Counting(app), numbers_of(backend, known), bearer(backend, *QUIET)
    monkeypatch.setattr("digestd.web.guards.time", clock)
    monkeypatch.setattr("digestd.web.guards.sleep", clock.sleep)
    spans = set()
    for status, address in known.items():
        clock.statements, clock.slept = 0, 0.0
        answer = Scene(client, numbers[status], 1, "invented:1").ask(key, headers, body=about(key, address))
        assert answer.status_code == ROUTES[key].quiet
        spans.add(round(clock.slept + clock.statements / 1000, 6))
        backend.clock.advance(hours=1)
    assert len(spans) == 1
    assert spans.pop() >= FLOOR_SECONDS


def about(key: tuple[str, str], address: str) -> object:
    return ROUTES[key].body or {} if "{number}" in key[1] else {"email": address}


def numbers_of(backend: Backend, known: dict[str, str]) -> dict[str, int]:
    """Return the key of a subscriber of each status, and an unused one."""
    with backend.app.db.read() as session:
        (erased,) = subscribers.listing(session, 0, 9, Status.ERASED)
    joined = {status: backend.subscriber(known[status]).key for status in known if status not in {"unknown", "erased"}}
    return {**joined, "erased": erased.key, "unknown": 99}
