"""How rows are drawn for a terminal of some width: as a table, or one below the other where a table would not fit.

Cells are given as text. Short ones and words stay in one piece, others are folded to what room there is; columns
without anything are left out, figures stand to the right.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

Cells = Mapping[str, str]
_SHORT, _WORD = 20, 34
"""Cells up to so long, with blanks and without, stay in one piece."""
_GAP = 2
_FIGURE = re.compile(r"(?:[-+]?[\d.,]+(?:e[-+]\d+)?%?)?")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: `least` it needs, and `most` it can use."""

    name: str
    least: int
    most: int
    right: bool


def columns_of(rows: Sequence[Cells]) -> list[Column]:
    """The columns of these rows that hold anything."""
    each = {name: [row.get(name, "") for row in rows] for name in rows[0]}
    return [_column(spoken(name), name, cells) for name, cells in each.items() if any(cells)]


def drawn(rows: Sequence[Cells], columns: Sequence[Column], width: int, *, header: bool = True) -> RenderableType:
    """The rows with these columns in a terminal of so many letters."""
    room = width - _GAP * (len(columns) - 1)
    if sum(column.least for column in columns) > room:
        return Group(*(_below_each_other(row, first=header and n == 0) for n, row in enumerate(rows)))
    table = Table(show_header=header, box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for column, granted in zip(columns, _widths(columns, room), strict=True):
        table.add_column(
            spoken(column.name), overflow="fold", justify="right" if column.right else "left", width=granted
        )
    for row in rows:
        table.add_row(*(Text(row.get(column.name, "")) for column in columns))
    return table


def pairs(cells: Cells) -> Table:
    """Names and what they stand for, a line each."""
    table = Table(show_header=False, box=None, pad_edge=False, padding=(0, _GAP, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, cell in cells.items():
        table.add_row(spoken(name), Text(cell))
    return table


def spoken(name: str) -> str:
    """A name as a heading."""
    return name.replace("_", " ")


def _column(heading: str, name: str, cells: Sequence[str]) -> Column:
    longest = max(map(cell_len, cells))
    is_whole = longest <= _SHORT or (longest <= _WORD and not any(" " in cell for cell in cells))
    word = max(map(cell_len, heading.split()))
    return Column(
        name,
        least=max(word, longest if is_whole else _SHORT),
        most=max(cell_len(heading), longest),
        right=all(map(_FIGURE.fullmatch, cells)),
    )


def _widths(columns: Sequence[Column], room: int) -> list[int]:
    """What each gets: its least, and a part of the rest by what it lacks."""
    lacking = [column.most - column.least for column in columns]
    spare = min(room - sum(column.least for column in columns), sum(lacking))
    granted = []
    for n, column in enumerate(columns):
        part = spare * lacking[n] // (sum(lacking[n:]) or 1)
        spare -= part
        granted.append(column.least + part)
    return granted


def _below_each_other(row: Cells, *, first: bool) -> RenderableType:
    told = pairs({name: cell for name, cell in row.items() if cell})
    return told if first else Group(Text(""), told)
