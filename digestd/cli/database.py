"""init, db and prune: create, upgrade, move and shorten the database."""

from dataclasses import asdict
from typing import Annotated

import typer

from digestd import app as wiring
from digestd.cli.arguments import DryRun, Json
from digestd.cli.messages import say
from digestd.cli.output import emit
from digestd.errors import BadInput
from digestd.store.processes import SCHEDULER


def init() -> None:
    """Create the database and the secret key, or upgrade them.

    Safe to repeat.

    Example: digestd init
    """
    app = wiring.initialise()
    settings = app.settings
    typer.echo(f"database  {app.db.engine.url.render_as_string(hide_password=True)}")
    typer.echo(f"secret    {settings.secret_key_file} (keep a copy: links in mails depend on it)")
    typer.echo("ready     next: `digestd subscriber add you@example.org`, then `digestd up`")


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
    from digestd.cli.progress import progress
    from digestd.store import copies
    from digestd.store.database import open_database
    from digestd.store.ledger import settlement

    app = wiring.connect()
    with app.db.read() as session:
        if settlement.owners(session):
            raise BadInput(
                "a worker has claimed mails: stop it, or run `digestd deliver` if it crashed; then try again"
            )
    target = open_database(url)
    with app.owners.hold(SCHEDULER):
        rows = sum(copies.count_rows(app.db).values())
        with progress("copying", 2 * rows) as advance:
            counts = copies.copy_to_postgresql(app.db, target, advance)
    emit(counts, as_json)
    journals = app.journals.resolve()
    say(f"copied and compared {rows} rows; set DIGESTD_DATABASE_URL to the copy and DIGESTD_JOURNAL_DIR to {journals}")


def prune(dry_run: DryRun = False, as_json: Json = False) -> None:
    """Delete old deliveries, and old papers that nobody was sent.

    DIGESTD_KEEP_DELIVERIES and DIGESTD_KEEP_PAPERS say how many days are kept. The service does this every day by
    itself. The command can run next to the service, and can be stopped and repeated.

    Example: digestd prune --dry-run
    """
    from digestd.store.personal_data import prune as prune_database

    app = wiring.connect()
    deliveries, papers = app.settings.keep_deliveries, app.settings.keep_papers
    done = prune_database(app.db, app.clock(), keep_deliveries=deliveries, keep_papers=papers, dry_run=dry_run)
    if dry_run:
        say("dry run: nothing was changed")
    emit(asdict(done), as_json)
