"""The service and its parts: init, up, web, scheduler, worker, run."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Annotated

import structlog
import typer

from digestd import app as wiring
from digestd.app import App
from digestd.cli.output import emit, say
from digestd.cli.stopping import until_stopped
from digestd.confinement.child import ConfinementFailed, probe
from digestd.deliver.adopting import see_that_it_is_ours
from digestd.deliver.departures import this_machine
from digestd.hooks import post_due
from digestd.ingest import embed, ingest
from digestd.libraries import sync_due
from digestd.logs import configure
from digestd.plan import plan
from digestd.plan.text_model import is_refit_due, refit
from digestd.receiver import receive
from digestd.scheduler import NAME, Metronome
from digestd.worker import counts, keep_up, read_libraries, run, settle_open_ends, tell, tidy, work

log = structlog.get_logger(__name__)


def init() -> None:
    """Make the database and the secret, or bring them up to date; safe to repeat.

    Example: digestd init
    """
    app = wiring.initialise()
    settings = app.settings
    typer.echo(f"database  {app.db.engine.url.render_as_string(hide_password=True)}")
    typer.echo(f"secret    {settings.secret_key_file} (keep a copy: links in mails depend on it)")
    typer.echo("ready     `digestd subscriber add you@example.org`, then `digestd up`")


def up() -> None:
    """Run the whole service in one process: ingest, planning, delivery, what comes back, and the web pages.

    Example: digestd up
    """
    with wiring.alone(NAME) as app:
        see_that_it_is_ours(app.db, app.journals, this_machine())
        asyncio.run(serve(_logged(app)))


def web() -> None:
    """Serve only the web pages; for an installation over several machines."""
    app = _logged(wiring.build())
    asyncio.run(until_stopped(lambda stop: _web(app, stop, None)))


def scheduler() -> None:
    """Run only ingest and planning; one such process a database."""
    with wiring.alone(NAME) as app:
        asyncio.run(until_stopped(Metronome(_logged(app)).run))


def worker() -> None:
    """Run only delivery; as many as wanted, also beside `digestd up`."""
    app = _logged(wiring.build())
    see_that_it_is_ours(app.db, app.journals, this_machine())
    asyncio.run(until_stopped(lambda stop: _all([work(app, stop), tell(app, stop), read_libraries(app, stop)], stop)))


def run_once(as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False) -> None:
    """Ingest, plan and deliver once, then exit; for cron. Exits 1 if the relay did not serve us.

    Example: 0 * * * *  digestd run
    """
    app = wiring.build()
    with app.owners.hold(NAME):
        taken = asyncio.run(ingest(app.db, app.sources, app.client, app.clock))
        while asyncio.run(sync_due(app.libraries)):
            continue  # there may be more of them than are read at once
        embed(app.db, app.encoder)
        planned = plan(app.db, app.planner, app.clock())
        tidy(app, app.clock())
        keep_up(app, app.clock())
        settle_open_ends(app, app.clock())
        delivered = asyncio.run(until_stopped(lambda stop: run(app, stop=stop)))
        if app.hooks is not None:
            asyncio.run(post_due(app.hooks))
        if is_refit_due(app.db, app.clock()):
            refit(app.db, app.clock())
    report = {
        "new": sum(source.new for source in taken.sources),
        "due": planned.due,
        "planned": planned.planned,
        "empty": planned.empty,
        **counts(delivered),
    }
    emit(report, as_json)
    if delivered.stopped:
        say(f"delivery stopped: {delivered.stopped}")
        raise typer.Exit(1)


async def serve(app: App, started: Callable[[], None] = lambda: None) -> None:
    """Scheduler, worker and web until SIGTERM or SIGINT; `started` is called once the pages answer."""
    metronome = Metronome(app)

    async def everything(stop: asyncio.Event) -> None:
        parts = [_web(app, stop, lambda: metronome.last_tick, started), metronome.run(stop), work(app, stop)]
        parts += [tell(app, stop), read_libraries(app, stop)]
        if app.settings.inbound_url:
            parts.append(receive(app, stop))
        await _all(parts, stop)

    await until_stopped(everything)
    log.info("stopped")


async def _all(parts: Sequence[Awaitable[None]], stop: asyncio.Event) -> None:
    """Run the parts of a service until all have ended; the first error is raised then."""
    ended = await asyncio.gather(*(_stopping(part, stop) for part in parts), return_exceptions=True)
    for error in ended:
        if isinstance(error, BaseException):
            raise error


async def _stopping(part: Awaitable[None], stop: asyncio.Event) -> None:
    """Run a part of the service; when it ends, for whatever reason, the others are to end too."""
    try:
        await part
    finally:
        stop.set()


async def _web(
    app: App,
    stop: asyncio.Event,
    last_tick: Callable[[], datetime | None] | None,
    started: Callable[[], None] = lambda: None,
) -> None:
    from digestd.cli.pages import serve_pages  # noqa: PLC0415  # half a second that no other command has to wait for

    await serve_pages(app, stop, last_tick, started)


def _logged(app: App) -> App:
    configure(app.settings.log_format, app.settings.log_level)
    if app.settings.now:
        log.warning("the clock was set", now=app.clock().isoformat(timespec="seconds"))
    _log_gaps()
    return app


def _log_gaps() -> None:
    """Log what parsers can still reach on this machine; nothing if all of it is shut."""
    try:
        gaps = probe().gaps()
    except ConfinementFailed as error:
        log.error("parsers cannot be confined", why=str(error))
        return
    for gap in gaps:
        log.warning("parsers are not fully confined", gap=gap)
