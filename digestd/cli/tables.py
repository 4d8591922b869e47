"""Draw rows for a terminal.

They are a table, or stand one below the other if a table would not fit its width.

Cells are text. Short cells and single words stay on one line, others are wrapped; empty columns are left out, and
numbers are aligned to the right.
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
"""The longest cells, with and without spaces, that are not wrapped."""
_GAP = 2
_FIGURE = re.compile(r"(?:[-+]?[\d.,]+(?:e[-+]\d+)?%?)?")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; `least` and `most` are widths in terminal cells."""

    name: str
    least: int
    most: int
    right: bool


def fit_columns(rows: Sequence[Cells]) -> list[Column]:
    """Return the columns of the rows that are not empty."""
    each = {name: [row.get(name, "") for row in rows] for name in rows[0]}
    return [_column(heading(name), name, cells) for name, cells in each.items() if any(cells)]


def draw(rows: Sequence[Cells], columns: Sequence[Column], width: int, *, header: bool = True) -> RenderableType:
    """Return the rows as a table of these columns, for a terminal of `width` cells."""
    room = width - _GAP * (len(columns) - 1)
    if sum(column.least for column in columns) > room:
        return Group(*(_below_each_other(row, first=header and n == 0) for n, row in enumerate(rows)))
    table = Table(show_header=header, box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for column, granted in zip(columns, _widths(columns, room), strict=True):
        table.add_column(
            heading(column.name), overflow="fold", justify="right" if column.right else "left", width=granted
        )
    for row in rows:
        table.add_row(*(Text(row.get(column.name, "")) for column in columns))
    return table


def pairs(cells: Cells) -> Table:
    """Return names and values, a line each."""
    table = Table(show_header=False, box=None, pad_edge=False, padding=(0, _GAP, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, cell in cells.items():
        table.add_row(heading(name), Text(cell))
    return table


def heading(name: str) -> str:
    """Return a name as a heading."""
    return name.replace("_", " ")


def _column(title: str, name: str, cells: Sequence[str]) -> Column:
    longest = max(map(cell_len, cells))
    is_whole = longest <= _SHORT or (longest <= _WORD and not any(" " in cell for cell in cells))
    word = max(map(cell_len, title.split()))
    return Column(
        name,
        least=max(word, longest if is_whole else _SHORT),
        most=max(cell_len(title), longest),
        right=all(map(_FIGURE.fullmatch, cells)),
    )


def _widths(columns: Sequence[Column], room: int) -> list[int]:
    """Return the widths of the columns.

    Each gets its least width, and spare room in proportion to what it lacks.
    """
    lacking = [column.most - column.least for column in columns]
    spare = min(room - sum(column.least for column in columns), sum(lacking))
    granted = []
    for n, column in enumerate(columns):
        part = spare * lacking[n] // (sum(lacking[n:]) or 1)
        spare -= part
        granted.append(column.least + part)
    return granted


def _below_each_other(row: Cells, *, first: bool) -> RenderableType:
    block = pairs({name: cell for name, cell in row.items() if cell})
    return block if first else Group(Text(""), block)
