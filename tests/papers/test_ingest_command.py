"""Test `digestd ingest`: its output, and the settings that it follows."""

import json
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from digestd import app as wiring
from digestd.cli import app
from digestd.papers.source_runner import WarningSource

pytestmark = pytest.mark.slow


@pytest.fixture
def papers(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file of papers, the source of a fresh installation."""
    file = tmp_path / "papers.jsonl"
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "DATABASE_URL": sqlite_url,
        "SOURCES": f"jsonl:{file}",
        "SECRET_KEY_FILE": str(tmp_path / "key"),
        "NOW": "2026-11-24T07:00:00Z",
    }.items():
        monkeypatch.setenv(f"DIGESTD_{name}", value)
    (tmp_path / "key").write_bytes(b"a secret for the tests, 32 bytes!")
    file.write_text('{"title": "Lakes freeze"}\n{"title": "Ponds thaw"}\n')
    return file


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["ingest", *words])


def test_ingest_prints_report(papers: Path) -> None:
    done = run("--json")
    assert done.exit_code == 0, done.output
    (report,) = json.loads(done.stdout)["sources"]
    assert (report["source"], report["state"], report["new"]) == (f"jsonl:{papers}", "fresh", 2)
    assert report["days"]["2026-11-24"] == "fresh"


def test_ingest_names_source_that_failed(papers: Path) -> None:
    papers.unlink()
    done = run()
    assert done.exit_code == 1
    assert "broken" in done.stdout
    assert "No such file" in done.stderr


def test_ingest_follows_setting_of_holidays(papers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def warning() -> str | None:
        (source,) = wiring.build().sources
        assert isinstance(source, WarningSource)
        return source.warning(date(2027, 3, 2))

    monkeypatch.setenv("DIGESTD_SOURCES", "arxiv-rss:cs.LG")
    assert "arXiv's holidays of 2027 are not known" in str(warning())
    monkeypatch.setenv("DIGESTD_ARXIV_HOLIDAYS", "2027-01-01 2027-01-18")
    assert warning() is None
