"""restore: guard against sending twice after a restore or a move.

A restore puts a backup back; a move is to another machine.
"""

from dataclasses import asdict
from typing import Annotated

import typer

from digestd import app as wiring
from digestd.cli.arguments import Json
from digestd.cli.output import emit
from digestd.delivery.journals import read_machine_id
from digestd.delivery.recovery import resume_after_restore
from digestd.digests.planner import plan
from digestd.errors import BadInput
from digestd.jobs.scheduler import NAME
from digestd.jobs.worker import clean_up


def restore(
    resume: Annotated[
        bool, typer.Option("--resume", help="The database is restored already: record what was sent since the backup.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Resume after a restore without sending anything twice.

    Put the backup back first, or copy the database to the new machine. Then run this once on every machine that sent
    mail, before any digestd process is started. Mails that were sent since the backup are recorded from their journal.

    Example: digestd restore --resume
    """
    if not resume:
        raise BadInput("put the backup back yourself, then run `digestd restore --resume` before anything is sent")
    app = wiring.build()
    with app.owners.hold(NAME):
        clean_up(app, app.clock())
        plan(app.db, app.planner, app.clock())
        done = resume_after_restore(app.db, app.keys, app.sender.bounce, app.journals, read_machine_id(), app.clock())
    emit(asdict(done), as_json)
