"""adopt: go on with a database that was put back from a backup, or on another machine."""

from dataclasses import asdict
from typing import Annotated

import typer

from digestd import app as wiring
from digestd.cli.output import emit
from digestd.deliver.restore_guard import resume_after_restore
from digestd.deliver.sent_journal import read_machine_id
from digestd.plan import plan
from digestd.scheduler import NAME
from digestd.worker import clean_up


def adopt_database(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Go on after a backup was put back, or on another machine: what had been sent is noted, and goes to nobody twice.

    Run it once on every machine that sent mails, before any is started again.

    Example: digestd adopt
    """
    app = wiring.build()
    with app.owners.hold(NAME):
        clean_up(app, app.clock())
        plan(app.db, app.planner, app.clock())
        done = resume_after_restore(app.db, app.keys, app.sender.bounce, app.journals, read_machine_id(), app.clock())
    emit(asdict(done), as_json)
