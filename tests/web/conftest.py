"""A digestd with its pages, on a real database, with a clock that tests can set."""

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
from digestd.domain.subscriber import Subscriber
from digestd.mail.templates import Templates
from digestd.papers.paper_import import import_papers
from digestd.security.links import Keys, Purpose, address_key, issued, token
from digestd.settings import Settings
from digestd.store import core, subscribers, template_sets
from digestd.store.database import Database
from digestd.subscribers.keeping import add
from digestd.subscribers.library_sync import link_orcid
from digestd.subscribers.moving import ask_move
from digestd.subscribers.record import parse
from digestd.web import build
from digestd.web.form_timestamp import new_timestamp
from digestd.web.limiter import network

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
    Purpose.MOVE_FROM: "move",
    Purpose.MOVE_TO: "move",
}


@dataclass
class Clock:
    """Tells a time that the test sets."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        """Go on by so much."""
        self.now += timedelta(**span)


@pytest.fixture
def clock(now: datetime) -> Clock:
    return Clock(now)


@pytest.fixture(scope="session")
def templates() -> Templates:
    return Templates.of(resources.templates())


async def at_once(_seconds: float) -> None:
    """Do not wait."""


@pytest.fixture
def app(db: Database, keys: Keys, clock: Clock, templates: Templates, monkeypatch: pytest.MonkeyPatch) -> App:
    """The app, whose forms answer without the wait that hides what is known of an address."""
    monkeypatch.setattr("digestd.web.constant_time_response.sleep", at_once)
    template_sets.add(db, templates.hash, templates.files)
    settings = Settings(
        public_url=HOME, list_name="Papers Daily", postal_address="Storgata 1, Oslo", zotero_url=NOWHERE
    )
    return App(settings, db, keys, clock, Random(1))


def stamp_for(app: App, host: str, now: datetime) -> str:
    """The stamp of a form that was handed out then to the network of a host."""
    return new_timestamp(app.keys, app.keys.first.mac("network", network(host).encode()), now)


class Visitor(TestClient):
    """A client that follows no redirect, and sends forms as a person does: a minute after they were handed out."""

    def __init__(self, app: App, **options: object) -> None:
        options = {"base_url": HOME, "follow_redirects": False, **options}
        client = options.get("client", ("testclient", 50000))
        assert isinstance(client, tuple)
        self._host = str(client[0])
        super().__init__(build(app), **options)  # type: ignore[arg-type]  # passed on
        self._app = app

    def post(self, url: Any, **said: Any) -> Response:
        """A form, with what stands hidden in it, or any other post."""
        if isinstance(form := said.get("data"), dict) and str(url).partition("?")[0] in FORMS:
            said["data"] = {"stamp": self.stamp(), **form}
        return super().post(url, **said)

    def stamp(self) -> str:
        """A stamp that was handed out to this visitor's network a minute ago."""
        return stamp_for(self._app, self._host, self._app.clock() - timedelta(minutes=1))


@contextmanager
def browsing(app: App, **options: object) -> Iterator[TestClient]:
    """A visitor's client."""
    with Visitor(app, **options) as client:
        yield client


@contextmanager
def local_client(app: App, last_tick: Callable[[], datetime | None] | None = None) -> Iterator[TestClient]:
    """Yield a client on the machine of the service, whose requests no proxy passes on."""
    web = build(app, last_tick)
    with TestClient(web, base_url="http://127.0.0.1:8080", client=("127.0.0.1", 50_000)) as client:
        yield client


@pytest.fixture
def client(app: App) -> Iterator[TestClient]:
    with browsing(app) as client:
        yield client


