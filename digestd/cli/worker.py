"""worker: delivery in a process of its own."""

import asyncio

from digestd import app as wiring
from digestd.cli.service import run_parts, run_until_stopped, with_logging
from digestd.deliver.adopting import see_that_it_is_ours
from digestd.deliver.departures import this_machine
from digestd.worker import read_libraries, tell, work


def run_worker() -> None:
    """Run only delivery.

    Start as many workers as you like, also next to `digestd up`.

    Example: digestd worker
    """
    app = with_logging(wiring.build())
    see_that_it_is_ours(app.db, app.journals, this_machine())
    asyncio.run(
        run_until_stopped(lambda stop: run_parts([work(app, stop), tell(app, stop), read_libraries(app, stop)], stop))
    )
