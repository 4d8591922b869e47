"""Refit the text model in a subprocess; it takes a minute and almost 1 GB.

It runs at low priority. If it is killed, the current model stays in use.
"""

import os
import signal
import sys
from collections.abc import Callable
from datetime import datetime
from multiprocessing import get_context

from digestd.digests.text_model import refit_text_model
from digestd.errors import DigestdError
from digestd.store.database import Database, open_database

POLL_SECONDS = 0.5
"""Seconds between checks of `should_continue`."""
NICENESS = 10


def refit_in_subprocess(db: Database, now: datetime, should_continue: Callable[[], bool]) -> bool:
    """Refit in a subprocess, killed when `should_continue` is False.

    Return True if it finished.
    """
    url = db.engine.url.render_as_string(hide_password=False)
    process = get_context("spawn").Process(target=_refit, args=(url, now), name="refit", daemon=True)
    process.start()
    while process.is_alive():
        if not should_continue():
            process.kill()
        process.join(POLL_SECONDS)
    return process.exitcode == 0


def _refit(url: str, now: datetime) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent process handles it and ends this one
    os.nice(NICENESS)
    try:
        db = open_database(url)
        refit_text_model(db, now)
        db.close()
    except DigestdError as error:
        sys.exit(str(error))
