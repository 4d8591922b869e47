"""deliver: what is ready goes out."""

import asyncio
from typing import Annotated

import typer

from digestd import app as wiring
from digestd.app import App
from digestd.cli.bar import watching
from digestd.cli.heap import long_run
from digestd.cli.output import emit, say
from digestd.cli.stopping import until_stopped
from digestd.deliver import DeliverReport, Tally
from digestd.domain.typed import NUMBER_MAX
from digestd.store.ledger import queries
from digestd.worker import counts, run, settle_open_ends, tidy


def deliver_ready(
    drain: Annotated[bool, typer.Option("--drain", help="Also send what becomes ready meanwhile.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, max=NUMBER_MAX, help="Send at most so many.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Send what is ready; exits 1 if the relay did not serve us.

    Example: digestd deliver --drain --json
    """
    app = wiring.build()
    tidy(app, app.clock())
    settle_open_ends(app, app.clock())
    long_run()
    report = asyncio.run(until_stopped(lambda stop: _delivered(app, drain=drain, limit=limit, stop=stop)))
    emit(counts(report), as_json)
    if report.poisoned:
        say(f"{report.poisoned} could not be composed; see `digestd delivery list --state poisoned`")
    if report.stopped:
        say(f"stopped: {report.stopped}")
        raise typer.Exit(1)


async def _delivered(app: App, *, drain: bool, limit: int | None, stop: asyncio.Event) -> DeliverReport:
    """One run, its progress drawn on a terminal."""
    with app.db.read() as session:
        ready = queries.count_ready(session, app.clock())
    tally = Tally()
    with watching(tally, ready if limit is None else min(limit, ready)):
        return await run(app, drain=drain, limit=limit, stop=stop, tally=tally)
