"""coverage: how complete each day of each source is."""

import sys
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from digestd import app as wiring
from digestd.cli.arguments import Json
from digestd.cli.messages import say
from digestd.cli.output import emit
from digestd.domain.coverage import COMPLETE, Coverage, CoverageState
from digestd.errors import BadInput
from digestd.sources import source_type
from digestd.store.papers import sources

_SIGNS: dict[CoverageState, tuple[str, str]] = {
    CoverageState.FRESH: ("●", "green"),
    CoverageState.QUIET: ("○", "dim"),
    CoverageState.PARTIAL: ("◐", "yellow"),
    CoverageState.LATE: ("◷", "yellow"),
    CoverageState.STALE: ("≈", "yellow"),
    CoverageState.BROKEN: ("✗", "bold red"),
}
"""A sign and a colour for each state, so that the picture is readable without colour."""
_NOTHING = "·"
_CELL, _SOURCE_MAX = 7, 30
"""Widths in terminal cells: of one day, and of the longest name of a source."""


def show_coverage(
    days: Annotated[int, typer.Option(min=1, max=366, help="The number of days, today included.")] = 7,
    source: Annotated[str, typer.Option(help="Only this source or kind of source, as in arxiv-rss.")] = "",
    as_json: Json = False,
) -> None:
    """Show how complete each day of each source is.

    Draws a picture on a terminal; in a pipe prints one line per day and source.

    Example: digestd coverage --days 14 --source biorxiv
    """
    app = wiring.connect()
    today = app.clock().date()
    with app.db.read() as session:
        found = [
            row for row in sources.recent_coverage(session, today - timedelta(days=days - 1)) if _is_of(row, source)
        ]
    if not found:
        _refuse_unknown(source)
        say(_nothing(days, source))
    if found and not as_json and sys.stdout.isatty():
        draw(Console(), found)
        if remarks := [_remark(row) for row in found if row.state not in COMPLETE]:
            emit(remarks)
        return
    if found or as_json:
        emit([_row(row) for row in found], as_json)


def draw(console: Console, found: Sequence[Coverage]) -> None:
    """Draw one line per source and one column per day, newest first.

    Lines are wrapped to the width.
    """
    days = _days(found)
    width = min(_SOURCE_MAX, max(len(row.source) for row in found))
    room = max(1, (console.width - width) // _CELL)
    for start in range(0, len(days), room):
        console.print(_table(found, days[start : start + room]))
        console.print()
    console.print(_legend())
    console.print()


def _days(found: Sequence[Coverage]) -> list[date]:
    """Return every day from the newest to the oldest, including days without data."""
    newest, oldest = max(row.day for row in found), min(row.day for row in found)
    return [newest - timedelta(days=back) for back in range((newest - oldest).days + 1)]


def _table(found: Iterable[Coverage], days: Sequence[date]) -> Table:
    cells = {(row.source, row.day): _cell(row) for row in found}
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("source", overflow="fold", max_width=_SOURCE_MAX)
    for day in days:
        table.add_column(f"{day:%a %d}", no_wrap=True, min_width=_CELL - 1)
    for source in sorted({source for source, _ in cells}):
        table.add_row(Text(source), *(cells.get((source, day), Text(_NOTHING, style="dim")) for day in days))
    return table


def _cell(row: Coverage) -> Text:
    sign, style = _SIGNS[row.state]
    return Text(f"{sign} {row.items}" if row.items else sign, style=style)


def _legend() -> Text:
    legend = Text()
    for state, (sign, style) in _SIGNS.items():
        legend.append(f"{sign} {state}", style=style).append("   ")
    return legend.append(f"{_NOTHING} no data", style="dim")


def _is_of(row: Coverage, source: str) -> bool:
    return not source or source in (row.source, row.source.partition(":")[0])


def _refuse_unknown(source: str) -> None:
    if source and source_type(source) is None:
        raise BadInput(f"unknown source {source[:80]}; `digestd source list` shows the sources")


def _nothing(days: int, source: str) -> str:
    who = source[:80] or "any source"
    span = "today" if days == 1 else f"the last {days} days"
    remedy = "`digestd source list` shows the sources" if source else "`digestd ingest` fetches papers"
    return f"there is no data about {who} for {span}; {remedy}"


def _row(row: Coverage) -> dict[str, object]:
    return {
        "day": row.day.isoformat(),
        "source": row.source,
        "state": row.state.value,
        "items": row.items,
        "expected": row.expected,
        "note": row.note or None,
    }


def _remark(row: Coverage) -> dict[str, object]:
    expected = "" if row.expected is None else f"about {row.expected}"
    return {"day": row.day.isoformat(), "source": row.source, "state": row.state.value, "items": row.items,
            "expected": expected, "note": row.note}  # fmt: skip
