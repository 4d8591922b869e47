"""Print data to standard output as a table or JSON; draw progress on standard error.

On a terminal rows are drawn as a table; in a pipe they are lines of tab-separated cells. Rows may be any iterable and
are printed as they come. Times are in UTC, with a Z. Short cells and single words stay on one line, others are wrapped;
empty columns are left out, and numbers are aligned to the right. A table that does not fit stands one value below the
other.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import wraps
from inspect import Parameter, signature
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import typer
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from digestd.cli.arguments import Json
from digestd.cli.stdio import printable, said, say
from digestd.errors import BadInput
from digestd.files import explain
from digestd.text.sanitise import escape_invisible

if TYPE_CHECKING:
    from rich.progress import Progress

    from digestd.delivery.attempt_recorder import RunCounters

Row = Mapping[str, object]
RefusedEntry = tuple[int | str, str, str]
"""The line number or the place of an entry in a file, the field, and what to do."""
_BLOCK = 200
"""The number of rows that are drawn together, below a heading."""


def emit(data: Row | Iterable[Row], as_json: bool = False) -> None:
    """Print one object, or rows with the keys of the first as columns."""
    if as_json:
        _json(data)
    elif isinstance(data, Mapping):
        _object(data)
    else:
        _rows(iter(data))


def write_out(shown: bytes, out: Path | None) -> None:
    """Write to the file of --out, or to standard output. Raises BadInput."""
    if out is None:
        typer.echo(shown, nl=False)
        return
    try:
        out.write_bytes(shown)
    except OSError as error:
        raise BadInput(f"--out: cannot write {explain(error, out)}") from error


def with_json(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that has `--json`, and prints its messages as JSON if it prints nothing else so."""
    known = signature(command, eval_str=True)
    is_own = "as_json" in known.parameters

    @wraps(command)
    def run(*, as_json: bool = False, **options: Any) -> None:
        said.clear()
        _printed.clear()
        try:
            command(**options, **({"as_json": as_json} if is_own else {}))
        except typer.Exit:
            _print_messages(as_json)
            raise
        _print_messages(as_json)

    if not is_own:
        option = Parameter("as_json", Parameter.KEYWORD_ONLY, default=False, annotation=Json)
        known = known.replace(parameters=[*known.parameters.values(), option])
    run.__signature__ = known  # type: ignore[attr-defined]  # for Typer
    return run


def _print_messages(as_json: bool) -> None:
    if as_json and not _printed:
        _json({"messages": said})


_printed: list[bool] = []
"""True once the running command has printed JSON."""


def emit_line(text: str) -> None:
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
    _printed.append(True)
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
    console, is_empty = Console(), True
    while block := [_cells(row) for row in islice(rows, _BLOCK)]:
        console.print(draw(block, console.width))
        is_empty = False
    if is_empty:
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


def draw(rows: Sequence[Cells], width: int) -> RenderableType:
    """Return the rows as a table for a terminal of `width` cells, or below each other if it does not fit."""
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    columns = {name: cells for name in rows[0] if any(cells := [row.get(name, "") for row in rows])}
    least = 0
    for name, cells in columns.items():
        longest = max(map(cell_len, cells))
        is_whole = longest <= _SHORT or (longest <= _WORD and not any(" " in cell for cell in cells))
        wanted = max(longest if is_whole else _SHORT, cell_len(heading(name)))
        least += wanted + _GAP
        table.add_column(
            heading(name),
            overflow="fold",
            justify="right" if not "".join(cells).strip("0123456789+-.,e%") else "left",
            no_wrap=is_whole,
            min_width=wanted,
        )
    if least - _GAP > width:
        blocks = [pairs({name: cell for name, cell in row.items() if cell}) for row in rows]
        return Group(*(part for block in blocks for part in (block, Text(""))))
    for row in zip(*columns.values(), strict=True):
        table.add_row(*map(Text, row))
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
    return name.replace("_", " ")


@contextmanager
def progress(label: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on a terminal while the block runs, which calls the yielded function with each advance."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    count = MofNCompleteColumn() if total is None else TaskProgressColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), count, TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(label, total=total)
        yield lambda steps: bar.advance(task, steps)


def delivery_progress(counters: "RunCounters", total: int, console: Console | None = None) -> "Progress":
    """Return a bar with the counters of a delivery run, its rate and the time left, drawn four times a second."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    class CountersProgress(Progress):
        def get_renderables(self) -> Iterable[RenderableType]:
            for task in self.tasks:
                rate = f"{task.speed or 0:.0f}/s  {counters.deferred} deferred  {counters.rejected} rejected"
                self.update(task.id, completed=counters.ended, total=max(total, counters.ended), counters=rate)
            yield from super().get_renderables()

    console = console or Console(stderr=True)
    text = TextColumn("delivering"), TextColumn("{task.fields[counters]}")
    columns = (text[0], BarColumn(), MofNCompleteColumn(), text[1], TimeRemainingColumn())
    bar = CountersProgress(
        *columns, console=console, transient=True, refresh_per_second=4, disable=not console.is_terminal
    )
    bar.add_task("deliver", total=total, counters="")
    return bar
