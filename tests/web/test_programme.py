"""The page of a conference's programme: topics, files and the calendar."""

from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from digestd.digests.planner import plan
from digestd.domain.paper import PaperId, Sighting, Words
from digestd.papers.merge import CONFERENCE
from digestd.papers.page_store import store_page
from digestd.papers.sessions import import_sessions
from digestd.security.tokens import Purpose
from digestd.store import core
from digestd.store.papers import conferences, sources
from tests.web.conftest import PAPER, Backend
from tests.web.html import tree

NAME, SOURCE = "ICLR 2027", "openreview:ICLR.cc/2027/Conference"
LONG = f"sorting keys {'of <b>all</b> kinds ' * 15}"
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
        sources.record_fetches(session, [sources.FetchRecord(SOURCE, "https://example.org/notes", now)])
    store_page(db, SOURCE, [_sighting(name) for name in TITLES], now)
    backend.join("ada@example.org", name="Ada Lovelace", topics=[LONG, "tidepool lanterns"], venues=["ICLR"])
    with db.write() as session:
        assert conferences.open_programmes(session, NAME).papers == len(TITLES)
    plan(db, backend.app.planner, now + timedelta(days=1))
    with db.read() as session:
        [number] = session.connection().execute(core.delivery.select().where(core.delivery.c.kind == "programme"))
    return backend.link(Purpose.VIEW, number.id)


def _sighting(name: str) -> Sighting:
    title = TITLES[name]
    abstract = f"We show {title.lower()}. {title} are studied here. We measure them on many samples."
    return Sighting(ids=(PaperId(f"openreview:{name}"),), words=Words(title, abstract), announced=CONFERENCE)


def test_page_says_who_sees_its_topics(client: TestClient, view: str) -> None:
    assert "Whoever has the link to this page sees these topics" in client.get(view).text


def titles(client: TestClient, url: str) -> set[str]:
    page = client.get(url)
    assert page.status_code == 200, page.text
    assert "Your programme: 3 papers, chosen from 4." in page.text
    return {name for name, title in TITLES.items() if title in page.text.partition("</nav>")[2]}


def test_programme_page_filters_by_topic(client: TestClient, view: str) -> None:
    page = client.get(view)
    assert "<script" not in page.text
    assert "Lovelace" not in page.text
    assert "/p/" not in page.text
    assert "/u/" not in page.text
    assert "<b>all" not in page.text
    links = [one.attrib["href"] for one in tree(page.text).iter("a") if one.attrib["href"].startswith("?")]
    assert links == ["?topic=0", "?topic=1", "?topic=2"]
    by_topic = [titles(client, f"{view}{link}") for link in links]
    assert by_topic[0] == {"a1", "a2", "a3"}
    assert {frozenset(each) for each in by_topic[1:]} == {frozenset({"a1", "a2"}), frozenset({"a3"})}
    assert titles(client, f"{view}?topic=7") == titles(client, f"{view}?topic=51") == by_topic[0]
    assert client.get(f"{view}?topic=x").status_code < 500


def test_programme_comes_as_bibtex_and_calendar(client: TestClient, backend: Backend, view: str) -> None:
    assert client.get(f"{view}/digest.bib").text.count("@") == 3
    assert client.get(f"{view}/digest.ics").status_code == 404
    assert "iCalendar" not in client.get(view).text
    lines = [
        "paper,start,end,room",
        "openreview:a1,2027-04-24T09:00+02:00,2027-04-24T10:00+02:00,Hall 3",
        f'"{TITLES["a3"].upper()}",2027-04-25T09:00Z,2027-04-25T10:00Z',
        "",
        "openreview:unknown,2027-04-25T09:00Z,2027-04-25T10:00Z,",
        "openreview:a2,2027-04-25T09:00,2027-04-25T10:00Z,",
        "openreview:a2,2027-04-25T09:00Z,2027-04-25T09:00Z,",
        "openreview:a1,2027-04-26T09:00Z,2027-04-26T10:00Z,Hall\u20284",
        "openreview:gone,2027-04-26T09:00Z,2027-04-26T10:00Z,",
    ]
    added, refused = import_sessions(backend.app.db, NAME, "\n".join(lines))
    fields = [(5, "paper"), (6, "start"), (7, "end"), (8, "paper"), (9, "paper")]
    assert (added, [(line, error.field) for line, error in refused]) == (2, fields)
    assert import_sessions(backend.app.db, NAME, "\n".join([lines[0], lines[-1]]))[0] == 0
    assert "iCalendar" in client.get(view).text, "a file without a valid line leaves the sessions"
    answer = client.get(f"{view}/digest.ics")
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="ICLR 2027.ics"'
    assert answer.text.count("BEGIN:VEVENT") == 2
    assert "LOCATION:Hall 3" in answer.text, "not that of a later line"
    assert "URL:https://openreview.net/forum?id=a1\r\n" in answer.text
    assert "Lovelace" not in answer.text
