"""worker: delivery in a process of its own."""

import asyncio

from digestd import app as wiring
from digestd.cli.service import run_parts, run_until_stopped, with_logging
from digestd.jobs.worker import look_up_papers, post_webhooks, sync_libraries, work


def run_worker() -> None:
    """Run only delivery.

    Start as many workers as you like, also next to `digestd up`.

    Example: digestd worker
    """
    app = with_logging(wiring.build())
    app.restore_guard.check(app.clock())
    asyncio.run(
        run_until_stopped(
            lambda stop: run_parts(
                [work(app, stop), post_webhooks(app, stop), sync_libraries(app, stop), look_up_papers(app, stop)], stop
            )
        )
    )
