"""A library at Zotero or ORCID, linked by the link to the preferences, read by the worker, shown as it stands."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from digestd.app import App
from digestd.domain.interest import Kind, values
from digestd.domain.library import Library
from digestd.store import libraries
from digestd.subscribers.library_sync import sync_due
from digestd.web.libraries import PER_NETWORK
from tests.libraries.library_servers import CARBERRY, KEY, Zotero, in_thread
from tests.web.conftest import House, browsing
from tests.web.html import heading, tree, words

ADA = "ada@example.org"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """SQLite alone: what a page writes does not depend on the engine."""
    return sqlite_url


@pytest.fixture
def zotero() -> Iterator[Zotero]:
    with in_thread() as served:
        served.put("LAKES000", title="Lakes freeze", DOI="10.5555/lakes")
        yield served


@pytest.fixture
def app(app: App, zotero: Zotero) -> App:
    urls = {"zotero_url": zotero.base, "orcid_url": zotero.site.url("/v3.0")}
    return replace(app, settings=app.settings.model_copy(update=urls))


@pytest.fixture
def here(house: House) -> str:
    house.join(ADA, topics=["ice"], timezone="Europe/Oslo")
    return f"{house.settings(ADA)}/libraries"


@pytest.fixture
def client(app: App) -> Iterator[TestClient]:
    with browsing(app) as client:
        yield client


def linked(house: House) -> list[Library]:
    with house.app.db.read() as session:
        return libraries.of(session, house.subscriber(ADA).key)


def said(page: str) -> str:
    """What the page says of what was done, or of what is to be corrected first."""
    found = tree(page).find(".//p[@role='status']")
    found = tree(page).find(".//p[@role='alert']") if found is None else found
    return "" if found is None else words(found)


def read(house: House) -> None:
    asyncio.run(sync_due(house.app.libraries))


def test_a_library_is_linked_read_and_unlinked(client: TestClient, house: House, here: str) -> None:
    assert here in client.get(house.settings(ADA)).text
    assert heading(client.get(here).text) == "Your Zotero library or ORCID works"
    answer = client.post(f"{here}/zotero", data={"key": KEY, "place": ""})
    assert said(answer.text) == "Linked. We’ll read it within minutes. Come back later to see the result."
    assert "We’ll read it within minutes." in answer.text
    assert KEY not in answer.text
    read(house)
    shown = client.get(here).text
    assert "1 of its papers counts as liked. Last read on Tuesday, 24 November at 08:00." in " ".join(shown.split())
    assert "Lakes freeze" in client.get(house.settings(ADA)).text
    (library,) = linked(house)
    answer = client.post(f"{here}/unlink", data={"library": str(library.key), "papers": "drop"})
    assert said(answer.text) == "Unlinked, and its key deleted. Its papers no longer count."
    assert linked(house) == []
    assert "Lakes freeze" not in client.get(house.settings(ADA)).text


def test_a_key_that_may_write_is_said_to_be_more_than_is_needed(client: TestClient, zotero: Zotero, here: str) -> None:
    zotero.may_write = True
    answer = client.post(f"{here}/zotero", data={"key": KEY, "place": "zotero.org/groups/34/lakes"})
    assert answer.text.count("a read-only key would be safer") == 2
    assert "zotero.org/groups/34" in client.get(here).text


def test_orcid_works_are_linked_by_their_id(client: TestClient, house: House, here: str) -> None:
    assert client.post(f"{here}/orcid", data={"orcid": f"https://orcid.org/{CARBERRY}"}).status_code == 200
    assert [one.spec for one in linked(house)] == [f"orcid:{CARBERRY}"]


def test_a_refused_key_is_shown_until_it_is_linked_anew(
    client: TestClient, house: House, zotero: Zotero, here: str
) -> None:
    client.post(f"{here}/zotero", data={"key": KEY})
    zotero.key = "another"
    read(house)
    assert "Zotero rejects the key: it was revoked" in client.get(here).text
    asked = len(zotero.site.asked)
    read(house)
    assert len(zotero.site.asked) == asked
    (library,) = linked(house)
    client.post(f"{here}/read", data={"library": str(library.key)})
    read(house)
    assert len(zotero.site.asked) == asked + 1, "it is tried once more if its reader says so"
    client.post(f"{here}/zotero", data={"key": "another"})
    read(house)
    assert "Zotero refuses" not in client.get(here).text
    assert values(house.subscriber(ADA).interests, Kind.PAPER) == ("doi:10.5555/lakes",)


@pytest.mark.parametrize(
    ("form", "typed", "remedy"),
    [
        ("zotero", {"key": "wrong"}, "This key doesn’t work here."),
        ("zotero", {"key": ""}, "This key doesn’t work here."),
        ("zotero", {"key": KEY, "place": "users/13"}, "This key doesn’t open such a library."),
        ("zotero", {"key": KEY, "place": "<script>\u202e"}, "This key doesn’t open such a library."),
        ("orcid", {"orcid": "0000-0002-1825-0098<b>"}, "This isn’t an ORCID iD."),
    ],
)
def test_what_is_to_be_corrected_is_marked_and_the_key_is_not_shown_again(
    client: TestClient, house: House, here: str, form: str, typed: dict[str, str], remedy: str
) -> None:
    answer = client.post(f"{here}/{form}", data=typed)
    assert answer.status_code == 422
    assert said(answer.text) == "Please correct the marked field. Nothing has been linked yet."
    assert remedy in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert KEY not in answer.text
    assert not {"<script>", "\u202e", "<b>", "wrong"} & {part for part in typed.values() if part in answer.text}
    assert linked(house) == []


def test_where_zotero_is_away_nothing_is_linked_and_it_is_said(client: TestClient, house: House, here: str) -> None:
    away = replace(house.app, settings=house.app.settings.model_copy(update={"zotero_url": "http://127.0.0.1:9"}))
    with browsing(away) as visitor:
        answer = visitor.post(f"{here}/zotero", data={"key": KEY})
    assert answer.status_code == 503
    assert said(answer.text).startswith("Zotero isn’t responding right now.")
    assert linked(house) == []


def test_keys_are_not_tried_out_here(client: TestClient, zotero: Zotero, here: str) -> None:
    statuses = [client.post(f"{here}/zotero", data={"key": f"guess{n}"}).status_code for n in range(PER_NETWORK + 2)]
    assert statuses == [422] * PER_NETWORK + [429] * 2
    assert len(zotero.site.asked) == PER_NETWORK


def test_nobody_acts_on_anothers_library(client: TestClient, house: House, here: str) -> None:
    client.post(f"{here}/zotero", data={"key": KEY})
    (library,) = linked(house)
    house.join("bob@example.org")
    theirs = f"{house.settings('bob@example.org')}/libraries"
    for act in ("read", "unlink"):
        assert client.post(f"{theirs}/{act}", data={"library": str(library.key)}).status_code == 404
        assert client.post(f"/p/{'x' * 40}/libraries/{act}", data={"library": str(library.key)}).status_code == 404
    assert linked(house) == [library]
    assert "zotero.org/users" not in client.get(theirs).text
