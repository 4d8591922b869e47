"""Test every page, route of the API and tool in each state of a day. New routes are found by themselves."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from httpx2 import Response
from sqlmodel import Session
from starlette.routing import Mount
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from digestd.app import App
from digestd.assistant import TOOLS
from digestd.domain.interest import Verdict
from digestd.domain.paper import PaperId
from digestd.domain.subscriber import Subscriber
from digestd.errors import DatabaseUnreachable
from digestd.papers.embedding import embed_papers
from digestd.ranking.topic_hints import TopicHints
from digestd.security.tokens import Purpose, Scope, issue_second
from digestd.store import integrations
from digestd.store.database import Database, is_last_write_committed
from digestd.store.ledger import queries
from digestd.subscribers.address_change import request_address_change
from digestd.subscribers.feedback import add_feedback
from digestd.subscribers.group_edits import add as add_group
from digestd.subscribers.group_edits import join as join_group
from digestd.web import build
from digestd.web.api import PATH as API
from digestd.web.forms import PreferencesForm
from digestd.web.mcp import PATH as MCP
from digestd.web.mcp import AssistantRoute
from digestd.web.preview_day import ENCODED_MAX
from tests.encoders.tiny import tiny_encoder
from tests.libraries.library_servers import former_orcid
from tests.web.conftest import PATHS, Backend, browsing

MANY = 2 * ENCODED_MAX + 10
STATES = {"no paper": (0, 0), "none encoded": (MANY, 0), "half encoded": (MANY, MANY // 2), "all encoded": (MANY, MANY)}
"""How many papers came after the last planning, and how many of them are encoded."""
DAY, PAPER = "2026-11-24", "arxiv:2611.00001"
TOPIC = "glacier meltwater"
OF_PATH = {path: purpose for purpose, path in PATHS.items()}
SECRET = "s" * 43
FILES = {"/static/{name}": "style.css", "/s/{token}/{name}": "saved.bib", "/paper/{name:path}": PAPER}
FORM: Mapping[str, str] = {
    **{"email": "new@example.org", "topics": TOPIC, "hour": "7", "timezone": "UTC", "cadence": "daily", "size": "10"},
    **{"weekday": "mon", "language": "en", "kind": "topic", "value": TOPIC, "paper": PAPER, "tags": "ice"},
    **{"what": "category:cs.LG", "text": "@article{a, title={On glaciers}}", "form": "bibtex"},
}
"""Fields of all forms together."""
BODIES: Mapping[tuple[str, str], Mapping[str, object]] = {
    ("POST", "/subscribers"): {"email": "api@example.org", "topics": [TOPIC]},
    ("PATCH", "/subscribers/{number}"): {"topics": [TOPIC, "honeybee nectar"], "likes": [PAPER]},
    ("PATCH", "/subscribers/{number}/interests"): {"topics": [TOPIC, "honeybee nectar"]},
    ("POST", "/subscribers/{number}/feedback"): {"paper": PAPER, "verdict": "more"},
    ("POST", "/subscribers/{number}/pause"): {},
    ("PUT", "/subscribers/{number}/saved/{id}"): {"tags": ["ice"], "note": "to read"},
    ("POST", "/groups"): {"name": "Glaciology", "topics": [TOPIC]},
    ("PATCH", "/groups/{number}"): {"topics": [TOPIC]},
    ("PUT", "/groups/{number}/members/{subscriber}"): {},
    ("POST", "/signups"): {"email": "form@example.org", "topics": [TOPIC]},
}
ARGUMENTS: Mapping[str, Mapping[str, object]] = {
    "show_digest": {},
    "show_paper": {"paper": PAPER},
    "explain_pick": {"paper": PAPER},
    "search_papers": {"query": "glacier"},
    "similar_papers": {"paper": PAPER},
    "save_paper": {"paper": PAPER},
    "rate_paper": {"paper": PAPER, "rating": "like"},
    "list_topics": {},
    "change_topics": {"add": ["honeybee nectar"]},
}
REFUSED = {"POST /p/{token}/libraries/zotero": 422}
"""What cannot be carried out here: nobody answers for Zotero."""


@dataclass(frozen=True)
class Operation:
    """A method of a route, or a tool of MCP."""

    method: str
    path: str
    has_body: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def operations(web: FastAPI) -> Iterator[Operation]:
    """Yield every operation of the application."""
    for route in web.routes:
        if isinstance(route, APIRoute):
            yield from (Operation(method, route.path) for method in sorted((route.methods or set()) - {"HEAD"}))
        elif isinstance(route, Mount):
            assert isinstance(route.app, FastAPI), route.path
            for path, known in route.app.openapi()["paths"].items():
                for method, described in known.items():
                    yield Operation(method.upper(), f"{route.path}{path}", "requestBody" in described)
        else:
            assert isinstance(route, AssistantRoute), f"{route}: say how it is opened"
            yield from (Operation("TOOL", name) for name in TOOLS)


@dataclass(frozen=True)
class Site:
    """An installation with a reader for each operation, so that none spoils another's."""

    backend: Backend
    client: TestClient
    readers: Mapping[Operation, Subscriber]
    token: str
    has_papers: bool

    def open(self, operation: Operation) -> Response:
        """Send a request that the operation understands."""
        reader = self.readers[operation]
        if operation.method == "TOOL":
            called = {"name": operation.path, "arguments": ARGUMENTS[operation.path]}
            asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": called}
            with self.backend.app.db.write() as session:
                scopes = (Scope.READ, Scope.WRITE)
                number = integrations.add_token(session, "x", SECRET, scopes, self.backend.clock(), reader.key)
            accepted = {"Accept": "application/json, text/event-stream"}
            authorised = {"Authorization": f"Bearer digestd_{number}_{SECRET}"}
            return self.client.post(MCP, json=asked, headers=accepted | authorised)
        sent: dict[str, Any] = {"headers": {"Authorization": f"Bearer {self.token}"}}
        path = re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: self._value(operation, found[1]), operation.path)
        of_api = operation.path.removeprefix(API)
        if operation.has_body:
            sent["json"] = BODIES[operation.method, of_api]
        elif operation.method == "POST" and of_api == operation.path:
            own = PreferencesForm.of(reader) if operation.path.startswith("/p/") else {}
            about = dict.fromkeys(("group", "library"), str(self._number(operation)))
            return self.client.post(path, data={**own, **FORM, **about}, **sent)
        elif re.search("papers|saved|search", of_api):
            sent["params"] = {"q": "glacier"}
        return self.client.request(operation.method, path, **sent)

    def _number(self, operation: Operation) -> int:
        """Return the number of the group, or of the library, that an operation is about."""
        alike = [one for name in ("groups", "libraries") if name in operation.path for one in self.of(name)]
        return alike.index(operation) + 1 if alike else 1

    def of(self, name: str) -> list[Operation]:
        """Return the operations that have a name in their path."""
        return [one for one in self.readers if name in one.path]

    def expects(self, operation: Operation, answer: Response) -> bool:
        """Return True for an answer that says what was asked for, or that there is nothing of it without papers."""
        if answer.status_code < 400 and '"isError":true' not in answer.text:
            return True
        return answer.status_code < 500 and (not self.has_papers or REFUSED.get(str(operation)) == answer.status_code)

    def _value(self, operation: Operation, name: str) -> str:
        """Return the value of a part of a path."""
        reader = self.readers[operation]
        if name == "token":
            return self._link(OF_PATH[operation.path.split("/")[1]], reader)
        if name == "name":
            return FILES[operation.path]
        if name == "number":
            kind = operation.path.split("/")[3]
            digest = self._digest(reader)
            numbers = {"subscribers": reader.key, "groups": self._number(operation)}
            return str({**numbers, "digests": digest, "deliveries": digest}[kind])
        known = {"n": "1", "action": "more", "day": DAY, "period": DAY, "ending": "bib", "id": PAPER}
        return {**known, "subscriber": str(reader.key)}[name]

    def _link(self, purpose: Purpose, reader: Subscriber) -> str:
        numbers = {Purpose.VIEW: (self._digest(reader), 1), Purpose.FEEDBACK: (self._digest(reader), 1)}
        versions = {Purpose.SAVED: 0, Purpose.PREFERENCES: 0, Purpose.UNSUBSCRIBE: 0}
        if purpose is Purpose.ADDRESS_CHANGE_NEW:
            app, now = self.backend.app, self.backend.clock()
            request_address_change(app.db, app.notices, reader.key, f"new.{reader.address}", now)
            versions[purpose] = issue_second(now)
        number, version = numbers.get(purpose, (reader.key, versions.get(purpose, reader.version)))
        return self.backend.link(purpose, number, version).rpartition("/")[2]

    def _digest(self, reader: Subscriber) -> int:
        with self.backend.app.db.read() as session:
            return queries.digest_of(session, reader.key, DAY) or 1


