"""bench: what digestd does in a second, on this machine."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from digestd.bench.rank import Load, measure
from digestd.cli.output import emit, say

app = typer.Typer(
    name="bench", help="Measure speed and memory, on invented data in a temporary database.", no_args_is_help=True
)
NOW = datetime(2026, 11, 24, 7, tzinfo=UTC)
"""When the invented day is; what is measured does not depend on it."""


@app.callback()
def bench() -> None:
    """Needs no settings and no `init`."""


@app.command("rank")
def rank(
    subscribers: Annotated[int, typer.Option(min=1, help="How many are ranked for.")] = 10_000,
    papers: Annotated[int, typer.Option(min=1, help="How many papers the day has.")] = 1_000,
    archive: Annotated[
        int, typer.Option(min=0, help="Papers the text model is fitted on, and that are liked.")
    ] = 5_000,
    processes: Annotated[int, typer.Option(min=1, help="One a core.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Rank a day for everybody: all signals, fused, the top 40, reasons for the top 15.

    `ratio`: the CPU time of a bare sparse product of the same shapes to that of ranking.

    Example: digestd bench rank --subscribers 20000 --papers 1000 --json
    """
    emit(measure(Load(subscribers, papers, archive, processes=processes), NOW, say), as_json)
