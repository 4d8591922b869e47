"""Test that forwarded links give no power over the account.

Whatever is reached from them.

A digest is forwarded, its web view is shared, the address of saved papers is given to a feed reader. From each such
link, every link is followed and every form is sent until nothing new appears.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from urllib.parse import urljoin, urlsplit
from xml.etree.ElementTree import Element

import pytest
from starlette.testclient import TestClient

from digestd.app import App
from digestd.security.addresses import read_command_address
from digestd.security.keys import Keys, RetiredSecret
from digestd.security.tokens import BadToken, Purpose, make_token, read_token
from digestd.store import core
from tests.security.routes import filled, opening, routes
from tests.web.conftest import PATHS, Backend, browsing
from tests.web.html import tree

ADA = "ada@example.org"
PAPERS = [
    {"id": f"invented:{n}", "title": f"Ice on alpine lakes {n}", "abstract": "We study alpine lakes.",
     "authors": [f"Bea Lakeman{n}"], "categories": ["geo.ice"], "url": f"https://example.com/{n}"}
    for n in range(3)
]  # fmt: skip
TOKEN = re.compile(r"[A-Za-z0-9_-]{40}")
TAG = re.compile(r"[a-z0-9._-]+\+[a-z2-7]{48}")
POWERS = (*PATHS, Purpose.COMMAND)
"""Everything that a token can do, but for the stamps of forms, which do nothing alone."""
FILES = ("saved.bib", "saved.ris", "saved.csl.json", "saved.atom", "saved.json", "digests.atom", "digests.json")


@dataclass
class Crawl:
    """All that is reached from a page. The paths, and the purposes of the tokens in the answers."""

    client: TestClient
    app: App
    seen: dict[str, str] = field(default_factory=dict)

    def follow(self, *start: str) -> "Crawl":
        """Follow every link and send every form."""
        waiting: list[tuple[str, str, dict[str, str]]] = [("GET", path, {}) for path in start]
        done: set[str] = set()
        while waiting:
            method, path, form = waiting.pop()
            if f"{method} {path} {form}" in done or len(done) > 500:
                continue
            done.add(f"{method} {path} {form}")
            answer = self.client.request(method, path, data=form or None)
            self.seen[f"{method} {path} {form}"] = answer.text
            if "html" in answer.headers.get("content-type", ""):
                waiting += self._led_to(path, tree(answer.text))
        assert len(done) <= 500
        return self

    def _led_to(self, path: str, page: Element) -> Iterator[tuple[str, str, dict[str, str]]]:
        for element in page.iter():
            for name in ("href", "src"):
                if local := self._local(path, element.get(name, "")):
                    yield "GET", local, {}
            if element.tag == "form" and (local := self._local(path, element.get("action", path))):
                yield element.get("method", "get").upper(), local, _typed(element)

    def _local(self, path: str, link: str) -> str:
        found = urlsplit(urljoin(f"https://papers.example.org{path}", link))
        inside = found.netloc == "papers.example.org" and not found.path.startswith("/static/")
        return f"{found.path}{'?' if found.query else ''}{found.query}" if inside else ""

    @property
    def tokens(self) -> set[tuple[Purpose, int, int]]:
        """Return the purposes of the tokens in any answer, URL or form."""
        found = set()
        for asked, text in self.seen.items():
            words = {*TOKEN.findall(f"{asked} {text}")}
            words |= {read_command_address(tag)[1] for tag in TAG.findall(text)}
            for word in words:
                for purpose in POWERS:
                    try:
                        made = read_token(self.app.keys, purpose, word, self.app.clock())
                    except BadToken:
                        continue
                    found.add((purpose, made.number, made.version))
        return found


def _typed(form: Element) -> dict[str, str]:
    """Return what a form sends if its button is pressed without input."""
    fields = {one.get("name", ""): one.get("value", "") for one in form.iter("input")}
    return {name: value for name, value in fields.items() if name and name != "email"}


@pytest.fixture
def delivery(backend: Backend) -> int:
    """Return the digest of a reader with a name and a saved paper."""
    backend.import_papers(*PAPERS)
    backend.join(ADA, hour=0, topics=["alpine lakes"], name="Sandmartin")
    return backend.plan()


def starts(backend: Backend, kind: str, delivery: int) -> list[str]:
    """Return the paths of a forwarded link."""
    saved = backend.link(Purpose.SAVED, backend.subscriber(ADA).key)
    pick = backend.link(Purpose.FEEDBACK, delivery, 2)
    return {
        "view": [backend.link(Purpose.VIEW, delivery)],
        "pick": [pick, *(f"{pick}/{action}" for action in ("more", "less", "save"))],
        "saved": [saved, *(f"{saved}/{name}" for name in FILES)],
        "papers": ["/papers", "/papers/2026-11-24", "/"],
    }[kind]


OPENED = {
    "view": (Purpose.VIEW, 1, 0),
    "pick": (Purpose.FEEDBACK, 1, 2),
    "saved": (Purpose.SAVED, 1, 0),
    "papers": None,
}


@pytest.mark.parametrize("kind", OPENED)
def test_forwarded_link_reaches_no_other_token(
    client: TestClient, app: App, backend: Backend, delivery: int, kind: str
) -> None:
    crawl = Crawl(client, app).follow(*starts(backend, kind, delivery))
    assert crawl.tokens == {OPENED[kind]} - {None}
    everything = "\n".join(crawl.seen.values())
    for private in (ADA, "Sandmartin", "/p/", "/u/", "/move/", "/erase/", "/renew/", "/confirm/"):
        assert private not in everything, private


@pytest.mark.parametrize("kind", OPENED)
def test_forwarded_link_changes_only_its_pick(
    client: TestClient, app: App, backend: Backend, delivery: int, kind: str
) -> None:
    before, known = backend.contents(), backend.subscriber(ADA)
    Crawl(client, app).follow(*starts(backend, kind, delivery))
    after = backend.contents()
    changed = {name for name in before if before[name] != after[name]}
    assert changed <= ({"feedback", "subscriber"} if kind == "pick" else set())
    assert backend.subscriber(ADA) == known, "no more than a note that the profile is out of date"
    with app.db.read() as session:
        papers = session.connection().execute(core.feedback.select()).all()
    assert len({row.paper for row in papers}) == (1 if kind == "pick" else 0)


def test_manage_link_leads_to_form_for_new_link(client: TestClient, backend: Backend, delivery: int) -> None:
    for kind in ("view", "pick", "saved"):
        page = tree(client.get(starts(backend, kind, delivery)[0]).text)
        links = [urlsplit(a.get("href", "")).path for a in page.iter("a")]
        assert "/settings" in links, kind


def _rotated(app: App, *, revoked: bool) -> App:
    """Return the installation after its key was stolen a minute ago and retired now."""
    now = app.clock()
    return replace(
        app, keys=Keys(b"the next secret, of thirty-two bytes", (RetiredSecret(app.keys.secret, now, revoked),))
    )


@pytest.mark.parametrize(
    ("age", "revoked"), [(timedelta(), False), (timedelta(minutes=-1), False), (timedelta(minutes=-1), True)]
)
def test_stolen_retired_key_can_only_unsubscribe(app: App, backend: Backend, age: timedelta, *, revoked: bool) -> None:
    """Links dated today open nothing. Links dated before the retirement work until the key is revoked."""
    backend.import_papers(*PAPERS)
    paths = sorted({route.path for route in routes(app) if "{token}" in route.path})
    links = {path: opening(backend, path, n)["token"] for n, path in enumerate(paths)}
    stolen, at = app.keys, app.clock() + age
    with browsing(_rotated(app, revoked=revoked)) as client:
        for path, genuine in links.items():
            purpose = next(
                one for one in PATHS if one is not Purpose.ADDRESS_CHANGE_OLD and path.split("/")[1] == PATHS[one]
            )
            number, version, _ = read_token(stolen, purpose, genuine, app.clock())
            answer = client.get(filled(path, make_token(stolen, purpose, number, at, version)))
            is_open = purpose is Purpose.UNSUBSCRIBE or (age and not revoked)
            assert (answer.status_code != 410) if is_open else (answer.status_code in {405, 410}), path
