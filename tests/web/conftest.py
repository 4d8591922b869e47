"""Fixtures: an installation with pages and a real database.

Tests set its clock.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from httpx2 import Response
from sqlalchemy import func, select
from sqlmodel import SQLModel
from starlette.testclient import TestClient

from digestd import resources
from digestd.app import App
from digestd.digests.planner import plan
from digestd.domain.delivery import MailKind
from digestd.domain.paper import Paper
from digestd.domain.subscriber import Subscriber
from digestd.mail.templates import Templates
from digestd.papers.paper_import import import_papers
from digestd.security.addresses import address_key
from digestd.security.keys import Keys
from digestd.security.tokens import Purpose, issue_second, make_token
from digestd.settings import Settings
from digestd.store import core, papers, subscribers
from digestd.store.database import Database
from digestd.subscribers.address_change import request_address_change
from digestd.subscribers.admin_edits import add
from digestd.subscribers.subscriber_record import parse
from digestd.web import build
from digestd.web.guards import network, new_timestamp
from tests.libraries.library_servers import former_orcid

NOWHERE = "http://127.0.0.1:9"
"""Where nobody answers."""
HOME = "https://papers.example.org"
PAPER = {
    "title": r"Sorting keys in $\mathcal{O}(n \log n)$",
    "abstract": "We sort. " * 80,
    "authors": [f"Author {n}" for n in range(12)],
    "categories": ["cs.LG"],
    "url": "https://example.org/abs/1",
    "links": {"pdf": "https://example.org/pdf/1"},
    "signals": {"upvotes": 42},
}

FORMS = frozenset({"/subscribe", "/resend", "/settings"})
"""Where anybody may ask for a mail."""
PATHS = {
    Purpose.CONFIRM: "confirm",
    Purpose.UNSUBSCRIBE: "u",
    Purpose.VIEW: "d",
    Purpose.FEEDBACK: "f",
    Purpose.SAVED: "s",
    Purpose.PREFERENCES: "p",
    Purpose.ERASE: "erase",
    Purpose.RENEW: "renew",
    Purpose.ADDRESS_CHANGE_OLD: "move",
    Purpose.ADDRESS_CHANGE_NEW: "move",
}


@dataclass
class Clock:
    """A clock that the test sets."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Use SQLite. Modules whose statements depend on the engine import the fixture of tests.conftest."""
    return sqlite_url


@pytest.fixture
def clock(now: datetime) -> Clock:
    return Clock(now)


@pytest.fixture(scope="session")
def templates() -> Templates:
    return Templates.of(resources.templates())


async def at_once(_seconds: float) -> None:
    """Return without waiting."""


@pytest.fixture
def app(db: Database, keys: Keys, clock: Clock, templates: Templates, monkeypatch: pytest.MonkeyPatch) -> App:
    """Return the app; its forms answer without the constant-time delay."""
    monkeypatch.setattr("digestd.web.guards.sleep", at_once)
    settings = Settings(
        public_url=HOME,
        list_name="Papers Daily",
        postal_address="Storgata 1, Oslo",
        zotero_url=NOWHERE,
        embedding_model="none",
        paper_lookup=False,
    )
    return App(settings, db, keys, clock, Random(1))


def stamp_for(app: App, host: str, now: datetime) -> str:
    """Return the timestamp of a form that was served then to the network of a host."""
    return new_timestamp(app.keys, app.keys.original.mac("network", network(host).encode()), now)


class Visitor(TestClient):
    """A client that follows no redirect. It sends forms a minute after they were served."""

    def __init__(self, app: App, **options: object) -> None:
        options = {"base_url": HOME, "follow_redirects": False, **options}
        client = options.get("client", ("testclient", 50000))
        assert isinstance(client, tuple)
        self._host = str(client[0])
        super().__init__(build(app), **options)  # type: ignore[arg-type]  # passed on
        self._app = app

    def post(self, url: Any, **said: Any) -> Response:
        """Post a form with its hidden fields, or any other body."""
        if isinstance(form := said.get("data"), dict) and str(url).partition("?")[0] in FORMS:
            said["data"] = {"stamp": self.stamp(), **form}
        return super().post(url, **said)

    def stamp(self) -> str:
        """Return a timestamp that was served to this visitor's network a minute ago."""
        return stamp_for(self._app, self._host, self._app.clock() - timedelta(minutes=1))


@contextmanager
def browsing(app: App, **options: object) -> Iterator[TestClient]:
    with Visitor(app, **options) as client:
        yield client


@contextmanager
def local_client(app: App, last_tick: Callable[[], datetime | None] | None = None) -> Iterator[TestClient]:
    """Yield a client on the machine of the service, without a proxy."""
    web = build(app, last_tick)
    with TestClient(web, base_url="http://127.0.0.1:8080", client=("127.0.0.1", 50_000)) as client:
        yield client


@pytest.fixture
def client(app: App) -> Iterator[TestClient]:
    with browsing(app) as client:
        yield client