@pytest.fixture(params=STATES)
def site(app: App, backend: Backend, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Site]:
    """Yield a site in one of the states."""
    model = str(tiny_encoder(tmp_path / "tiny"))
    app = replace(app, settings=app.settings.model_copy(update={"embedding_model": model, "archive_search": True}))
    backend = Backend(app, backend.clock)
    now, (came, encoded) = backend.clock(), STATES[request.param]
    readers = {one: _join(backend, one, number) for number, one in enumerate(operations(build(app)))}
    if came:
        backend.import_papers(_paper(1))
        backend.plan()
        backend.import_papers(*map(_paper, range(2, came + 2)))
        assert embed_papers(app.db, app.encoder, limit=encoded) == encoded
    with app.db.write() as session:
        number = integrations.add_token(session, "all", SECRET, tuple(Scope), now)
    with browsing(app) as client:
        made = Site(backend, client, readers, f"digestd_{number}_{SECRET}", came > 0)
        for one in made.of("groups"):
            add_group(app.db, one.path + one.method, {}, now)
            join_group(app.db, app.keys, one.path + one.method, readers[one].key, now)
        for one in made.of("libraries"):
            former_orcid(app.db, readers[one].key, now)
        for one in (*made.of("feedback/"), *made.of("saved/")) if came else ():
            add_feedback(app.db, app.keys, str(readers[one].address), PaperId(PAPER), Verdict.SAVED, now)
        yield made


