"""The page of a conference's programme: filters, files and the calendar; and the API of conferences."""

import pytest
from starlette.testclient import TestClient

from digestd.digests.programmes import plan_programmes
from digestd.domain.paper import PaperId, Sighting, Words
from digestd.papers.page_store import store_page
from digestd.papers.sessions import import_sessions
from digestd.security.tokens import Purpose, Scope
from digestd.store import core
from digestd.store.papers import conferences, sources
from tests.web.conftest import PAPER, Backend
from tests.web.html import tree
from tests.web.test_api import token

NAME, SOURCE = "ICLR 2027", "openreview:ICLR.cc/2027/Conference"
TITLES = {
    "a1": "Frozen lakes and their sorting keys",
    "a2": "Sorting keys of glacial rivers",
    "a3": "Mapping tidepool lanterns",
    "a4": "On concrete bridges",
}


@pytest.fixture
def view(backend: Backend) -> str:
    """Return the path of the programme of a reader with two topics."""
    backend.import_papers(PAPER)
    now, db = backend.clock(), backend.app.db
    with db.write() as session:
        sources.add(session, [SOURCE], now, NAME)
    store_page(db, SOURCE, [_sighting(name) for name in TITLES], now)
    topics = ["sorting keys", "tidepool lanterns"]
    backend.join("ada@example.org", name="Ada Lovelace", topics=topics, venues=["ICLR"], explore=False)
    report = plan_programmes(db, backend.app.planner, NAME, now)
    assert report.planned == 1
    with db.read() as session:
        [number] = session.connection().execute(core.delivery.select().where(core.delivery.c.kind == "programme"))
    return backend.link(Purpose.VIEW, number.id)


def _sighting(name: str) -> Sighting:
    title = TITLES[name]
    abstract = f"We show {title.lower()}. {title} are studied here. We measure them on many samples."
    return Sighting(ids=(PaperId(f"openreview:{name}"),), words=Words(title, abstract), announced="new")


def titles(client: TestClient, url: str) -> set[str]:
    page = client.get(url)
    assert page.status_code == 200, page.text
    return {name for name, title in TITLES.items() if title in page.text.partition("</form>")[2]}


def test_programme_page_filters_without_javascript(client: TestClient, view: str) -> None:
    page = client.get(view)
    assert "<script" not in page.text
    assert "form-action 'self'" in page.headers["content-security-policy"]
    assert "Lovelace" not in page.text
    assert "/p/" not in page.text
    assert "/u/" not in page.text
    assert {one.attrib["value"] for one in tree(page.text).iter("option")} == {"", "sorting keys", "tidepool lanterns"}
    assert titles(client, view) == {"a1", "a2", "a3"}
    assert titles(client, f"{view}?q=GLACIAL+rivers") == {"a2"}
    assert titles(client, f"{view}?topic=tidepool+lanterns") == {"a3"}
    assert titles(client, f"{view}?topic=tidepool+lanterns&q=lakes") == set()
    odd = client.get(view, params={"q": '"><script>alert(1)</script>', "topic": "\u202e{{ 7 }}"})
    assert odd.status_code == 200
    assert "<script>" not in odd.text
    assert "No paper fits" in odd.text
    assert client.get(f"{view}?q={'x' * 300}").status_code < 500


def test_programme_comes_as_bibtex_and_calendar(client: TestClient, backend: Backend, view: str) -> None:
    assert client.get(f"{view}/digest.bib").text.count("@") == 3
    assert client.get(f"{view}/digest.ics").status_code == 404
    assert "iCalendar" not in client.get(view).text
    lines: list[dict[str | None, str | None]] = [
        {
            "paper": "openreview:a1",
            "start": "2027-04-24T09:00+02:00",
            "end": "2027-04-24T10:00+02:00",
            "room": "Hall 3",
        },
        {"paper": TITLES["a3"].upper(), "start": "2027-04-25T09:00Z", "end": "2027-04-25T10:00Z", "room": None},
        {"paper": "openreview:unknown", "start": "2027-04-25T09:00Z", "end": "2027-04-25T10:00Z", "room": ""},
        {"paper": "openreview:a2", "start": "2027-04-25T09:00", "end": "2027-04-25T10:00Z", "room": ""},
        {"paper": "openreview:a2", "start": "2027-04-25T09:00Z", "end": "2027-04-25T09:00Z", "room": ""},
    ]
    added, refused = import_sessions(backend.app.db, NAME, lines)
    assert (added, [(line, error.field) for line, error in refused]) == (2, [(4, "paper"), (5, "start"), (6, "end")])
    assert "iCalendar" in client.get(view).text
    answer = client.get(f"{view}/digest.ics")
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="ICLR 2027.ics"'
    assert answer.text.count("BEGIN:VEVENT") == 2
    assert "LOCATION:Hall 3" in answer.text
    assert "Lovelace" not in answer.text


def test_conference_api_lists_and_asks(client: TestClient, backend: Backend, view: str) -> None:
    [listed] = conferences_of(client, backend)
    assert (listed["name"], listed["papers"], listed["programmes"], listed["state"]) == (NAME, 4, 1, "planned")
    path = f"/api/v1/conferences/{NAME}/plan"
    assert client.post(path, headers=token(backend, Scope.READ)).status_code == 403
    asked = client.post(path, headers=token(backend, Scope.READ, Scope.WRITE))
    assert (asked.status_code, asked.json()["state"]) == (202, "asked")
    with backend.app.db.read() as session:
        assert conferences.find(session, NAME).is_due
    unknown = client.post("/api/v1/conferences/XYZ/plan", headers=token(backend, Scope.READ, Scope.WRITE))
    assert unknown.status_code == 404


def conferences_of(client: TestClient, backend: Backend) -> list[dict[str, object]]:
    answer = client.get("/api/v1/conferences", headers=token(backend, Scope.READ))
    assert answer.status_code == 200
    found: list[dict[str, object]] = answer.json()
    return found