@dataclass(frozen=True)
class House:
    """What a test may look up and arrange behind the pages."""

    app: App
    clock: Clock = field(repr=False)

    def take_in(self, *papers: Mapping[str, object]) -> None:
        """Papers appear."""
        report = import_papers(self.app.db, [json.dumps(paper).encode() for paper in papers], self.clock())
        assert not report.refused

    def join(self, address: str, **said: object) -> Subscriber:
        """An active subscriber."""
        add(self.app.db, self.app.post, parse({"email": address, **said}), self.clock())
        return self.subscriber(address)

    def subscriber(self, address: str) -> Subscriber:
        """The subscriber of an address."""
        with self.app.db.read() as session:
            known = subscribers.by_address_key(session, address_key(self.app.keys, address))
        assert known is not None
        return known

    def plan(self) -> int:
        """Plan what is due; the newest delivery's key."""
        plan(self.app.db, self.app.planner, self.clock())
        with self.app.db.read() as session:
            return int(session.connection().execute(select(core.delivery.c.id).order_by(-core.delivery.c.id)).scalar())  # type: ignore[arg-type]  # there is one

    def plan_only(self) -> None:
        """Plan what is due, be it nothing."""
        plan(self.app.db, self.app.planner, self.clock())

    def mails(self, kind: MailKind) -> list[int]:
        """Whom notices of a kind were planned for, in order."""
        query = select(core.delivery.c.subscriber_id).where(core.delivery.c.kind == kind).order_by(core.delivery.c.id)
        with self.app.db.read() as session:
            return list(session.connection().execute(query).scalars())

    def link(self, purpose: Purpose, number: int, version: int = 0) -> str:
        """The path of a token page."""
        return f"/{PATHS[purpose]}/{token(self.app.keys, purpose, number, self.clock(), version)}"

    def settings(self, address: str) -> str:
        """The path of somebody's preferences, by a link issued now."""
        return self.link(Purpose.PREFERENCES, self.subscriber(address).key)

    def confirmation(self, address: str) -> str:
        """The path in the newest confirmation mail to an address."""
        key = self.subscriber(address).key
        newest = select(func.max(core.pending_request.c.n)).where(core.pending_request.c.subscriber_id == key)
        with self.app.db.read() as session:
            return self.link(Purpose.CONFIRM, key, session.connection().execute(newest).scalar_one())

    def contents(self) -> dict[str, list[tuple[object, ...]]]:
        """All that is stored."""
        with self.app.db.read() as session:
            connection = session.connection()
            return {
                name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
                for name, table in SQLModel.metadata.tables.items()
            }


@pytest.fixture
def house(app: App, clock: Clock) -> House:
    return House(app, clock)


@pytest.fixture
def language() -> str:
    """What those read whose pages are looked at."""
    return "en"


@pytest.fixture
def pages(house: House, language: str) -> list[str]:
    """One address of every page, on a house with a digest and somebody who has not confirmed."""
    house.take_in(PAPER)
    ada = house.join("ada@example.org", hour=0, language=language)
    delivery = house.plan()
    add(
        house.app.db,
        house.app.post,
        parse({"email": "bob@example.org", "status": "pending", "language": language}),
        house.clock(),
    )
    link_orcid(house.app.libraries, ada.key, "0000-0002-1825-0097")
    ask_move(house.app.db, house.app.post, ada.key, "ada@example.com", house.clock())
    leave, settings = house.link(Purpose.UNSUBSCRIBE, ada.key), house.settings("ada@example.org")
    move = house.link(Purpose.MOVE_TO, ada.key, issued(house.clock()))
    return [
        "/",
        "/subscribe",
        "/preview",
        "/preview/picks",
        "/resend",
        "/papers",
        "/papers/2026-11-24",
        "/settings",
        *(f"{leave}/{act}" for act in ("weekly", "fewer", "pause", "back")),
        *(f"{settings}{act}" for act in ("", "/mute", "/drop", "/pause", "/resume", "/leave", "/back", "/move")),
        *(f"{settings}/{act}" for act in ("renew", "data.json", "import", "libraries")),
        *(f"{settings}/libraries/{act}" for act in ("zotero", "orcid", "read", "unlink")),
        *(f"{move}{act}" for act in ("", "/stop")),
        house.confirmation("bob@example.org"),
        f"{house.confirmation('bob@example.org')}/decline",
        house.link(Purpose.UNSUBSCRIBE, ada.key),
        house.link(Purpose.VIEW, delivery),
        *(f"{house.link(Purpose.FEEDBACK, delivery, 1)}{action}" for action in ("", "/more")),
        *(f"{house.link(Purpose.SAVED, ada.key)}{path}" for path in ("", "/saved_list.bib", "/digests.atom")),
        *(f"{settings}/{path}" for path in ("saved", "saved/remove", "mute/2026-11-24/1", "erase")),
        house.link(Purpose.RENEW, ada.key, ada.version),
        house.link(Purpose.ERASE, ada.key, ada.version),
        "/healthz",
        "/readyz",
        "/metrics",
        "/robots.txt",
        "/static/style.css",
        "/static/home.js",
        "/static/icon.svg",
        "/nowhere",
        "/u/forged",
        "/openapi.json",
    ]
