"""plan: digests for every subscriber who is due."""

from typing import Annotated

import typer

from digestd import app as wiring
from digestd.cli.arguments import Json, parse_datetime
from digestd.cli.messages import say
from digestd.cli.output import emit
from digestd.digests.planner import plan
from digestd.digests.refit import is_due, prepare
from digestd.digests.resource_limits import tune_gc_for_batch


def plan_due(
    at: Annotated[
        str, typer.Option(help="Plan as of this time (ISO 8601), as in 2026-11-24T07:00:00Z. Default: now.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Plan a digest for every subscriber who is due.

    Then refit the text model if the archive has outgrown it.

    Example: digestd plan --at 2026-11-24T07:00:00Z
    """
    app = wiring.build()
    now = parse_datetime(at) if at else app.clock()
    app.restore_guard.require_resumed(app.clock())
    tune_gc_for_batch()
    report = plan(app.db, app.planner, now)
    if report.rescheduled:
        say(
            f"{report.rescheduled} subscribers were rescheduled: the clock was ahead when their last digest was planned"
        )
    emit({"due": report.due, "planned": report.planned, "empty": report.empty}, as_json)
    if is_due(app.db, app.encoder, app.clock()):
        prepare(app.db, app.encoder, app.clock())
