"""The search of all papers, for visitors if the operator opens it, and by the API."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from digestd.app import App
from digestd.web.papers import SEARCHES
from tests.web.conftest import PAPER, Backend, browsing
from tests.web.html import heading, tree, words
from tests.web.test_api import token

FOUND = "/papers/search?q=frozen+lakes"


@pytest.fixture
def open_client(app: App) -> Iterator[TestClient]:
    """Return a client of an installation whose archive anybody may search."""
    settings = app.settings.model_copy(update={"archive_search": True})
    with browsing(replace(app, settings=settings)) as client:
        yield client


@pytest.fixture(autouse=True)
def _lakes(backend: Backend) -> None:
    backend.import_papers(PAPER, {**PAPER, "id": "invented:1", "title": "Frozen lakes", "abstract": "Of ice."})


def titles(html: str) -> list[str]:
    return [words(a) for a in tree(html).findall(".//h2/a")]


def test_archive_search_is_off_by_default(client: TestClient) -> None:
    assert client.get(FOUND).status_code == 404
    assert "search" not in client.get("/papers").text.lower()


def test_visitors_search_the_archive(open_client: TestClient, backend: Backend) -> None:
    backend.join("ada@example.org", topics=["canary topic"], name="Ada Canary")
    backend.clock.advance(days=40)
    [form] = [form for form in tree(open_client.get("/papers").text).iter("form") if form.get("role") == "search"]
    assert form.get("action") == "/papers/search"
    page = open_client.get(FOUND)
    assert titles(page.text) == ["Frozen lakes"]
    assert "noindex" in page.headers["x-robots-tag"]
    assert heading(open_client.get(f"{FOUND}&lang=de").text) != heading(page.text)
    nothing = open_client.get("/papers/search", params={"q": "<b>canary topic</b>\0"})
    assert titles(nothing.text) == []
    assert "&lt;b&gt;canary" in nothing.text
    assert open_client.get("/papers/search?q=+", follow_redirects=False).headers["location"] == "/papers"


def test_archive_search_is_limited_per_network(open_client: TestClient, backend: Backend) -> None:
    answers = [open_client.get(FOUND).status_code for _ in range(SEARCHES + 1)]
    assert answers == [200] * SEARCHES + [429]
    assert open_client.get("/papers").status_code == 200
    backend.clock.advance(minutes=6)
    assert open_client.get(FOUND).status_code == 200


def test_api_searches_the_archive(client: TestClient, backend: Backend) -> None:
    answer = client.get("/api/v1/papers?q=lakes+frozen", headers=token(backend)).json()
    assert ([paper["id"] for paper in answer["items"]], answer["next"]) == (["invented:1"], None)


def test_api_saves_tags_and_searches(client: TestClient, backend: Backend) -> None:
    client.headers.update(token(backend))
    key = backend.join("ada@example.org").key
    base = f"/api/v1/subscribers/{key}/saved"
    assert client.get(base).json() == {"items": [], "next": None}
    for _ in range(2):
        saved = client.put(f"{base}/invented:1", json={"tags": ["#ice", "thesis"], "note": "Read\ntwice."}).json()
        assert (saved["tags"], saved["note"], saved["paper"]["title"]) == (
            ["ice", "thesis"],
            "Read\ntwice.",
            "Frozen lakes",
        )
    assert client.put(f"{base}/invented:1", json={"tags": ["snow"]}).json()["note"] == "Read\ntwice."
    assert [one["tags"] for one in client.get(f"{base}?q=twice&tag=SNOW").json()["items"]] == [["snow"]]
    assert client.get(f"{base}?tag=ice").json()["items"] == []
    file = client.get(f"{base}.bib?tag=snow")
    assert (file.headers["content-type"].partition(";")[0], "Read" in file.text) == ("application/x-bibtex", True)
    assert client.get(f"{base}.csl.json?q=whales").json() == []
    assert client.get(f"{base}.atom").status_code == 404, "feeds have an address of their own"
    refused = client.put(f"{base}/invented:1", json={"tags": ["a,b"]})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "tags")
    assert client.put(f"{base}/invented:2").status_code == 404
    for _ in range(2):
        assert client.delete(f"{base}/invented:1").status_code == 204
    assert client.get(base).json()["items"] == []
    assert [(one["verdict"], one["undone"] is None) for one in client.get(f"{base[:-5]}feedback").json()["items"]] == [
        ("saved", False)
    ]