@dataclass(frozen=True)
class Backend:
    """Helpers to look up and arrange data behind the pages."""

    app: App
    clock: Clock = field(repr=False)

    def import_papers(self, *papers: Mapping[str, object]) -> None:
        report = import_papers(self.app.db, [json.dumps(paper).encode() for paper in papers], self.clock())
        assert not report.refused

    def join(self, address: str, **said: object) -> Subscriber:
        add(self.app.db, self.app.notices, parse({"email": address, **said}), self.clock())
        return self.subscriber(address)

    def only_paper(self) -> Paper:
        with self.app.db.read() as session:
            [paper] = papers.trending(session, self.clock() - timedelta(days=1), 2)
        return paper

    def subscriber(self, address: str) -> Subscriber:
        """Return the subscriber of an address."""
        with self.app.db.read() as session:
            known = subscribers.by_address_key(session, address_key(self.app.keys, address))
        assert known is not None
        return known

    def plan(self) -> int:
        plan(self.app.db, self.app.planner, self.clock())
        with self.app.db.read() as session:
            return int(session.connection().execute(select(core.delivery.c.id).order_by(-core.delivery.c.id)).scalar())  # type: ignore[arg-type]  # there is one

    def plan_only(self) -> None:
        """Plan what is due, which may be nothing."""
        plan(self.app.db, self.app.planner, self.clock())

    def mails(self, kind: MailKind) -> list[int]:
        query = select(core.delivery.c.subscriber_id).where(core.delivery.c.kind == kind).order_by(core.delivery.c.id)
        with self.app.db.read() as session:
            return list(session.connection().execute(query).scalars())

    def link(self, purpose: Purpose, number: int, version: int = 0) -> str:
        """Return the path of a token page."""
        return f"/{PATHS[purpose]}/{make_token(self.app.keys, purpose, number, self.clock(), version)}"

    def settings(self, address: str) -> str:
        return self.link(Purpose.PREFERENCES, self.subscriber(address).key)

    def confirmation(self, address: str) -> str:
        """Return the path in the newest confirmation mail to an address."""
        key = self.subscriber(address).key
        newest = select(func.max(core.pending_request.c.n)).where(core.pending_request.c.subscriber_id == key)
        with self.app.db.read() as session:
            return self.link(Purpose.CONFIRM, key, session.connection().execute(newest).scalar_one())

    def contents(self) -> dict[str, list[tuple[object, ...]]]:
        """Return all rows of the database."""
        with self.app.db.read() as session:
            connection = session.connection()
            return {
                name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
                for name, table in SQLModel.metadata.tables.items()
            }


@pytest.fixture
def backend(app: App, clock: Clock) -> Backend:
    return Backend(app, clock)


@pytest.fixture
def language() -> str:
    """Return the language of the subscribers whose pages are tested."""
    return "en"


@pytest.fixture
def pages(backend: Backend, language: str) -> list[str]:
    """Return one address of every page, with a digest and an unconfirmed subscriber."""
    backend.import_papers(PAPER)
    ada = backend.join("ada@example.org", hour=0, language=language)
    delivery = backend.plan()
    add(
        backend.app.db,
        backend.app.notices,
        parse({"email": "bob@example.org", "status": "pending", "language": language}),
        backend.clock(),
    )
    former_orcid(backend.app.db, ada.key, backend.clock())
    request_address_change(backend.app.db, backend.app.notices, ada.key, "ada@example.com", backend.clock())
    leave, settings = backend.link(Purpose.UNSUBSCRIBE, ada.key), backend.settings("ada@example.org")
    move = backend.link(Purpose.ADDRESS_CHANGE_NEW, ada.key, issue_second(backend.clock()))
    return [
        "/",
        "/subscribe",
        "/preview",
        "/preview/picks",
        "/resend",
        "/papers",
        "/papers/2026-11-24",
        "/papers/search",
        "/papers.atom",
        f"/paper/{backend.only_paper().id}",
        "/settings",
        *(f"{leave}/{act}" for act in ("weekly", "fewer", "pause", "back")),
        *(f"{settings}{act}" for act in ("", "/mute", "/drop", "/pause", "/resume", "/leave", "/back", "/move")),
        *(f"{settings}/{act}" for act in ("preview", "preview/picks", "renew", "data.json", "import", "libraries")),
        *(f"{settings}/libraries/{act}" for act in ("zotero", "read", "stop", "unlink")),
        *(f"{settings}/groups/{act}" for act in ("share", "leave")),
        *(f"{move}{act}" for act in ("", "/stop")),
        backend.confirmation("bob@example.org"),
        f"{backend.confirmation('bob@example.org')}/decline",
        backend.link(Purpose.UNSUBSCRIBE, ada.key),
        backend.link(Purpose.VIEW, delivery),
        f"{backend.link(Purpose.VIEW, delivery)}/digest.md",
        *(f"{backend.link(Purpose.FEEDBACK, delivery, 1)}{action}" for action in ("", "/more")),
        *(f"{backend.link(Purpose.SAVED, ada.key)}{path}" for path in ("", "/saved_list.bib", "/digests.atom")),
        *(f"{settings}/{path}" for path in ("saved", "saved?q=keys", "saved.bib", "mute/2026-11-24/1", "erase")),
        *(f"{settings}/saved/{act}" for act in ("add", "note", "remove")),
        backend.link(Purpose.RENEW, ada.key, ada.version),
        backend.link(Purpose.ERASE, ada.key, ada.version),
        "/healthz",
        "/readyz",
        "/metrics",
        "/admin",
        "/robots.txt",
        "/static/style.css",
        "/static/preview.js",
        "/static/icon.svg",
        "/nowhere",
        "/u/forged",
        "/openapi.json",
    ]
