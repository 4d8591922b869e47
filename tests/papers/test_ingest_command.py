"""Test `digestd ingest`: recordings, `--since` and its output."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from digestd.cli import app
from digestd.errors import BadInput

pytestmark = pytest.mark.slow

RSS = "https://rss.arxiv.org/atom/cs.LG"
BODY = (Path(__file__).parents[1] / "sources/samples/arxiv-rss.atom.xml").read_bytes()


@pytest.fixture
def recording(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a recording of one feed, and a fresh installation.

    At the time it was made.
    """
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "DATABASE_URL": sqlite_url,
        "SOURCES": "arxiv-rss:cs.LG",
        "SECRET_KEY_FILE": str(tmp_path / "key"),
        "NOW": "2026-11-24T07:00:00Z",
    }.items():
        monkeypatch.setenv(f"DIGESTD_{name}", value)
    (tmp_path / "key").write_bytes(b"a secret for the tests, 32 bytes!")
    folder = tmp_path / "recording"
    folder.mkdir()
    (folder / "0001-rss.arxiv.org").write_bytes(BODY)
    (folder / "index.jsonl").write_text(json.dumps({"method": "GET", "url": RSS, "file": "0001-rss.arxiv.org"}) + "\n")
    return folder


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["ingest", *words])


def test_ingest_replay_sends_nothing(recording: Path) -> None:
    done = run("--replay", str(recording), "--json")
    assert done.exit_code == 0, done.output
    (report,) = json.loads(done.stdout)["sources"]
    assert (report["source"], report["state"], report["new"], report["days"]) == (
        "arxiv-rss:cs.LG", "fresh", 2, {"2026-11-24": "fresh"},
    )  # fmt: skip


def test_ingest_replay_names_missing_answer(recording: Path) -> None:
    done = run("--source", "arxiv-rss:cs.CL", "--replay", str(recording))
    assert done.exit_code == 1
    assert "broken" in done.stdout
    assert "is not in the recording" in done.stdout


def test_ingest_record_and_replay_are_exclusive(recording: Path) -> None:
    assert isinstance(run("--replay", str(recording), "--record", "elsewhere").exception, BadInput)
    assert isinstance(run("--replay", "no such folder").exception, BadInput)


def test_ingest_warns_of_year_without_holidays(recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGESTD_NOW", "2027-03-02T07:00:00Z")
    done = run("--source", "arxiv-rss:cs.LG", "--replay", str(recording))
    assert "arXiv's holidays of 2027 are not known" in done.stderr
    monkeypatch.setenv("DIGESTD_ARXIV_HOLIDAYS", "2027-01-01 2027-01-18")
    done = run("--source", "arxiv-rss:cs.LG", "--replay", str(recording))
    assert "are not known" not in done.stderr
