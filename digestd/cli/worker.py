"""worker: jobs, or delivery alone, in a process of its own."""

import asyncio

from digestd import app as wiring
from digestd.cli.service import run_parts, run_until_stopped, with_logging
from digestd.jobs.worker import look_up_papers, post_webhooks, serve_chat, sync_libraries, work


def run_worker() -> None:
    """Run the jobs of several machines, or only delivery.

    With DIGESTD_RUNNER=procrastinate, workers on any number of machines share all work: sources, planning, delivery,
    the inbound mailbox and upkeep. With the inline runner a worker only delivers, next to `digestd up`. Start as many
    workers as you like.

    Example: digestd worker
    """
    app = with_logging(wiring.build())
    app.restore_guard.check(app.clock())
    if app.settings.runner == "procrastinate":
        from digestd.jobs.engine import JobRunner  # noqa: PLC0415  # most installations never load the engine

        asyncio.run(run_until_stopped(lambda stop: run_parts([JobRunner(app).run(stop)], stop)))
        return
    asyncio.run(
        run_until_stopped(
            lambda stop: run_parts(
                [part(app, stop) for part in (work, serve_chat, post_webhooks, sync_libraries, look_up_papers)],
                stop,
            )
        )
    )
