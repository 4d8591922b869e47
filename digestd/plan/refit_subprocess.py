"""A refit in a process of its own: it takes a core and most of a gigabyte for a minute or two, and gives both back.

It runs behind everything else on the machine. If it is killed, the model in force stays in force.
"""

import os
import signal
import sys
from collections.abc import Callable
from datetime import datetime
from multiprocessing import get_context

from digestd.errors import DigestdError
from digestd.plan.text_model import refit
from digestd.store.database import Database, open_database

LOOK = 0.5
"""Seconds between looks at whether to go on."""
BEHIND = 10


def refit_in_subprocess(db: Database, now: datetime, should_continue: Callable[[], bool]) -> bool:
    """`refit` where no other work waits for it; killed when `keep_on` says no. Whether it came to its end."""
    url = db.engine.url.render_as_string(hide_password=False)
    process = get_context("spawn").Process(target=_refit, args=(url, now), name="refit", daemon=True)
    process.start()
    while process.is_alive():
        if not should_continue():
            process.kill()
        process.join(LOOK)
    return process.exitcode == 0


def _refit(url: str, now: datetime) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started it is told, and ends it
    os.nice(BEHIND)
    try:
        db = open_database(url)
        refit(db, now)
        db.close()
    except DigestdError as error:
        sys.exit(str(error))
