"""bench: what digestd does in a second, on this machine."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from digestd.bench import delivery as road
from digestd.bench.rank import Load, measure
from digestd.cli.output import emit, say
from digestd.errors import BadInput

app = typer.Typer(
    name="bench", help="Measure speed and memory, on invented data in a temporary database.", no_args_is_help=True
)
NOW = datetime(2026, 11, 24, 7, tzinfo=UTC)
"""When the invented day is; what is measured does not depend on it."""


class Dkim(StrEnum):
    """What signs the mails."""

    NONE = "none"
    ED25519 = "ed25519"
    RSA = "rsa"


@app.callback()
def bench() -> None:
    """Needs no settings and no `init`."""


@app.command("rank")
def rank(
    subscribers: Annotated[int, typer.Option(min=1, max=10_000_000, help="How many are ranked for.")] = 10_000,
    papers: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many papers the day has.")] = 1_000,
    archive: Annotated[
        int, typer.Option(min=0, max=1_000_000, help="Papers the text model is fitted on, and that are liked.")
    ] = 5_000,
    processes: Annotated[int, typer.Option(min=1, max=1_000, help="One a core.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Rank a day for everybody: all signals, fused, the top 40, reasons for the top 15.

    `ratio`: the CPU time of a bare sparse product of the same shapes to that of ranking.

    Example: digestd bench rank --subscribers 20000 --papers 1000 --json
    """
    emit(measure(Load(subscribers, papers, archive, processes=processes), NOW, say), as_json)


@app.command("delivery")
def delivery(
    subscribers: Annotated[int, typer.Option(min=1, max=10_000_000, help="How many get a digest.")] = 4_000,
    papers: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many papers the day has.")] = 500,
    picks: Annotated[int, typer.Option(min=1, max=50, help="Papers a digest, at most.")] = 15,
    dkim: Annotated[Dkim, typer.Option(help="Sign each mail with a key of this kind.")] = Dkim.NONE,
    processes: Annotated[int, typer.Option("--procs", min=1, max=1_000, help="Workers that deliver side by side.")] = 2,
    pairs: Annotated[int, typer.Option(min=1, max=1_000, help="smtp-source and digestd in turn, so many times.")] = 3,
    database: Annotated[str, typer.Option(help="An empty database; by default SQLite in a temporary folder.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Plan and mail digests to a local sink, beside Postfix's smtp-source: what a mail costs, and that all arrive.

    `ratio`: mails a second, planning included, to those of smtp-source; `cpu_ratio`: the same of CPU time.

    Example: digestd bench delivery --subscribers 20000 --dkim ed25519 --json
    """
    if subscribers < pairs * processes:
        raise BadInput("--subscribers: give at least one a pair and process")
    emit(road.measure(road.Load(subscribers, papers, picks, dkim, processes, pairs, database), NOW, say), as_json)
