"""Test that pages say nothing that cannot be translated."""

from dataclasses import replace
from pathlib import Path

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from digestd import resources
from digestd.app import App
from digestd.web.forms import ZONES
from tests import pseudo
from tests.web.conftest import PAPER
from tests.web.test_access import ANSWERS

NAMES = (
    *("Papers Daily", "Storgata 1, Oslo", "Machine Learning cs.LG q-bio.BM", "UTC", *ZONES),
    *("Deutsch (du) (Sie)", "English", "Español", "Français", "Português"),
    *("Atom", "JSON Feed", "Markdown", "BibTeX", "RIS", "CSL-JSON", ".nbib"),
    *("PubMed", "ORCID", "OPML", "Zotero", "arXiv"),
)
"""Names of people, places, formats and services are the same in every language."""


@pytest.fixture
def language() -> str:
    return pseudo.LANGUAGE


@pytest.fixture
def app(app: App, tmp_path: Path) -> App:
    """Return the app with the pseudo language."""
    folder = tmp_path / "templates" / "locale"
    folder.mkdir(parents=True)
    name = f"locale/{pseudo.LANGUAGE}.po"
    (folder.parent / name).write_text(pseudo.with_pseudo_language(resources.templates())[name])
    return replace(app, settings=app.settings.model_copy(update={"templates_dir": str(folder.parent)}))


def test_pages_say_nothing_untranslatable(client: TestClient, pages: list[str]) -> None:
    client.headers["Accept-Language"] = pseudo.LANGUAGE
    found: dict[str, set[str]] = {}
    for path, send in [(path, send) for path in pages for send in (client.get, client.post)]:
        _look(send(path), path, found)
    for path, form in ANSWERS:
        _look(client.post(path, data=form), path, found, *form.values())
    assert len(found) > 40
    assert {path: words for path, words in found.items() if words} == {}


def _look(page: Response, path: str, found: dict[str, set[str]], *content: str) -> None:
    if page.headers.get("content-type", "").startswith("text/html"):
        shown = [str(value) for value in PAPER.values()]
        found.setdefault(path, set()).update(pseudo.english(pseudo.spoken(page.text), [*NAMES, *shown, *content]))


def test_fonts_of_a_catalogue_reach_the_style_sheet(client: TestClient) -> None:
    assert f":lang({pseudo.LANGUAGE}) {{ --sans: " in client.get("/static/style.css").text
