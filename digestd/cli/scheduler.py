"""scheduler: ingest and planning in a process of their own."""

import asyncio

from digestd import app as wiring
from digestd.cli.service import run_until_stopped, with_logging
from digestd.jobs.scheduler import NAME, Scheduler


def run_scheduler() -> None:
    """Run only ingest and planning.

    One such process per database.

    Example: digestd scheduler
    """
    with wiring.alone(NAME) as app:
        asyncio.run(run_until_stopped(Scheduler(with_logging(app)).run))
