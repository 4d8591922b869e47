"""Tables as a terminal shows them."""

import io
from datetime import datetime, timedelta, timezone

import pytest
from rich.cells import cell_len
from rich.console import Console

from digestd.cli.output import emit
from digestd.cli.tables import Cells, draw, fit_columns, pairs

PAPERS: list[Cells] = [
    {"id": "arxiv:2611.90001", "title": "大规模语言模型的推理能力：一项系统性综述", "chance": "0.708", "left_out": ""},
    {"id": "arxiv:2611.9", "title": "How river deltas grow " * 4, "chance": "-12.000", "left_out": ""},
]


def shown(rows: list[Cells], width: int) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width).print(draw(rows, fit_columns(rows), width))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_figures_stand_below_each_other_and_columns_without_anything_are_left_out() -> None:
    lines = shown(PAPERS, 140)
    assert lines[0].split() == ["id", "title", "chance"]
    assert {cell_len(line) for line in lines} == {cell_len(lines[0])}
    assert len(lines) == 1 + len(PAPERS)


def test_where_room_is_scarce_long_cells_are_folded_and_short_ones_stay_whole() -> None:
    lines = shown(PAPERS, 50)
    assert len(lines) > 1 + len(PAPERS)
    assert [line for line in lines if line.startswith("arxiv:2611.90001")]
    assert [line for line in lines if line.endswith("-12.000")]


def test_what_fits_no_table_stands_one_row_below_the_other() -> None:
    lines = shown(PAPERS, 40)
    assert lines[0] == "id      arxiv:2611.90001"
    assert "" in lines
    assert not [line for line in lines if line.startswith("left")]


@pytest.mark.parametrize("width", range(20, 130, 7))
def test_nothing_reaches_beyond_the_terminal_and_nothing_is_lost(width: int) -> None:
    lines = shown(PAPERS, width)
    assert max(map(cell_len, lines)) <= width
    assert " ".join(lines).count("deltas") == 4


class Terminal(io.StringIO):
    """Where a person reads."""

    def isatty(self) -> bool:
        """Always."""
        return True


def test_one_thing_is_drawn_with_its_rows_below_it_and_each_item_of_a_long_list_on_its_line(
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


def test_without_a_row_there_is_a_word(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdout", Terminal())
    emit([])
    assert capsys.readouterr().err == "none\n"


def test_a_name_is_written_without_its_underscores() -> None:
    out = io.StringIO()
    Console(file=out, width=60).print(pairs({"covers_from": "2026-11-24"}))
    assert out.getvalue().split() == ["covers", "from", "2026-11-24"]
