"""db: move the database."""

from typing import Annotated

import typer

from digestd import app as wiring
from digestd.cli.arguments import Json
from digestd.cli.messages import say
from digestd.cli.output import emit
from digestd.cli.progress import progress
from digestd.errors import BadInput
from digestd.store import db_copy
from digestd.store.database import open_database
from digestd.store.ledger import settlement
from digestd.store.process_locks import SCHEDULER


def copy_database(
    url: Annotated[str, typer.Argument(metavar="URL", help="An empty PostgreSQL database.")],
    as_json: Json = False,
) -> None:
    """Copy the SQLite database to PostgreSQL, and compare every value.

    Stop all digestd processes first. The copy is one transaction, so start again after an interruption. Afterwards the
    SQLite file is not used any more: set DIGESTD_DATABASE_URL to the new one, and DIGESTD_JOURNAL_DIR to the folder
    that the command names. Prints the number of rows by table.

    Example: digestd db copy postgresql://digestd:password@127.0.0.1/digestd
    """
    app = wiring.connect()
    with app.db.read() as session:
        if settlement.owners(session):
            raise BadInput(
                "a worker has claimed mails: stop it, or run `digestd deliver` if it crashed; then try again"
            )
    target = open_database(url)
    with app.owners.hold(SCHEDULER):
        rows = sum(db_copy.count_rows(app.db).values())
        with progress("copying", 2 * rows) as advance:
            counts = db_copy.copy(app.db, target, advance)
    emit(counts, as_json)
    journals = app.journals.resolve()
    say(f"copied and compared {rows} rows; set DIGESTD_DATABASE_URL to the copy and DIGESTD_JOURNAL_DIR to {journals}")
