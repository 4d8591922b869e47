"""deliver: send what is ready."""

import asyncio
from typing import Annotated

import typer

from digestd import app as wiring
from digestd.app import App
from digestd.cli.arguments import Json
from digestd.cli.messages import say
from digestd.cli.output import emit
from digestd.cli.progress import delivery_progress
from digestd.cli.service import run_until_stopped
from digestd.delivery.attempt_recorder import RunCounters
from digestd.delivery.run import DeliveryReport
from digestd.digests.resource_limits import tune_gc_for_batch
from digestd.jobs.worker import clean_up, counts, run, settle_uncertain
from digestd.operations.service_status import waiting_lines
from digestd.store import service_activity
from digestd.store.ledger import queries
from digestd.text.inputs import NUMBER_MAX


def deliver(
    drain: Annotated[bool, typer.Option("--drain", help="Also send mails that become ready meanwhile.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, max=NUMBER_MAX, help="The maximum number of mails.")] = None,
    as_json: Json = False,
) -> None:
    """Send the mails that are ready.

    Exits 1 if a relay stopped accepting mail, or mails are held because their templates fail.

    Example: digestd deliver --drain --json
    """
    app = wiring.build()
    clean_up(app, app.clock())
    settle_uncertain(app, app.clock())
    tune_gc_for_batch()
    report = asyncio.run(run_until_stopped(lambda stop: _deliver(app, drain=drain, limit=limit, stop=stop)))
    emit(counts(report), as_json)
    if report.poisoned:
        say(f"{report.poisoned} could not be composed; see `digestd delivery list --state poisoned`")
    _say_waiting(app)
    _say_ready(app, limit)
    if report.stopped:
        say(f"stopped: {report.stopped}")
        raise typer.Exit(1)


def _say_waiting(app: App) -> None:
    """Say how many mails wait, until when and why."""
    with app.db.read() as session:
        found = service_activity.waiting(session)
    for line in waiting_lines(found, app.clock()):
        say(f"waiting: {line}")


def _say_ready(app: App, limit: int | None) -> None:
    """Say how many mails could be sent at once."""
    with app.db.read() as session:
        ready = queries.count_ready(session, app.clock())
    if ready:
        why = "became ready meanwhile" if limit is None else f"--limit {limit} allowed no more"
        say(f"{ready} mail{'s are' if ready > 1 else ' is'} still ready ({why}); run `digestd deliver` again")


async def _deliver(app: App, *, drain: bool, limit: int | None, stop: asyncio.Event) -> DeliveryReport:
    """Run once, with a progress bar."""
    with app.db.read() as session:
        ready = queries.count_ready(session, app.clock())
    counters = RunCounters()
    with delivery_progress(counters, ready if limit is None else min(limit, ready)):
        return await run(app, drain=drain, limit=limit, stop=stop, counters=counters)
