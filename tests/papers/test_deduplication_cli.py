"""Test `paper merge`, `paper split` and `paper show`."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from digestd.cli import app
from digestd.errors import BadInput, NotFound

pytestmark = pytest.mark.slow

Run = Callable[..., Result]


@pytest.fixture
def run(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command line on a database with two papers."""
    monkeypatch.chdir(tmp_path)
    key, file = tmp_path / "key", tmp_path / "papers.jsonl"
    key.write_bytes(b"a secret for the tests, 32 bytes!")
    file.write_text('{"id": "2611.00001", "title": "Lakes"}\n{"id": "doi:10.5555/r", "title": "Rivers"}\n')
    settings = {"DATABASE_URL": database_url, "SECRET_KEY_FILE": str(key), "NOW": "2026-11-24T07:00:00Z"}
    for name, value in settings.items():
        monkeypatch.setenv(f"DIGESTD_{name}", value)

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(app, words)

    invoke("paper", "import", str(file))
    return invoke


def test_paper_merge_show_and_split(run: Run) -> None:
    merged = run("paper", "merge", "2611.00001", "10.5555/r", "--json")
    assert (merged.exit_code, json.loads(merged.stdout)["id"]) == (0, "arxiv:2611.00001")
    shown = json.loads(run("paper", "show", "doi:10.5555/r", "--json").stdout)
    assert shown["ids"] == ["arxiv:2611.00001", "doi:10.5555/r"]
    [one] = shown["mergings"]
    assert (one["by"], one["evidence"], one["undone"]) == ("operator", "arxiv:2611.00001 = doi:10.5555/r", None)
    assert "1\toperator\tarxiv:2611.00001 = doi:10.5555/r" in run("paper", "show", "2611.00001").stdout
    split = run("paper", "split", "2611.00001", "--merging", str(one["merging"]), "--json")
    assert [paper["title"] for paper in json.loads(split.stdout)] == ["Lakes", "Rivers"]
    [one] = json.loads(run("paper", "show", "doi:10.5555/r", "--json").stdout)["mergings"]
    assert one["undone"].startswith("2026-11-24T07:0")


def test_paper_merge_and_split_report_what_is_impossible(run: Run) -> None:
    assert isinstance(run("paper", "merge", "2611.00001", "2611.00009").exception, NotFound)
    assert isinstance(run("paper", "merge", "2611.00001", "arxiv:2611.00001").exception, BadInput)
    assert isinstance(run("paper", "split", "2611.00001").exception, BadInput)
