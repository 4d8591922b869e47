"""adopt: go on with a database that was put back from a backup, or on another machine."""

from dataclasses import asdict
from typing import Annotated

import typer

from digestd import app as wiring
from digestd.cli.output import emit
from digestd.deliver.adopting import adopt
from digestd.deliver.departures import this_machine
from digestd.plan import plan
from digestd.scheduler import NAME
from digestd.worker import tidy


def adopt_database(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Go on after a backup was put back, or on another machine: what had been sent is noted, and goes to nobody twice.

    Run it once on every machine that sent mails, before any is started again.

    Example: digestd adopt
    """
    app = wiring.build()
    with app.owners.hold(NAME):
        tidy(app, app.clock())
        plan(app.db, app.planner, app.clock())
        done = adopt(app.db, app.keys, app.sender.bounce, app.journals, this_machine(), app.clock())
    emit(asdict(done), as_json)
