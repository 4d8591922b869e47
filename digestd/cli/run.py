"""run: one pass over the pipeline, for cron."""

import asyncio

import typer

from digestd import app as wiring
from digestd.cli.arguments import Json
from digestd.cli.messages import say
from digestd.cli.output import emit
from digestd.cli.service import run_until_stopped
from digestd.digests.planner import plan
from digestd.digests.refit import is_due, prepare
from digestd.jobs.scheduler import NAME
from digestd.jobs.worker import clean_up, counts, delete_expired, run, settle_uncertain
from digestd.papers.embedding import embed_papers
from digestd.papers.ingest import ingest
from digestd.subscribers.library_sync import sync_due
from digestd.subscribers.paper_lookups import look_up_due
from digestd.subscribers.webhooks import post_due


def run_once(as_json: Json = False) -> None:
    """Ingest, plan and deliver once, then exit; for cron.

    Exits 1 if a relay stopped accepting mail.

    Example: 0 * * * *  digestd run
    """
    app = wiring.build()
    with app.owners.hold(NAME):
        fetched = asyncio.run(ingest(app.db, app.sources, app.client, app.clock))
        while asyncio.run(sync_due(app.libraries)):
            continue  # each pass syncs a limited number
        reader = app.registry_reader
        while reader is not None and asyncio.run(look_up_due(reader)):
            continue
        embed_papers(app.db, app.encoder)
        planned = plan(app.db, app.planner, app.clock())
        clean_up(app, app.clock())
        delete_expired(app, app.clock())
        settle_uncertain(app, app.clock())
        delivered = asyncio.run(run_until_stopped(lambda stop: run(app, stop=stop)))
        if app.webhooks is not None:
            asyncio.run(post_due(app.webhooks))
        if is_due(app.db, app.encoder, app.clock()):
            prepare(app.db, app.encoder, app.clock())
    report = {
        "new": sum(source.new for source in fetched.sources),
        "due": planned.due,
        "planned": planned.planned,
        "empty": planned.empty,
        **counts(delivered),
    }
    emit(report, as_json)
    if delivered.stopped:
        say(f"delivery stopped: {delivered.stopped}")
        raise typer.Exit(1)
