"""Test that operators' templates of 0.1.0 still show the settings pages."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from digestd.app import App
from digestd.subscribers import group_edits
from tests.web.conftest import Backend, browsing

ADA = "ada@example.org"
PREFERENCES = """
{%- for paper in profile.likes %}
<p>{{ paper.paper }}{% if not paper.is_known %} unknown{% endif %}</p>
{%- endfor %}
{%- for one in memberships %}
<p>{{ one.group.name }}{% if one.is_named %} checked{% endif %}</p>
{%- endfor %}
"""
LIBRARIES = """
{%- import "web/fields.html.j2" as fields %}
{{- fields.line("orcid", "ORCID iD", orcid) }}
"""


@pytest.fixture
def client(app: App, tmp_path: Path) -> Iterator[TestClient]:
    """Yield a client of pages with an operator's templates, which use what 0.1.0 gave them."""
    folder = tmp_path / "templates"
    (folder / "web").mkdir(parents=True)
    (folder / "web" / "preferences.html.j2").write_text(PREFERENCES)
    (folder / "web" / "libraries.html.j2").write_text(LIBRARIES)
    with browsing(replace(app, settings=app.settings.model_copy(update={"templates_dir": str(folder)}))) as client:
        yield client


def test_former_preferences_template_is_shown(client: TestClient, backend: Backend) -> None:
    backend.import_papers({"id": "inv:1", "title": "Lakes"})
    backend.join(ADA, likes=["inv:1", "arxiv:2401.00001"])
    group_edits.add(backend.app.db, "Ice lab", {}, backend.clock())
    group_edits.join(backend.app.db, backend.app.keys, "Ice lab", ADA, backend.clock())
    shown = client.get(backend.settings(ADA)).text
    assert shown.strip() == "<p>inv:1</p><p>arxiv:2401.00001 unknown</p><p>Ice lab</p>"


def test_former_libraries_template_is_shown(client: TestClient, backend: Backend) -> None:
    backend.join(ADA)
    answer = client.get(f"{backend.settings(ADA)}/libraries")
    assert answer.status_code == 200
    assert 'name="orcid"' in answer.text
