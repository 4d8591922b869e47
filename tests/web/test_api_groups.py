"""Test groups in the JSON API."""

import pytest
from starlette.testclient import TestClient

from digestd.security.tokens import Scope
from tests.web.conftest import Backend
from tests.web.test_api import token

LAB = {"name": "Folding lab", "topics": ["protein folding"], "mute": {"phrases": ["survey"]}}


@pytest.fixture
def api(client: TestClient, backend: Backend) -> TestClient:
    client.headers.update(token(backend, Scope.READ, Scope.WRITE))
    return client


def test_group_is_added_changed_and_removed(api: TestClient) -> None:
    added = api.post("/api/v1/groups", json=LAB)
    assert added.status_code == 201
    number = added.json()["number"]
    assert (added.json()["topics"], added.json()["mute"]["phrases"]) == (["protein folding"], ["survey"])
    at = f"/api/v1/groups/{number}"
    changed = api.patch(at, json={"name": "Fold lab", "topics": []}).json()
    assert (changed["name"], changed["topics"], changed["mute"]["phrases"]) == ("Fold lab", [], ["survey"])
    assert api.get("/api/v1/groups").json() == [{"number": number, "name": "Fold lab", "members": 0, "sharing": 0}]
    assert api.delete(at).status_code == 204
    assert api.get(at).status_code == 404


@pytest.mark.parametrize("group", [{"name": " "}, {"name": "x" * 101}, {"name": "Lab", "shares": True}, {}])
def test_invalid_group_is_refused(api: TestClient, group: dict[str, object]) -> None:
    assert api.post("/api/v1/groups", json=group).status_code == 422
    assert api.get("/api/v1/groups").json() == []


def test_name_is_taken_once(api: TestClient) -> None:
    assert [api.post("/api/v1/groups", json=LAB).status_code for _ in range(2)] == [201, 422]


def test_joining_shares_nothing(api: TestClient, backend: Backend) -> None:
    ada = backend.join("ada@example.org").key
    number = api.post("/api/v1/groups", json=LAB).json()["number"]
    at = f"/api/v1/groups/{number}/members/{ada}"
    for _ in range(2):
        [member] = api.put(at).json()["members"]
        assert member == {
            "subscriber": ada,
            "email": "ada@example.org",
            "status": "active",
            "list": False,
            "shares": False,
        }
    assert api.put(at, json={"shares": True}).status_code == 422, "only members decide that"
    assert api.put(at, json={"list": True}).status_code == 422, "a member cannot be a list address"
    assert api.put(f"/api/v1/groups/{number}/members/999").status_code == 404
    assert [api.delete(at).status_code for _ in range(2)] == [204, 204]
    assert api.get(f"/api/v1/groups/{number}").json()["members"] == []


@pytest.mark.parametrize("scope", [Scope.READ, Scope.WRITE])
def test_changing_a_group_needs_both_scopes(client: TestClient, backend: Backend, scope: Scope) -> None:
    client.headers.update(token(backend, scope))
    assert client.post("/api/v1/groups", json=LAB).status_code == 403
    assert client.get("/api/v1/groups").status_code == (200 if scope is Scope.READ else 403)
