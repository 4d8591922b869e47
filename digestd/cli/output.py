"""Print data to standard output as a table or JSON.

On a terminal rows are drawn as a table; in a pipe they are lines of tab-separated cells. Rows may be any iterable and
are printed as they come. Times are in UTC, with a Z. Short cells and single words stay on one line, others are wrapped;
empty columns are left out, and numbers are aligned to the right. A table that does not fit stands one value below the
other.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import islice
from typing import TYPE_CHECKING, TypeGuard

import typer
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from digestd.cli.stdio import printable, say
from digestd.text.sanitise import escape_invisible

if TYPE_CHECKING:
    from digestd.delivery.attempt_recorder import RunCounters


Row = Mapping[str, object]
RefusedEntry = tuple[int | str, str, str]
"""The line number or the place of an entry in a file, the field, and what to do."""
_BLOCK = 200
"""The number of rows that are drawn together: column widths are computed from them."""


def emit(data: Row | Iterable[Row], as_json: bool = False) -> None:
    """Print one object, or rows with the keys of the first as columns."""
    if as_json:
        _json(data)
    elif isinstance(data, Mapping):
        _object(data)
    else:
        _rows(iter(data))


def emit_line(text: str) -> None:
    """Print one line of data."""
    _write(printable(text) + "\n")


def emit_import_report(counts: Mapping[str, int], refused: Iterable[RefusedEntry], as_json: bool) -> None:
    """Print how many entries of a file were imported, and each that was refused.

    Raises:
        typer.Exit: with code 1 if `counts["refused"]` is not 0.
    """
    rows = list(refused)
    entries = [dict(zip(("line", "field", "message"), row, strict=True)) for row in rows]
    emit({**counts, "refused": entries} if as_json else counts, as_json)
    for place, field, message in () if as_json else rows:
        where = f"line {place}" if isinstance(place, int) else place
        say(": ".join(part for part in (where, field, message) if part))
    if counts["refused"]:
        raise typer.Exit(1)


def _json(data: Row | Iterable[Row]) -> None:
    if isinstance(data, Mapping):
        _write(escape_invisible(json.dumps(data, ensure_ascii=False, indent=2, default=_as_json)) + "\n")
        return
    separator = "[\n"
    for row in data:
        _write(separator + escape_invisible(json.dumps(row, ensure_ascii=False, default=_as_json)))
        separator = ",\n"
    _write("[]\n" if separator == "[\n" else "\n]\n")


def _as_json(value: object) -> object:
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, tuple | set | frozenset):
        return list(value)
    return str(value)


def _object(data: Row) -> None:
    """Print one object: its values, then each list of rows below a heading."""
    lists = {name: value for name, value in data.items() if _is_rows(value)}
    own = {name: value for name, value in data.items() if name not in lists}
    if sys.stdout.isatty():
        Console().print(pairs({name: _long_cell(value) for name, value in own.items()}))
    else:
        _write("".join(f"{name}\t{_cell(value)}\n" for name, value in own.items()))
    for name, rows in lists.items():
        _heading(name)
        _rows(iter(rows))


def _long_cell(value: object) -> str:
    """Return a cell; the items of a long list are on a line each."""
    text = _cell(value)
    return "\n".join(map(_cell, value)) if isinstance(value, list | tuple) and len(text) > _LONG else text


_LONG = 60


def _is_rows(value: object) -> TypeGuard[list[Row]]:
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _heading(name: str) -> None:
    if sys.stdout.isatty():
        Console().print(Text(f"\n{heading(name)}", style="bold underline"))
    else:
        _write(f"\n{name}\n")


def _rows(rows: Iterator[Row]) -> None:
    if sys.stdout.isatty():
        _draw(rows)
        return
    first = True
    while block := list(islice(rows, _BLOCK)):
        _write("" if not first else "\t".join(block[0]) + "\n")
        _write("".join("\t".join(map(_cell, row.values())) + "\n" for row in block))
        first = False


def _draw(rows: Iterator[Row]) -> None:
    console, columns = Console(), None
    while block := [_cells(row) for row in islice(rows, _BLOCK)]:
        first = columns is None
        columns = columns or fit_columns(block)
        console.print(draw(block, columns, console.width, header=first))
    if columns is None:
        say("none")


def _cells(row: Row) -> dict[str, str]:
    return {name: _figure(value) if isinstance(value, float) else _cell(value) for name, value in row.items()}


def _figure(value: float) -> str:
    """Return a number with three decimals, so that columns line up.

    A very small or large number keeps its digits.
    """
    return f"{value:.3f}" if value == 0 or _LEAST <= abs(value) < _MOST else _cell(value)


_LEAST, _MOST = 0.001, 10_000


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{heading(name)} {_cell(item)}" for name, item in value.items() if item not in (None, [], ()))
    if isinstance(value, list | tuple):
        return "; ".join(_cell(item) for item in value)
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
    return printable(f"{value:.4g}" if isinstance(value, float) else str(value))


def _write(text: str) -> None:
    sys.stdout.write(text)


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


REFRESH_SECONDS = 0.25


@contextmanager
def progress(label: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a progress bar while the block runs.

    The block calls the yielded function with each advance.
    """
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(label, total=total)
        yield lambda steps: bar.advance(task, steps)


@contextmanager
def delivery_progress(counters: RunCounters, total: int, console: Console | None = None) -> Iterator[None]:
    """Show the counters of a delivery run while the block runs.

    They are done, rate, failures and time left.

    Must be used inside a running event loop.
    """
    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    columns = (
        TextColumn("delivering"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[counters]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("deliver", total=total, counters="")
        drawing = asyncio.ensure_future(_draw_counters(bar, counters, total))
        try:
            yield
        finally:
            drawing.cancel()
            bar.update(task, completed=counters.ended)


async def _draw_counters(bar: Progress, counters: RunCounters, total: int) -> None:
    [task] = bar.task_ids
    began, before = asyncio.get_running_loop().time(), counters.accepted
    while True:
        seconds = max(asyncio.get_running_loop().time() - began, REFRESH_SECONDS)
        rate = (counters.accepted - before) / seconds
        summary = f"{rate:.0f}/s  {counters.deferred} deferred  {counters.rejected} rejected"
        bar.update(task, completed=counters.ended, total=max(total, counters.ended), counters=summary)
        await asyncio.sleep(REFRESH_SECONDS)
