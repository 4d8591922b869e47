"""What commands print: data to stdout, as a table or JSON; words about it to stderr.

On a terminal a table is drawn; in a pipe the same rows are lines of tab-separated cells. Rows
may be any iterable, and are printed as they come. Times are UTC, and say so.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from itertools import islice
from typing import TypeGuard

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from digestd.cli import tables
from digestd.domain.sanitise import spelled_out

Row = Mapping[str, object]
_BLOCK = 200
"""So many rows are drawn at a time: a table needs them together to fit its columns."""


def emit(data: Row | Iterable[Row], as_json: bool = False) -> None:
    """Print one thing, or rows with the keys of the first as columns."""
    if as_json:
        _json(data)
    elif isinstance(data, Mapping):
        _pairs(data)
    else:
        _rows(iter(data))


def tell(words: str) -> None:
    """Print one line of data that is no table."""
    _write(_printable(words) + "\n")


def say(words: str) -> None:
    """Tell a person something about the work, one line; never part of the data."""
    print(_printable(words), file=sys.stderr)  # noqa: T201  # printing is what this file is for


@contextmanager
def progress(label: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar on the terminal while something long runs: call what is yielded with each advance; none in a pipe."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(label, total=total)
        yield lambda steps: bar.advance(task, steps)


def _json(data: Row | Iterable[Row]) -> None:
    if isinstance(data, Mapping):
        _write(spelled_out(json.dumps(data, ensure_ascii=False, indent=2, default=_as_json)) + "\n")
        return
    separator = "[\n"
    for row in data:
        _write(separator + spelled_out(json.dumps(row, ensure_ascii=False, default=_as_json)))
        separator = ",\n"
    _write("[]\n" if separator == "[\n" else "\n]\n")


def _as_json(value: object) -> object:
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, tuple | set | frozenset):
        return list(value)
    return str(value)


def _pairs(data: Row) -> None:
    """One thing: its own values first, then each list of rows below a heading."""
    lists = {name: value for name, value in data.items() if _is_rows(value)}
    own = {name: value for name, value in data.items() if name not in lists}
    if sys.stdout.isatty():
        Console().print(tables.pairs({name: _listed(value) for name, value in own.items()}))
    else:
        _write("".join(f"{name}\t{_cell(value)}\n" for name, value in own.items()))
    for name, rows in lists.items():
        _heading(name)
        _rows(iter(rows))


def _listed(value: object) -> str:
    """A cell with room: of a list that is long each item has its line."""
    told = _cell(value)
    return "\n".join(map(_cell, value)) if isinstance(value, list | tuple) and len(told) > _LONG else told


_LONG = 60


def _is_rows(value: object) -> TypeGuard[list[Row]]:
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _heading(name: str) -> None:
    if sys.stdout.isatty():
        Console().print(Text(f"\n{tables.spoken(name)}", style="bold underline"))
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
        columns = columns or tables.columns_of(block)
        console.print(tables.drawn(block, columns, console.width, header=first))
    if columns is None:
        say("none")


def _cells(row: Row) -> dict[str, str]:
    return {name: _figure(value) if isinstance(value, float) else _cell(value) for name, value in row.items()}


def _figure(value: float) -> str:
    """With as many decimals as those above and below it, unless they would say nothing of it."""
    return f"{value:.3f}" if value == 0 or _LEAST <= abs(value) < _MOST else _cell(value)


_LEAST, _MOST = 0.001, 10_000


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(
            f"{tables.spoken(name)} {_cell(item)}" for name, item in value.items() if item not in (None, [], ())
        )
    if isinstance(value, list | tuple):
        return "; ".join(_cell(item) for item in value)
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
    return _printable(f"{value:.4g}" if isinstance(value, float) else str(value))


def _printable(words: str) -> str:
    """No control characters: titles come from anywhere, and terminals obey them."""
    return "".join(letter if letter.isprintable() else " " for letter in words)


def _write(text: str) -> None:
    sys.stdout.write(text)
