"""Test the public page of a paper, and that public pages can be shared and switched off."""

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.testclient import TestClient

from digestd.app import App
from digestd.domain.paper import PaperId, Words
from digestd.domain.reference import Reference
from digestd.store import references
from digestd.web import build
from tests.web.conftest import HOME, PAPER, Backend
from tests.web.html import heading, tree, words
from tests.web.test_public_papers import NAMES

LAKES = {**PAPER, "id": "arxiv:2611.00001", "doi": "10.5555/Lakes(1)<2>"}


def _tags(html: str) -> dict[str, str]:
    return {
        tag.attrib["property"]: tag.attrib["content"] for tag in tree(html).iter("meta") if "property" in tag.attrib
    }


def test_paper_page_shows_complete_abstract(client: TestClient, backend: Backend) -> None:
    backend.import_papers(LAKES)
    page = client.get("/paper/arxiv:2611.00001")
    assert heading(page.text) == "Sorting keys in 𝒪(n log n)"
    assert words(tree(page.text)).count("We sort.") == 80 + 1, "the abstract is whole, after the gist"
    assert [words(head) for head in tree(page.text).iter("h2")] == ["In short", "Abstract", "Pass it on"]
    assert "Author 11" in page.text
    assert page.headers["x-robots-tag"] == "all"
    assert page.headers["cache-control"] == "public, max-age=600"


def test_paper_page_links_code_and_is_passed_on(client: TestClient, backend: Backend) -> None:
    told = "We sort. Code: https://github.com/lakes/sort.py. And https://github.com/other/code"
    backend.import_papers({**LAKES, "abstract": told})
    page = tree(client.get("/paper/arxiv:2611.00001?lang=en").text)
    links = [link.attrib["href"] for link in page.iter("a") if words(link) == "Code"]
    assert set(links) == {"https://github.com/lakes/sort.py"}
    address = f"{HOME}/paper/arxiv:2611.00001"
    assert page.find(f".//input[@readonly][@value='{address}']") is not None
    [mail] = [link.attrib["href"] for link in page.iter("a") if link.attrib["href"].startswith("mailto:")]
    assert parse_qs(urlsplit(mail).query) == {"subject": ["Sorting keys in 𝒪(n\u00a0log\u00a0n)"], "body": [address]}


@pytest.mark.parametrize("name", ["2611.00001v2", "10.5555/lakes(1)%3C2%3E", "https://arxiv.org/abs/2611.00001"])
def test_other_names_lead_to_paper_page(client: TestClient, backend: Backend, name: str) -> None:
    backend.import_papers(LAKES)
    moved = client.get(f"/paper/{name}?lang=de", follow_redirects=False)
    assert (moved.status_code, moved.headers["location"]) == (301, "/paper/arxiv:2611.00001?lang=de")


@pytest.mark.parametrize("name", ["", "nonsense", "arxiv:2611.99999", "a:" + "b" * 600, "..%2f..%2fsettings"])
def test_unknown_paper_has_no_page(client: TestClient, name: str) -> None:
    assert client.get(f"/paper/{name}").status_code == 404


def test_private_reference_has_no_page(client: TestClient, backend: Backend, app: App) -> None:
    ada = backend.join("ada@example.org", likes=["2611.90001"])
    name = PaperId("arxiv:2611.90001")
    with app.db.write() as session:
        references.store(session, ada.key, [Reference(name, (name,), Words("Hers alone"))], backend.clock())
    assert client.get(f"/paper/{name}").status_code == 404


def test_public_pages_have_preview_tags(client: TestClient, backend: Backend, app: App) -> None:
    backend.import_papers(LAKES)
    day = backend.clock().date().isoformat()
    for path, title in (
        ("", "Trending papers in your inbox"),
        (f"papers/{day}", "Papers of 24 November 2026"),
        ("paper/arxiv:2611.00001", "Sorting keys in 𝒪(n log n)"),
    ):
        page = client.get(f"/{path}", headers={"host": "attacker.example"})
        tags = _tags(page.text)
        assert (" ".join(tags["og:title"].split()), tags["og:url"]) == (title, f"{HOME}/{path}"), (
            "never the Host of the request"
        )
        assert tags["og:site_name"] == "Papers Daily"
        assert tags["og:description"]
        assert client.get(tags["og:image"].removeprefix(HOME)).headers["content-type"] == "image/png"


def test_pages_with_token_have_no_preview_tags(client: TestClient, backend: Backend) -> None:
    backend.join("ada@example.org")
    page = client.get(backend.settings("ada@example.org")).text
    assert heading(page) == "Your digest, your way"
    assert _tags(page) == {}


def test_public_pages_can_be_switched_off(app: App, backend: Backend) -> None:
    backend.import_papers(LAKES)
    closed = TestClient(build(replace(app, settings=app.settings.model_copy(update={"public_papers": False}))))
    assert {closed.get(path).status_code for path in ("/papers", "/paper/arxiv:2611.00001", *NAMES)} == {404}
    front = closed.get("/")
    assert "Sorting keys" not in front.text
    assert 'href="/papers' not in front.text
