"""prune: delete what is older than the operator keeps."""

from dataclasses import asdict

from digestd import app as wiring
from digestd.cli.arguments import DryRun, Json
from digestd.cli.messages import say
from digestd.cli.output import emit
from digestd.store.retention import prune as prune_database


def prune(dry_run: DryRun = False, as_json: Json = False) -> None:
    """Delete old deliveries, and old papers that nobody was sent.

    DIGESTD_KEEP_DELIVERIES and DIGESTD_KEEP_PAPERS say how many days are kept. The service does this every day by
    itself. The command can run next to the service, and can be stopped and repeated.

    Example: digestd prune --dry-run
    """
    app = wiring.connect()
    deliveries, papers = app.settings.keep_deliveries, app.settings.keep_papers
    done = prune_database(app.db, app.clock(), keep_deliveries=deliveries, keep_papers=papers, dry_run=dry_run)
    if dry_run:
        say("dry run: nothing was changed")
    emit(asdict(done), as_json)
