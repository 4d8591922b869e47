"""Test the API.

Valid tokens only, within their scopes, and errors that name the remedy.
"""

from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from digestd.domain.delivery import MailKind
from digestd.domain.mail_budget import PER_CAUSER
from digestd.domain.subscriber import Status
from digestd.security.tokens import Scope
from digestd.store import integrations
from digestd.web.api.auth import REFUSED_PER_NETWORK
from tests.conftest import database_url
from tests.web.conftest import HOME, PAPER, Backend

__all__ = ["database_url"]

ADA = "ada@example.org"
SECRET = "s" * 43
ALL = frozenset({Scope.READ, Scope.WRITE})


def token(backend: Backend, *scopes: Scope) -> dict[str, str]:
    """Return the header of a new token."""
    with backend.app.db.write() as session:
        number = integrations.add_token(session, "test", SECRET, scopes or ALL, backend.clock())
    return {"Authorization": f"Bearer digestd_{number}_{SECRET}"}


@pytest.fixture
def api(client: TestClient, backend: Backend) -> TestClient:
    """Return a client whose token may read and write."""
    client.headers.update(token(backend))
    client.base_url = f"{HOME}/api/v1/"
    return client


def test_api_requires_token(client: TestClient, backend: Backend) -> None:
    backend.join(ADA)
    for path in ("subscribers", "subscribers/1", "papers"):
        answer = client.get(f"/api/v1/{path}")
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_invalid_tokens_are_limited(client: TestClient, backend: Backend) -> None:
    backend.join(ADA)
    token(backend)
    told = [
        client.get(f"/api/v1/subscribers/{number}", headers={"Authorization": f"Bearer {given}"})
        for number, given in ((1, "x"), (99, "x"), (1, f"digestd_1_{'t' * 43}"), (1, f"digestd_9_{SECRET}"))
    ]
    assert {(answer.status_code, answer.content) for answer in told} == {(401, told[0].content)}
    assert told[0].headers["www-authenticate"] == "Bearer"
    added = client.post("/api/v1/subscribers", json={"email": ADA})
    assert (added.status_code, added.json()["detail"]) == (401, "send a token as Authorization: Bearer …")
    answers = [client.get("/api/v1/papers").status_code for _ in range(REFUSED_PER_NETWORK)]
    assert answers[-1] == 429


def test_removed_token_is_refused(api: TestClient, backend: Backend) -> None:
    token(backend)
    assert api.get("papers").status_code == 200
    with backend.app.db.write() as session:
        assert integrations.revoke_token(session, 1, backend.clock())
        assert not integrations.revoke_token(session, 1, backend.clock())
    assert api.get("papers").status_code == 401


def test_token_is_limited_to_scopes(client: TestClient, backend: Backend) -> None:
    reader, writer = token(backend, Scope.READ), token(backend, Scope.WRITE)
    number = backend.join(ADA).key
    assert client.get("/api/v1/subscribers", headers=writer).status_code == 403
    refused = client.post(f"/api/v1/subscribers/{number}/unsubscribe", headers=reader)
    assert (refused.status_code, refused.json()["detail"]) == (403, "this token lacks the scope `write`")
    assert backend.subscriber(ADA).status is Status.ACTIVE


