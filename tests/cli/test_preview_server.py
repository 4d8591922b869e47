"""Test `digestd preview --serve`: the mail in the browser, following changes of its templates."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from digestd import resources
from digestd.cli import app
from digestd.cli.digest import find_preview
from digestd.cli.web import build_preview
from digestd.mail.templates import Templates
from tests.digests.topic_papers import archive, reader, shelf
from tests.support.install import Install, install

READER = "reader@example.net"


@pytest.fixture
def installed(tmp_path: Path, sqlite_url: str, now: datetime) -> Iterator[Install]:
    """Return an installation with three papers for one reader."""
    installed = install(tmp_path, sqlite_url, now)
    archive(installed)
    installed.papers(shelf("more", 3))
    installed.people([reader()])
    yield installed
    installed.db.close()


@pytest.fixture
def overrides(tmp_path: Path) -> Path:
    """Return an empty folder of templates."""
    folder = tmp_path / "own" / "email"
    folder.mkdir(parents=True)
    return folder.parent


@pytest.fixture
def browser(installed: Install, overrides: Path) -> TestClient:
    """Return a browser at the preview of the reader's digest."""
    web = build_preview(
        *find_preview(installed.app, READER, None), lambda: Templates.of(resources.templates([overrides]))
    )
    return TestClient(web, base_url="http://127.0.0.1:8025", raise_server_exceptions=False)


def test_preview_page_shows_all_parts(browser: TestClient) -> None:
    page = browser.get("/").text
    for part in ("/mail.html", "/dark.html", "/mail.txt", "/lint.txt"):
        assert part in page
        assert browser.get(part).status_code == 200
    assert "more00" in browser.get("/mail.html").text
    assert "more00" in browser.get("/mail.txt").text


def test_preview_follows_templates(browser: TestClient, overrides: Path) -> None:
    before = browser.get("/version").text
    (overrides / "email" / "digest.lead.txt.j2").write_text("A line of our own.", encoding="utf-8")
    assert browser.get("/version").text != before
    assert "A line of our own." in browser.get("/mail.txt").text


def test_preview_shows_dark_colours(browser: TestClient) -> None:
    assert "prefers-color-scheme" in browser.get("/mail.html").text.replace('content="light dark"', "")
    assert "prefers-color-scheme" not in browser.get("/dark.html").text


def test_preview_explains_template_error(browser: TestClient, overrides: Path) -> None:
    (overrides / "email" / "digest.lead.txt.j2").write_text("{% if %}", encoding="utf-8")
    answer = browser.get("/mail.txt")
    assert answer.status_code == 500
    assert "digest.lead.txt.j2" in answer.text
    (overrides / "email" / "digest.lead.txt.j2").unlink()
    assert browser.get("/mail.txt").status_code == 200


def test_preview_answers_no_other_host_name(browser: TestClient) -> None:
    assert browser.get("/mail.html", headers={"Host": "evil.example:8025"}).status_code == 400


def test_serve_excludes_other_outputs(installed: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in installed.environment().items():
        monkeypatch.setenv(name, value)
    for option in ("--text", "--html", "--eml", "--lint"):
        assert "exclude each other" in str(CliRunner().invoke(app, ["preview", READER, "--serve", option]).exception)
