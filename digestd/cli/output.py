"""Print data to standard output as a table or JSON.

Messages go to standard error.

On a terminal rows are drawn as a table; in a pipe they are lines of tab-separated cells. Rows may be any iterable and
are printed as they come. Times are in UTC, with a Z.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from itertools import islice
from typing import TypeGuard

import typer
from rich.console import Console
from rich.text import Text

from digestd.cli import tables
from digestd.cli.messages import printable, say
from digestd.text.sanitise import escape_invisible

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
        Console().print(tables.pairs({name: _long_cell(value) for name, value in own.items()}))
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
        Console().print(Text(f"\n{tables.heading(name)}", style="bold underline"))
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
        columns = columns or tables.fit_columns(block)
        console.print(tables.draw(block, columns, console.width, header=first))
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
        return ", ".join(
            f"{tables.heading(name)} {_cell(item)}" for name, item in value.items() if item not in (None, [], ())
        )
    if isinstance(value, list | tuple):
        return "; ".join(_cell(item) for item in value)
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
    return printable(f"{value:.4g}" if isinstance(value, float) else str(value))


def _write(text: str) -> None:
    sys.stdout.write(text)
