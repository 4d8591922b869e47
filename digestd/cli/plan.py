"""plan: digests for everybody whose hour has come."""

from typing import Annotated

import typer

from digestd import app as wiring
from digestd.cli.heap import long_run
from digestd.cli.moments import moment
from digestd.cli.output import emit, say
from digestd.plan import plan
from digestd.store import due


def plan_due(
    at: Annotated[str, typer.Option(help="Plan as of this time (ISO 8601), e.g. 2026-11-24T07:00:00Z.")] = "",
    due_again: Annotated[
        bool,
        typer.Option(
            "--due-again",
            help="First have those due by the clock as it is now who wait for a day more than ten days away, as "
            "after a clock that stood wrong.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Plan a digest for every subscriber whose hour has come.

    Example: digestd plan --at 2026-11-24T07:00:00Z
    """
    app = wiring.build()
    now = moment(at) if at else app.clock()
    if due_again:
        with app.db.write() as session:
            say(f"{due.reschedule_misscheduled(session, now)} are looked at anew")
    long_run()
    report = plan(app.db, app.planner, now)
    emit({"due": report.due, "planned": report.planned, "empty": report.empty}, as_json)
