"""restore: guard against sending twice after a restore or a move.

A restore puts a backup back; a move is to another machine.
"""

from dataclasses import asdict
from typing import Annotated

import typer

from digestd import app as wiring
from digestd.cli.arguments import Json
from digestd.cli.output import emit
from digestd.digests.planner import plan
from digestd.errors import BadInput
from digestd.jobs.scheduler import NAME
from digestd.jobs.worker import clean_up


def restore(
    resume: Annotated[
        bool, typer.Option("--resume", help="The database is restored already: record what was sent since the backup.")
    ] = False,
    lost_journal: Annotated[
        bool,
        typer.Option(
            "--lost-journal",
            help="The sent journal is lost, here or on another machine: what may have been sent becomes uncertain.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Resume after a restore without sending anything twice.

    Put the backup back first, or copy the database to the new machine. Then run this once on every machine that sent
    mail, before any digestd process is started. Mails that were sent since the backup are recorded from their journal
    and from the relay's log (DIGESTD_RELAY_LOG).

    Example: digestd restore --resume
    """
    if not resume:
        raise BadInput("put the backup back yourself, then run `digestd restore --resume` before anything is sent")
    app = wiring.build()
    with app.owners.hold(NAME):
        clean_up(app, app.clock())
        plan(app.db, app.planner, app.clock())
        done = app.restore_guard.resume(app.clock(), lost_journal=lost_journal)
    emit(asdict(done), as_json)
