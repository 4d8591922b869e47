"""Test `digestd coverage`."""

import io
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from digestd.cli import app
from digestd.cli.source import draw
from digestd.domain.coverage import Coverage, CoverageState
from digestd.errors import BadInput
from digestd.store.database import open_database
from digestd.store.papers import sources as stored_sources

Run = Callable[..., Result]
TODAY = date(2026, 11, 24)
ARXIV = "arxiv-rss:cs.CV+cs.LG+stat.ML"
ROWS = [
    Coverage("hf-daily", TODAY, CoverageState.LATE, 0, 40, "the page of the day is not there yet"),
    Coverage(ARXIV, TODAY, CoverageState.FRESH, 412, 400),
    Coverage(ARXIV, TODAY - timedelta(days=1), CoverageState.PARTIAL, 90, 400, "page 2 is missing"),
    Coverage(ARXIV, TODAY - timedelta(days=7), CoverageState.BROKEN, note="HTTP 503"),
]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return the command line of a new installation."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIGESTD_DATABASE_URL", f"sqlite:///{tmp_path / 'd.db'}")
    monkeypatch.setenv("DIGESTD_NOW", "2026-11-24T07:00:00Z")

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(app, words)

    assert invoke("init").exit_code == 0
    return invoke


@pytest.fixture
def noted(run: Run, tmp_path: Path) -> Run:
    """Return the same installation with coverage of some days."""
    db = open_database(f"sqlite:///{tmp_path / 'd.db'}")
    with db.write() as session:
        stored_sources.store_coverage(session, ROWS, datetime(2026, 11, 24, tzinfo=UTC))
    db.close()
    return run


def test_empty_coverage_names_next_step(run: Run) -> None:
    shown = run("coverage")
    assert (shown.exit_code, shown.stdout) == (0, "")
    assert (
        shown.stderr
        == "there is no data about any source for the last 7 days; `digestd ingest` fetches papers\n"
    )  # fmt: skip
    assert json.loads(run("coverage", "--json").stdout) == []


def test_pipe_gets_one_line_per_source_and_day(noted: Run) -> None:
    lines = noted("coverage").stdout.splitlines()
    assert lines == [
        "day\tsource\tstate\titems\texpected\tnote",
        f"2026-11-24\t{ARXIV}\tfresh\t412\t400\t",
        "2026-11-24\thf-daily\tlate\t0\t40\tthe page of the day is not there yet",
        f"2026-11-23\t{ARXIV}\tpartial\t90\t400\tpage 2 is missing",
    ]


def test_json_is_array_of_days(noted: Run) -> None:
    rows = json.loads(noted("coverage", "--days", "8", "--json").stdout)
    assert [(row["day"], row["source"], row["state"]) for row in rows] == [
        ("2026-11-24", ARXIV, "fresh"),
        ("2026-11-24", "hf-daily", "late"),
        ("2026-11-23", ARXIV, "partial"),
        ("2026-11-17", ARXIV, "broken"),
    ]
    assert rows[0] == {
        "day": "2026-11-24", "source": ARXIV, "state": "fresh", "items": 412, "expected": 400, "note": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "sources"),
    [
        (("--source", "hf-daily"), ["hf-daily"]),
        (("--source", "arxiv-rss"), [ARXIV, ARXIV]),
        (("--source", ARXIV, "--days", "1"), [ARXIV]),
        (("--source", "arxiv"), []),
    ],
)
def test_source_and_kind_filter(noted: Run, words: tuple[str, ...], sources: list[str]) -> None:
    shown = noted("coverage", *words, "--json")
    assert [row["source"] for row in json.loads(shown.stdout)] == sources
    assert ("`digestd source list` shows the sources" in shown.stderr) == (not sources)


def test_zero_days_is_usage_error(run: Run) -> None:
    assert run("coverage", "--days", "0").exit_code == 2


def _drawn(width: int, **console: bool) -> str:
    out = io.StringIO()
    draw(Console(file=out, width=width, force_terminal=True, color_system="standard", **console), ROWS)  # type: ignore[arg-type]  # bool options only
    return out.getvalue()


def test_table_is_readable_without_colour() -> None:
    lines = [line.rstrip() for line in _plain(_drawn(100, no_color=True)).splitlines()]
    assert lines[0].split() == ["source", "Tue", "24", "Mon", "23", "Sun", "22", "Sat", "21", "Fri", "20", "Thu", "19",
                                "Wed", "18", "Tue", "17"]  # fmt: skip
    assert lines[1].split() == [ARXIV, "●", "412", "◐", "90", "·", "·", "·", "·", "·", "✗"]
    assert lines[2].split() == ["hf-daily", "◷", "·", "·", "·", "·", "·", "·", "·"]
    assert lines[4] == "● fresh   ○ quiet   ◐ partial   ◷ late   ≈ stale   ✗ broken   · no data"
    assert "\x1b[3" not in _drawn(100, no_color=True)
    assert "\x1b[32m" in _drawn(100)


def test_narrow_terminal_wraps_days() -> None:
    drawn = _plain(_drawn(60)).splitlines()
    assert [line.split()[1::2] for line in drawn if line.startswith("source")] == [
        ["Tue", "Mon", "Sun", "Sat"], ["Fri", "Thu", "Wed", "Tue"],
    ]  # fmt: skip
    assert all(len(line) <= 60 for line in drawn[:8])


def test_states_have_distinct_signs() -> None:
    legend = _plain(_drawn(100)).splitlines()[4]
    assert {word for word in legend.split() if word.isascii() and word.isalpha()} >= set(CoverageState)
    signs = [word for word in legend.split() if not word.isascii()]
    assert len(signs) == len(set(signs)) == len(CoverageState) + 1


def _plain(drawn: str) -> str:
    """Return the text without terminal colours."""
    out, _, rest = drawn.partition("\x1b[")
    while rest:
        _, _, rest = rest.partition("m")
        text, _, rest = rest.partition("\x1b[")
        out += text
    return out


def test_unknown_source_is_refused(noted: Run) -> None:
    refused = noted("coverage", "--source", "nosuch")
    assert isinstance(refused.exception, BadInput)
    assert str(refused.exception) == "unknown source nosuch; `digestd source list` shows the sources"