def _join(backend: Backend, operation: Operation, number: int) -> Subscriber:
    status = "pending" if operation.path.startswith("/confirm/") else "active"
    return backend.join(f"reader{number}@example.org", hour=0, topics=[TOPIC], explore=False, status=status)


def _paper(number: int) -> Mapping[str, object]:
    subject = ("glacier meltwater", "honeybee nectar", "a qubit ledger")[number % 3]
    return {
        "id": f"arxiv:2611.{number:05}",
        "title": f"On {subject}, part {number}",
        "abstract": f"We study {subject}. We measure {subject} on many samples and find more of it.",
        "authors": [f"Author {number}"],
        "categories": ["cs.LG"],
        "signals": {"upvotes": number},
    }


def test_every_route_answers_in_each_state_of_a_day(site: Site) -> None:
    with capture_logs() as logs:
        answers = {one: site.open(one) for one in site.readers}
    assert {str(one): answer.status_code for one, answer in answers.items() if not site.expects(one, answer)} == {}
    assert [one for one in logs if one["log_level"] == "error"] == []


NOTHING_STORED = frozenset(
    {
        *("POST /preview", "POST /preview/picks", "POST /p/{token}/preview", "POST /p/{token}/preview/picks"),
        *("POST /p/{token}/libraries/zotero",),
    }
)
"""Forms that only show something, or cannot be carried out here."""


@pytest.mark.parametrize("site", ["all encoded"], indirect=True)
def test_what_follows_a_commit_fails_no_request(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the commit neither the answer nor a hint can be read, and yet the request was carried out."""
    read, write = Database.read, Database.write
    committed: list[bool] = []

    @contextmanager
    def reading(db: Database) -> Iterator[Session]:
        if is_last_write_committed():
            raise DatabaseUnreachable("the database is gone")
        with read(db) as session:
            yield session

    @contextmanager
    def writing(db: Database) -> Iterator[Session]:
        with write(db) as session:
            yield session
        committed.append(is_last_write_committed())

    def fail(*_: object) -> None:
        raise ValueError("widths disagree")

    monkeypatch.setattr(Database, "read", reading)
    monkeypatch.setattr(Database, "write", writing)
    monkeypatch.setattr(TopicHints, "of", fail)
    stored: dict[str, bool] = {}
    for one in site.readers:
        if one.method != "GET" and not (one.method == "TOOL" and TOOLS[one.path].scope is Scope.READ):
            committed.clear()
            answer = site.open(one)
            assert site.expects(one, answer), (str(one), answer.status_code, answer.text)
            stored[str(one)] = any(committed)
    assert {name for name, is_stored in stored.items() if not is_stored} == NOTHING_STORED
