"""Test linking a Zotero library on the settings page."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from digestd.app import App
from digestd.domain.interest import Kind, values
from digestd.domain.library import Library, SavingProblem
from digestd.security.tokens import Purpose
from digestd.store import libraries
from digestd.subscribers.libraries import sync_due
from digestd.web.libraries import PER_NETWORK
from tests.libraries.library_servers import KEY, Zotero, former_orcid, in_thread, stuck_saving
from tests.web.conftest import PAPER, Backend, browsing
from tests.web.html import heading, tree, words

ADA = "ada@example.org"


@pytest.fixture
def zotero() -> Iterator[Zotero]:
    with in_thread() as served:
        served.put("LAKES000", title="Lakes freeze", DOI="10.5555/lakes")
        yield served


@pytest.fixture
def app(app: App, zotero: Zotero) -> App:
    urls = {"zotero_url": zotero.base}
    return replace(app, settings=app.settings.model_copy(update=urls))


@pytest.fixture
def here(backend: Backend) -> str:
    backend.join(ADA, topics=["ice"], timezone="Europe/Oslo")
    return f"{backend.settings(ADA)}/libraries"


@pytest.fixture
def client(app: App) -> Iterator[TestClient]:
    with browsing(app) as client:
        yield client


def linked(backend: Backend) -> list[Library]:
    with backend.app.db.read() as session:
        return libraries.of(session, backend.subscriber(ADA).key)


def notices(page: str) -> str:
    """Return the notices of the page, or the problems to correct."""
    found = tree(page).find(".//p[@role='status']")
    found = tree(page).find(".//p[@role='alert']") if found is None else found
    return "" if found is None else words(found)


def read(backend: Backend) -> None:
    asyncio.run(sync_due(backend.app.libraries))


def test_library_is_linked_synced_and_unlinked(client: TestClient, backend: Backend, here: str) -> None:
    assert here in client.get(backend.settings(ADA)).text
    assert heading(client.get(here).text) == "Your Zotero library"
    answer = client.post(f"{here}/zotero", data={"key": KEY, "place": ""})
    assert notices(answer.text) == "Linked. We’ll read it within minutes. Come back later to see the result."
    assert "We’ll read it within minutes." in answer.text
    assert KEY not in answer.text
    read(backend)
    shown = client.get(here).text
    assert "1 of its papers counts as liked. Last read on Tuesday, 24 November at 08:00." in " ".join(shown.split())
    assert "Lakes freeze" in client.get(backend.settings(ADA)).text
    (library,) = linked(backend)
    answer = client.post(f"{here}/unlink", data={"library": str(library.key), "papers": "drop"})
    assert notices(answer.text) == "Unlinked, and its key deleted. Its papers no longer count."
    assert linked(backend) == []
    assert "Lakes freeze" not in client.get(backend.settings(ADA)).text


def test_key_with_write_access_is_warned(client: TestClient, zotero: Zotero, here: str) -> None:
    zotero.may_write = True
    answer = client.post(f"{here}/zotero", data={"key": KEY, "place": "zotero.org/groups/34/lakes"})
    assert answer.text.count("a read-only key would be safer") == 2
    assert "zotero.org/groups/34" in client.get(here).text


def test_saved_papers_are_added_as_the_page_says(
    client: TestClient, backend: Backend, zotero: Zotero, here: str
) -> None:
    zotero.may_write, zotero.collections = True, {"ABCD2345": "To <read>"}
    form = {"key": KEY, "save": "on", "collection": "to <READ>"}
    answer = client.post(f"{here}/zotero", data=form)
    assert notices(answer.text).startswith("Linked.")
    assert "Papers you save are added to the collection “To &lt;read&gt;”." in answer.text
    assert "a read-only key would be safer" not in answer.text
    form_again = client.get(here).text
    assert 'value="on" checked' in form_again, "a new key must not end saving unasked"
    assert 'value="To &lt;read&gt;"' in form_again
    renewing = backend.link(Purpose.RENEW, backend.subscriber(ADA).key, 1)
    assert "will no longer be added to your Zotero library" in client.get(renewing).text
    backend.import_papers(PAPER)
    client.post(f"{backend.link(Purpose.FEEDBACK, backend.plan(), 1)}/save")
    read(backend)
    (item,) = zotero.added
    assert item["collections"] == ["ABCD2345"]
    assert "topic" not in str(item).lower()
    answer = client.post(f"{here}/zotero", data={"save": "on", "collection": "x"})
    assert answer.status_code == 422
    assert "ABCD" not in answer.text, "without the key nothing is chosen or listed"
    (library,) = linked(backend)
    answer = client.post(f"{here}/stop", data={"library": str(library.key)})
    assert notices(answer.text).startswith("Stopped.")
    assert "Papers you save are added" not in answer.text
    assert linked(backend)[0].saving is None
    assert 'value="on" checked' not in answer.text
    assert "no longer be added" not in client.get(renewing).text


@pytest.mark.parametrize(
    ("typed", "remedy"),
    [
        ({"place": "groups/34"}, "This key can’t change that library."),
        ({"collection": "Unknown"}, "one of these names: To &lt;read&gt;"),
    ],
)
def test_saving_is_refused_beside_its_field(
    client: TestClient, backend: Backend, zotero: Zotero, here: str, typed: dict[str, str], remedy: str
) -> None:
    zotero.may_write, zotero.collections = True, {"ABCD2345": "To <read>"}
    answer = client.post(f"{here}/zotero", data={"key": KEY, "save": "on"} | typed)
    assert answer.status_code == 422
    assert remedy in answer.text
    assert 'value="on" checked' in answer.text
    assert linked(backend) == []


@pytest.mark.parametrize("problem", SavingProblem)
def test_page_tells_why_papers_are_not_added(
    client: TestClient, backend: Backend, here: str, problem: SavingProblem
) -> None:
    stuck_saving(backend.app.db, backend.subscriber(ADA).key, backend.clock(), problem)
    [why] = tree(client.get(here).text).findall(".//li//span[@class='problem']")
    assert "Zotero" in words(why) or "aren’t added" in words(why)


def test_former_orcid_library_is_explained(client: TestClient, backend: Backend, here: str) -> None:
    former_orcid(backend.app.db, backend.subscriber(ADA).key, backend.clock())
    shown = client.get(here).text
    assert "We no longer read works at ORCID." in shown
    assert "Read now" not in shown
    (library,) = linked(backend)
    client.post(f"{here}/unlink", data={"library": str(library.key)})
    assert linked(backend) == []


def test_refused_key_is_shown_until_relinked(client: TestClient, backend: Backend, zotero: Zotero, here: str) -> None:
    client.post(f"{here}/zotero", data={"key": KEY})
    zotero.key = "another"
    read(backend)
    assert "Zotero rejects the key: it was revoked" in client.get(here).text
    asked = len(zotero.site.requests)
    read(backend)
    assert len(zotero.site.requests) == asked
    (library,) = linked(backend)
    client.post(f"{here}/read", data={"library": str(library.key)})
    read(backend)
    assert len(zotero.site.requests) == asked + 1, "it is tried once more if its reader says so"
    client.post(f"{here}/zotero", data={"key": "another"})
    read(backend)
    assert "Zotero refuses" not in client.get(here).text
    assert values(backend.subscriber(ADA).interests, Kind.PAPER) == ("doi:10.5555/lakes",)


@pytest.mark.parametrize(
    ("form", "typed", "remedy"),
    [
        ("zotero", {"key": "wrong"}, "This key doesn’t work here."),
        ("zotero", {"key": ""}, "This key doesn’t work here."),
        ("zotero", {"key": KEY, "place": "users/13"}, "This key doesn’t open such a library."),
        ("zotero", {"key": KEY, "place": "<script>\u202e"}, "This key doesn’t open such a library."),
    ],
)
def test_error_marks_field_and_hides_key(
    client: TestClient, backend: Backend, here: str, form: str, typed: dict[str, str], remedy: str
) -> None:
    answer = client.post(f"{here}/{form}", data=typed)
    assert answer.status_code == 422
    assert notices(answer.text) == "Please correct the marked field. Nothing has been linked yet."
    assert remedy in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert KEY not in answer.text
    assert not {"<script>", "\u202e", "wrong"} & {part for part in typed.values() if part in answer.text}
    assert linked(backend) == []


def test_unreachable_zotero_links_nothing(client: TestClient, backend: Backend, here: str) -> None:
    away = replace(backend.app, settings=backend.app.settings.model_copy(update={"zotero_url": "http://127.0.0.1:9"}))
    with browsing(away) as visitor:
        answer = visitor.post(f"{here}/zotero", data={"key": KEY})
    assert answer.status_code == 503
    assert notices(answer.text).startswith("Zotero isn’t responding right now.")
    assert linked(backend) == []


def test_key_attempts_are_limited(client: TestClient, zotero: Zotero, here: str) -> None:
    statuses = [client.post(f"{here}/zotero", data={"key": f"guess{n}"}).status_code for n in range(PER_NETWORK + 2)]
    assert statuses == [422] * PER_NETWORK + [429] * 2
    assert len(zotero.site.requests) == PER_NETWORK


def test_library_of_other_subscriber_is_refused(client: TestClient, backend: Backend, here: str) -> None:
    client.post(f"{here}/zotero", data={"key": KEY})
    (library,) = linked(backend)
    backend.join("bob@example.org")
    theirs = f"{backend.settings('bob@example.org')}/libraries"
    for act in ("read", "unlink"):
        assert client.post(f"{theirs}/{act}", data={"library": str(library.key)}).status_code == 404
        assert client.post(f"/p/{'x' * 40}/libraries/{act}", data={"library": str(library.key)}).status_code == 404
    assert linked(backend) == [library]
    assert "zotero.org/users" not in client.get(theirs).text
