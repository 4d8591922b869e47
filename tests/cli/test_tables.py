"""Test tables on a terminal."""

import io
from datetime import datetime, timedelta, timezone

import pytest
from rich.cells import cell_len
from rich.console import Console

from digestd.cli.output import Cells, draw, emit, pairs

PAPERS: list[Cells] = [
    {"id": "arxiv:2611.90001", "title": "大规模语言模型的推理能力：一项系统性综述", "chance": "0.708", "left_out": ""},
    {"id": "arxiv:2611.9", "title": "How river deltas grow " * 4, "chance": "-12.000", "left_out": ""},
]


def shown(rows: list[Cells], width: int) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width).print(draw(rows, width))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_table_aligns_figures_and_omits_empty_columns() -> None:
    lines = shown(PAPERS, 140)
    assert lines[0].split() == ["id", "title", "chance"]
    assert {cell_len(line) for line in lines} == {cell_len(lines[0])}
    assert len(lines) == 1 + len(PAPERS)


def test_narrow_table_folds_long_cells_only() -> None:
    lines = shown(PAPERS, 50)
    assert len(lines) > 1 + len(PAPERS)
    assert [line for line in lines if line.startswith("arxiv:2611.90001")]
    assert [line for line in lines if line.endswith("-12.000")]


def test_too_wide_table_becomes_records() -> None:
    lines = shown(PAPERS, 40)
    assert lines[0] == "id      arxiv:2611.90001"
    assert "" in lines
    assert not [line for line in lines if line.startswith("left")]


@pytest.mark.parametrize("width", range(20, 130, 7))
def test_table_fits_terminal_and_loses_nothing(width: int) -> None:
    lines = shown(PAPERS, width)
    assert max(map(cell_len, lines)) <= width
    assert " ".join(lines).count("deltas") == 4


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        """Return True."""
        return True


def test_object_is_drawn_with_nested_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("TERM", "dumb")
    at = datetime(2026, 11, 24, 8, 0, 5, 999, tzinfo=timezone(timedelta(hours=1)))
    topics = ["protein folding by contacts", "river deltas", "sorting networks, in depth"]
    emit({"is_late": False, "at": at, "topics": topics, "few": [1, 2], "tries": [{"n": 1, "took": 0.5}]})
    lines = [line.strip() for line in terminal.getvalue().splitlines()]
    assert lines == [
        "is late  no",
        "at       2026-11-24 07:00:05Z",
        *("topics   protein folding by contacts", "river deltas", "sorting networks, in depth"),
        "few      1; 2",
        "",
        *("tries", "n   took", "1  0.500"),
    ]


def test_empty_table_prints_note(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdout", Terminal())
    emit([])
    assert capsys.readouterr().err == "none\n"


def test_heading_has_no_underscores() -> None:
    out = io.StringIO()
    Console(file=out, width=60).print(pairs({"covers_from": "2026-11-24"}))
    assert out.getvalue().split() == ["covers", "from", "2026-11-24"]
