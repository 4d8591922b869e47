"""run: one pass over the pipeline, for cron."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from digestd import app as wiring
from digestd.cli.arguments import Json
from digestd.cli.messages import say
from digestd.cli.output import emit
from digestd.cli.service import run_until_stopped
from digestd.digests.planner import PlanReport, plan
from digestd.digests.refit import is_due, prepare
from digestd.errors import DigestdError
from digestd.jobs.worker import clean_up, counts, delete_expired, run, settle_uncertain
from digestd.papers.embedding import embed_papers
from digestd.papers.ingest import ingest
from digestd.papers.ingest_report import IngestReport
from digestd.store.process_locks import SCHEDULER
from digestd.subscribers.libraries import sync_due
from digestd.subscribers.paper_lookups import look_up_due
from digestd.subscribers.webhooks import post_due


def run_once(as_json: Json = False) -> None:
    """Ingest, plan and deliver once, then exit; for cron.

    Exits 1 if a relay stopped accepting mail, or if a step failed unexpectedly; the others still run.

    Example: 0 * * * *  digestd run
    """
    app = wiring.build()
    app.restore_guard.require_resumed(app.clock())
    failed: list[str] = []
    with app.owners.hold(SCHEDULER):
        fetched = IngestReport(())
        with _going_on("ingest", failed):
            fetched = asyncio.run(ingest(app.db, app.sources, app.client, app.clock))
        with _going_on("library sync", failed):
            while asyncio.run(sync_due(app.libraries)):
                continue  # each pass syncs a limited number
        with _going_on("looking up papers", failed):
            reader = app.registry_reader
            while reader is not None and asyncio.run(look_up_due(reader)):
                continue
        with _going_on("embedding papers", failed):
            embed_papers(app.db, app.encoder)
        planned = PlanReport()
        with _going_on("planning", failed):
            planned = plan(app.db, app.planner, app.clock())
        with _going_on("upkeep", failed):
            clean_up(app, app.clock())
            delete_expired(app, app.clock())
            settle_uncertain(app, app.clock())
        delivered = asyncio.run(run_until_stopped(lambda stop: run(app, stop=stop)))
        with _going_on("posting webhooks", failed):
            if app.webhooks is not None:
                asyncio.run(post_due(app.webhooks))
        with _going_on("refit", failed):
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
    if delivered.stopped or failed:
        raise typer.Exit(1)


@contextmanager
def _going_on(step: str, failed: list[str]) -> Iterator[None]:
    """Go on after an unexpected error of one step, and name it; what an operator must act on ends the run."""
    try:
        yield
    except DigestdError:
        raise
    except Exception as error:
        say(f"{step} failed: unexpected {type(error).__name__}")
        failed.append(step)