@pytest.fixture
def few_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow a token 20 requests a minute. To be named before the application."""
    monkeypatch.setattr("digestd.web.api.auth.PER_TOKEN", 20)


def test_token_is_rate_limited(few_requests: None, api: TestClient) -> None:
    answers = [api.get("papers?limit=1") for _ in range(21)]
    assert {answer.status_code for answer in answers[:-1]} == {200}
    assert (answers[-1].status_code, answers[-1].headers["retry-after"]) == (429, "60")


def test_added_subscriber_confirms_by_mail(api: TestClient, backend: Backend) -> None:
    said = {"email": ADA, "topics": ["alpine lakes"], "hour": 6}
    first = api.post("subscribers", json=said)
    assert (first.status_code, first.json()["status"]) == (201, "pending")
    deliveries = len(api.get("deliveries").json()["items"])
    assert deliveries == 1
    again = api.post("subscribers", json=said)
    assert (again.status_code, again.json()) == (200, first.json())
    assert len(api.get("deliveries").json()["items"]) == deliveries


def test_readding_unsubscribed_uses_page_limits(api: TestClient, backend: Backend) -> None:
    number = api.post("subscribers", json={"email": ADA}).json()["number"]
    api.post(f"subscribers/{number}/unsubscribe")
    refused = api.post("subscribers", json={"email": ADA})
    assert refused.status_code == 409, "one confirmation a day"
    backend.clock.advance(days=2)
    assert api.post("subscribers", json={"email": ADA}).json()["status"] == "unsubscribed", "until they confirm"
    assert backend.mails(MailKind.CONFIRM) == [number, number]
    api.post(backend.confirmation(ADA))


def test_consent_scope_adds_active_subscriber(client: TestClient, backend: Backend) -> None:
    headers = token(backend, Scope.READ, Scope.WRITE, Scope.VOUCH)
    said = {"email": ADA, "topics": ["alpine lakes"]}
    answers = [client.post("/api/v1/subscribers", json=said, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["interests"]["topics"] == ["alpine lakes"]
    assert backend.subscriber(ADA).status is Status.ACTIVE
    number = answers[0].json()["number"]
    for _ in range(2):
        ended = client.post(f"/api/v1/subscribers/{number}/unsubscribe", headers=headers)
        assert (ended.status_code, ended.json()["status"]) == (200, "unsubscribed")
    assert client.post("/api/v1/subscribers", json=said, headers=headers).status_code == 409


def test_patch_changes_sent_fields_only(api: TestClient, backend: Backend) -> None:
    number = backend.join(ADA, topics=["lakes"], authors=["Bea Lakeman"]).key
    changed = api.patch(f"subscribers/{number}", json={"hour": 9, "topics": ["ice"], "explore": True}).json()
    assert (changed["hour"], changed["interests"]["topics"], changed["interests"]["authors"]) == (
        9, ["ice"], ["Bea Lakeman"],
    )  # fmt: skip
    interests = api.patch(
        f"subscribers/{number}/interests", json={"venues": ["Nature"], "mute": {"phrases": ["frogs"]}}
    ).json()
    assert (interests["venues"], interests["mute"]["phrases"]) == (["Nature"], ["frogs"])
    assert api.get(f"subscribers/{number}/interests").json() == interests
    assert backend.subscriber(ADA).timing.hour == 9


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": ADA, "hour": 24}, "hour"),
        ({"email": ADA, "timezone": "Mars/Olympus"}, "timezone"),
        ({"email": ADA, "likes": ["no id"]}, "likes"),
        ({"email": ADA, "colour": "red"}, "colour"),
        ({"email": ADA, "topics": "lakes"}, "topics"),
        ({}, "email"),
    ],
)
def test_invalid_field_is_named_and_nothing_saved(api: TestClient, said: object, field: str) -> None:
    answer = api.post("subscribers", json=said)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    problem = answer.json()
    assert (problem["type"], problem["status"]) == ("about:blank", 422)
    assert problem["errors"][0]["field"] == field
    assert problem["errors"][0]["message"]
    assert api.get("subscribers").json()["items"] == []


def test_lists_are_paged(api: TestClient, backend: Backend) -> None:
    for n in range(5):
        backend.join(f"reader{n}@example.org")
    backend.import_papers(*({**PAPER, "id": f"invented:{n}", "title": f"Paper {n}", "url": None} for n in range(5)))
    for path in ("subscribers", "papers"):
        found, cursor = [], None
        while True:
            page = api.get(path, params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
            found += [item["number"] for item in page["items"]]
            if (cursor := page["next"]) is None:
                break
        assert len(found) == len(set(found)) == 5
    too_many = api.get("papers?limit=201")
    assert too_many.status_code == 422
    assert too_many.json()["errors"] == [{"field": "limit", "message": "must be at most 200"}]


def test_papers_digests_and_deliveries_are_readable(api: TestClient, backend: Backend) -> None:
    backend.import_papers({**PAPER, "id": "doi:10.5555/a/b"})
    ada = backend.join(ADA, hour=0)
    number = backend.plan()
    assert api.get("papers/doi:10.5555/a/b").json()["title"].startswith("Sorting keys")
    digest = api.get(f"digests/{number}").json()
    assert digest["picks"][0]["paper"] == api.get("papers").json()["items"][0]["number"]
    assert api.get("digests", params={"subscriber": ada.key}).json()["items"] == [digest]
    assert api.get("digests", params={"subscriber": 99}).json()["items"] == []
    delivery = api.get(f"deliveries/{number}").json()
    assert (delivery["subscriber"], delivery["state"]) == (ada.key, "ready")
    for path in ("papers/nobody:x", "papers/a%0Ab", "digests/99", "deliveries/99", "subscribers/99", "nowhere", ""):
        answer = api.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_lists_are_filtered(api: TestClient, backend: Backend) -> None:
    backend.import_papers(PAPER)
    ada, bob = backend.join(ADA, hour=0), backend.join("Bob@example.org", hour=23)
    digest = backend.plan()
    backend.clock.advance(days=1)
    backend.import_papers({**PAPER, "title": "Ice", "abstract": "It melts.", "id": "invented:2", "url": None})

    def numbers(path: str, **wanted: str | int) -> list[int]:
        return [item["number"] for item in api.get(path, params=wanted).json()["items"]]

    assert numbers("subscribers", email="BOB@example.org") == [bob.key]
    assert numbers("subscribers", email=ADA, status="paused") == []
    assert numbers("subscribers", email="nobody@example.org") == []
    assert api.get("subscribers", params={"email": "nobody"}).json()["errors"][0]["field"] == "email"
    (row,) = api.get("digests").json()["items"]
    assert numbers("digests", period=row["period"], subscriber=ada.key) == [digest]
    assert numbers("digests", period="2020-01-01") == []
    assert numbers("deliveries", kind="digest", state="ready") == [digest]
    assert numbers("deliveries", kind="confirm") == []
    assert len(numbers("papers")) == 2
    assert len(numbers("papers", since=backend.clock().isoformat())) == 1
    assert api.get("papers", params={"since": "2026-11-24T00:00:00"}).status_code == 422, "of which zone?"
    for odd in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        assert api.get("papers", params={"since": odd}).status_code == 200


def test_pause_and_resume_are_idempotent(api: TestClient, backend: Backend) -> None:
    number = backend.join(ADA).key
    until = (backend.clock() + timedelta(days=9)).isoformat()
    for said in (None, None, {"until": until}):
        paused = api.post(f"subscribers/{number}/pause", json=said)
        assert (paused.status_code, paused.json()["status"]) == (200, "paused")
    assert api.post(f"subscribers/{number}/pause", json={"until": "2020-01-01T00:00:00Z"}).status_code == 422
    for _ in range(2):
        assert api.post(f"subscribers/{number}/resume").json()["status"] == "active"
    api.post(f"subscribers/{number}/unsubscribe")
    for act in ("pause", "resume"):
        assert api.post(f"subscribers/{number}/{act}").status_code == 409, "only they can sign up again"


def test_erase_removes_all_data(client: TestClient, backend: Backend) -> None:
    eraser, writer = token(backend, Scope.READ, Scope.ERASE), token(backend, Scope.READ, Scope.WRITE, Scope.VOUCH)
    number = backend.join(ADA, name="Augusta Byron").key
    assert client.delete(f"/api/v1/subscribers/{number}", headers=writer).status_code == 403
    assert client.delete("/api/v1/subscribers/99", headers=eraser).status_code == 404
    for _ in range(2):
        gone = client.delete(f"/api/v1/subscribers/{number}", headers=eraser)
        assert (gone.status_code, gone.content) == (204, b"")
    left = client.get(f"/api/v1/subscribers/{number}", headers=writer).json()
    assert (left["status"], left["email"], left["name"]) == ("erased", None, "")
    assert not [word for word in (ADA, "Augusta") if word in repr(backend.contents())]
    assert client.get("/api/v1/subscribers", params={"email": ADA}, headers=writer).json()["items"] == []
    assert client.patch(f"/api/v1/subscribers/{number}", json={"hour": 3}, headers=writer).status_code == 404
    assert client.post("/api/v1/subscribers", json={"email": ADA}, headers=writer).status_code == 409


def test_signup_mails_and_changes_no_subscriber(client: TestClient, backend: Backend) -> None:
    headers = token(backend, Scope.SIGNUP, Scope.VOUCH)
    known = backend.join(ADA, topics=["lakes"])
    for address in (ADA, "bob@example.org", "bob@example.org"):
        said = {"email": address, "topics": ["ice"], "hour": 6, "language": "de"}
        answer = client.post("/api/v1/signups", json=said, headers=headers)
        assert (answer.status_code, answer.content) == (202, b"")
    assert backend.subscriber(ADA) == known
    bob = backend.subscriber("bob@example.org")
    assert bob.status is Status.PENDING, "vouching adds to write alone"
    assert backend.mails(MailKind.CONFIRM) == [bob.key]
    for wrong in ({"email": ADA, "name": "Ada"}, {"email": "nobody"}, {"email": ADA, "timezone": "Mars"}, {}):
        assert client.post("/api/v1/signups", json=wrong, headers=headers).status_code == 422


def test_signups_are_limited_per_token(client: TestClient, backend: Backend) -> None:
    [limit] = PER_CAUSER["token"]
    headers = token(backend, Scope.SIGNUP)
    backend.join(ADA)
    for _ in range(limit.most):
        assert client.post("/api/v1/signups", json={"email": ADA}, headers=headers).status_code == 202
    refused = client.post("/api/v1/signups", json={"email": "new@example.org"}, headers=headers)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "3600")
    assert backend.mails(MailKind.CONFIRM) == []


def test_interests_name_papers_that_do_not_count_yet(api: TestClient, backend: Backend) -> None:
    backend.import_papers({"id": "arxiv:2611.00001", "title": "Lakes freeze"})
    likes = ["2611.00001", "2611.90001", "feed:0123456789abcdef"]
    path = f"subscribers/{backend.join(ADA, likes=likes).key}/interests"
    unknown = [{"paper": "arxiv:2611.90001", "lookup": "open"}, {"paper": "feed:0123456789abcdef", "lookup": None}]
    assert api.get(path).json()["unknown_papers"] == unknown
    assert api.patch(path, json={"likes": likes[:2]}).json()["unknown_papers"] == unknown[:1]


def test_feedback_is_recorded_listed_and_undone(api: TestClient, backend: Backend) -> None:
    backend.import_papers({"id": "arxiv:2611.00001", "title": "Lakes freeze"})
    path = f"subscribers/{backend.join(ADA).key}/feedback"
    given = api.post(path, json={"paper": "2611.00001", "verdict": "less"})
    assert (given.status_code, given.json()["verdict"], given.json()["undone"]) == (201, "less", None)
    api.post(path, json={"paper": "2611.00001", "verdict": "saved"})
    first = api.get(path, params={"limit": 1}).json()
    assert [one["verdict"] for one in first["items"]] == ["saved"]
    assert [one["verdict"] for one in api.get(path, params={"cursor": first["next"]}).json()["items"]] == ["less"]
    undone = api.delete(f"{path}/arxiv:2611.00001").json()
    assert (undone["verdict"], undone["undone"] is None) == ("saved", False)
    for paper, status in (("2611.09999", 404), ("no paper", 422)):
        assert api.post(path, json={"paper": paper, "verdict": "more"}).status_code == status
    assert "digestd paper" not in api.post(path, json={"paper": "2611.09999", "verdict": "more"}).text
    [error] = api.post(path, json={"paper": "no paper", "verdict": "more"}).json()["errors"]
    assert error["field"] == "paper"
    assert api.post(path, json={"paper": "2611.00001", "verdict": "wow"}).status_code == 422


def test_refused_topic_is_muted_and_said(api: TestClient) -> None:
    path = f"subscribers/{api.post('subscribers', json={'email': ADA}).json()['number']}/interests"
    changed = api.patch(path, json={"topics": ["not self driving cars"]}).json()
    assert (changed["topics"], changed["mute"]["topics"]) == ([], ["self driving cars"])
    assert [(hint["topic"], hint["is_muted"]) for hint in changed["hints"]] == [("self driving cars", True)]


def test_answers_have_hints_about_sent_topics(api: TestClient, backend: Backend) -> None:
    backend.import_papers(*({"id": f"sample:{n}", "title": f"Lichen growth, part {n}"} for n in range(6)))
    added = api.post("subscribers", json={"email": ADA, "topics": ["lichne growth"]}).json()
    hint = {
        "topic": "lichne growth", "understood": "lichen growth", "is_corrected": True, "papers": 6,
        "is_unknown": False, "is_muted": False,
    }  # fmt: skip
    assert added["hints"] == [hint]
    path = f"subscribers/{added['number']}"
    assert api.patch(f"{path}/interests", json={"topics": ["lichne growth"]}).json()["hints"] == [hint]
    assert api.patch(path, json={"hour": 9}).json()["hints"] == []
