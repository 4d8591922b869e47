"""Test `digestd ingest`, `source` and `paper` on the command line."""

import json
import os
import tracemalloc
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
    """Run the command line on a fresh database without sources."""
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "DATABASE_URL": database_url,
        "SOURCES": "none",
        "SECRET_KEY_FILE": str(tmp_path / "key"),
        "NOW": "2026-11-24T07:00:00Z",
    }.items():
        monkeypatch.setenv(f"DIGESTD_{name}", value)
    (tmp_path / "key").write_bytes(b"a secret for the tests, 32 bytes!")

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(app, words)

    return invoke


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "papers.jsonl"
    path.write_text('{"id": "2611.00001", "title": "On $\\\\alpha$-lakes", "authors": ["Zoë"]}\n{"titel": "x"}\n')
    return path


def test_import_stores_good_lines_and_exits_1_after_bad_ones(run: Run, file: Path) -> None:
    result = run("paper", "import", str(file), "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "added": 1,
        "updated": 0,
        "unchanged": 0,
        "refused": [{"line": 2, "field": "titel", "message": "unknown key; did you mean 'title'?"}],
    }
    assert result.stderr == ""


def test_import_prints_counts_and_bad_lines(run: Run, file: Path) -> None:
    result = run("paper", "import", str(file))
    assert result.stdout.splitlines() == ["added\t1", "updated\t0", "unchanged\t0", "refused\t1"]
    assert (result.exit_code, result.stderr.startswith("line 2: titel: unknown key")) == (1, True)


def test_import_refuses_a_file_of_another_format_in_one_line(run: Run) -> None:
    result = run("paper", "import", "/etc/passwd")
    assert isinstance(result.exception, BadInput)
    assert str(result.exception).startswith("/etc/passwd is not JSONL; write one object per line, as in {")
    assert result.output == ""


def test_import_limits_memory_without_line_ends(run: Run, tmp_path: Path) -> None:
    endless = tmp_path / "endless.jsonl"
    with endless.open("wb") as out:
        out.write(b'{"title": "Lakes"}\n')
        out.truncate(1 << 28)
        out.seek(0, os.SEEK_END)
        out.write(b'\n{"title": "Rivers"}\n')
    tracemalloc.start()
    report = json.loads(run("paper", "import", str(endless), "--json").stdout)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (report["added"], [(one["line"], one["field"]) for one in report["refused"]]) == (2, [(2, "line")])
    assert peak < 64 << 20


def test_import_strict_is_all_or_nothing(run: Run, file: Path) -> None:
    assert json.loads(run("paper", "import", str(file), "--strict", "--json").stdout)["added"] == 0
    assert json.loads(run("paper", "list", "--json").stdout) == []


def test_paper_list_and_show_print_papers(run: Run, file: Path) -> None:
    run("paper", "import", str(file))
    (listed,) = json.loads(run("paper", "list", "--since", "2026-11-24", "--json").stdout)
    assert (listed["id"], listed["title"]) == ("arxiv:2611.00001", "On α-lakes")
    shown = json.loads(run("paper", "show", "https://arxiv.org/abs/2611.00001v2", "--json").stdout)
    assert shown["authors"] == ["Zoë"]
    assert json.loads(run("paper", "list", "--since", "2026-11-25", "--json").stdout) == []


def test_paper_show_reports_unknown_paper_in_one_line(run: Run) -> None:
    assert isinstance(run("paper", "show", "2611.00009").exception, NotFound)
    assert isinstance(run("paper", "show", "nonsense").exception, BadInput)
    assert isinstance(run("paper", "import", "no such file").exception, BadInput)
    assert isinstance(run("ingest", "--source", "nonsense").exception, BadInput)
    empty = run("ingest", "--source", "")
    assert (empty.exit_code, "the value is empty" in empty.output) == (2, True)
    assert isinstance(run("paper", "list", "--since", "yesterday").exception, BadInput)


def test_ingest_without_sources_sends_nothing(run: Run) -> None:
    result = run("ingest", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"sources": []})


def test_ingest_reads_a_file_source(run: Run, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGESTD_SOURCES", f"jsonl:{file},jsonl:/no/such")
    result = run("ingest", "--json")
    assert result.exit_code == 1
    good, broken = json.loads(result.stdout)["sources"]
    assert (good["state"], good["new"], good["rejected"]) == ("partial", 1, 1)
    assert broken["state"] == "broken"
    assert "skipped line 2: titel" in result.stderr
    listed = json.loads(run("source", "list", "--json").stdout)
    assert [source["state"] for source in listed] == ["answered", "broken"]
    assert "cannot read /no/such" in listed[1]["error"]


def test_source_list_shows_sources_never_fetched(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGESTD_SOURCES", "hf-daily")
    (listed,) = json.loads(run("source", "list", "--json").stdout)
    assert (listed["source"], listed["state"], listed["fetched"]) == ("hf-daily", "never asked", None)
