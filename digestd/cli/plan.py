"""plan: digests for everybody whose hour has come."""

from typing import Annotated

import typer

from digestd import app as wiring
from digestd.cli.moments import moment
from digestd.cli.output import emit
from digestd.plan import plan


def plan_due(
    at: Annotated[str, typer.Option(help="Plan as of this time (ISO 8601), e.g. 2026-11-24T07:00:00Z.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Plan a digest for every subscriber whose hour has come.

    Example: digestd plan --at 2026-11-24T07:00:00Z
    """
    app = wiring.build()
    report = plan(app.db, app.planner, moment(at) if at else app.clock())
    emit({"due": report.due, "planned": report.planned, "empty": report.empty}, as_json)
