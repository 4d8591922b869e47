"""try: the complete pipeline once, for a sample subscriber on a database of its own."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from digestd import app as wiring
from digestd import resources
from digestd.app import SAMPLE_ADDRESS, App
from digestd.cli.service import serve
from digestd.digests.planner import plan
from digestd.domain.delivery import State
from digestd.errors import AlreadyRunning, DigestdError
from digestd.jobs.worker import clean_up, run
from digestd.logs import configure
from digestd.papers.ingest import ingest, ingest_files
from digestd.store import papers
from digestd.store.ledger import queries
from digestd.store.ledger.queries import DeliveryFilter
from digestd.store.processes import SCHEDULER
from digestd.subscribers.admin_edits import add
from digestd.subscribers.lookup import find
from digestd.subscribers.subscriber_record import parse

PATIENCE_SECONDS = 10.0
"""The longest wait for the first paper from the sources."""
SLOW_SECONDS = 50.0
"""The longest wait for the others after the first."""
SAMPLE_FILES = ("preprints.jsonl", "community.jsonl")
SAMPLE_TOPICS = ("large language models", "robots that learn", "protein structure", "uncertainty in weather forecasts")


def try_out(
    once: Annotated[bool, typer.Option("--once", help="Exit after the delivery.")] = False,
) -> None:
    """Deliver one digest to a sample subscriber, then serve the pages."""
    try:
        with wiring.alone(SCHEDULER) as (app, lock):
            configure(app.settings.log_format, "warning" if once else app.settings.log_level)
            for line in prepare(app):
                typer.echo(line)
            if not once:
                asyncio.run(
                    serve(app, lock, lambda: typer.echo(f"digestd is at {app.settings.public_url}  (Ctrl-C stops it)"))
                )
    except AlreadyRunning as error:
        typer.echo(f"{error}".replace("; stop it first", ", so there is nothing to start"))


def prepare(app: App) -> Iterator[str]:
    yield _ingest_papers(app)
    yield _deliver_sample(app)


def _ingest_papers(app: App) -> str:
    with app.db.read() as session:
        here = papers.count(session)
    if here:
        return f"{here} papers are stored from an earlier start"
    if asyncio.run(_fetch_sources(app)):
        with app.db.read() as session:
            return f"fetched {papers.count(session)} papers from {', '.join(source.name for source in app.sources)}"
    ingest_files(app.db, [(Path(name).stem, resources.sample(name)) for name in SAMPLE_FILES], app.clock())
    why = "could not be reached" if app.sources else "are switched off"
    return f"the sources {why}; using a sample day of invented papers"


async def _fetch_sources(app: App) -> bool:
    """Fetch from the sources; return True if any paper arrived in time."""
    if not app.sources:
        return False
    asking = asyncio.create_task(ingest(app.db, app.sources, app.client, app.clock))
    done, _ = await asyncio.wait({asking}, timeout=PATIENCE_SECONDS)
    if not done and _any_paper(app):
        await asyncio.wait({asking}, timeout=SLOW_SECONDS)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    return _any_paper(app)


def _any_paper(app: App) -> bool:
    with app.db.read() as session:
        return papers.count(session) > 0


def _deliver_sample(app: App) -> str:
    record = parse({"email": SAMPLE_ADDRESS, "topics": list(SAMPLE_TOPICS), "hour": 0})
    add(app.db, app.notices, record, app.clock())
    plan(app.db, app.planner, app.clock())
    clean_up(app, app.clock())
    report = asyncio.run(run(app))
    if report.stopped:
        raise DigestdError(f"the sample digest was not delivered: {report.stopped}")
    return f"the sample digest is in {_where(app)}"


def _where(app: App) -> str:
    """Return the file of the sample subscriber's newest digest."""
    with app.db.read() as session:
        subscriber = find(session, app.keys, SAMPLE_ADDRESS)
        entries = queries.entries(session, 1, DeliveryFilter(State.ACCEPTED, subscriber.key))
        reply = next((entry.reply or "" for entry in entries), "")
    folder = app.settings.transport_url.removeprefix("maildir:")
    if "filed as " not in reply:
        return app.settings.transport_url
    return str(Path(folder) / "new" / reply.rpartition("filed as ")[2])
