"""Fit, store and refit the text model.

Planning fits only small models, in seconds: if there is none that this release can read, or if a small archive has
grown. A refit on a large archive takes one or two minutes and almost 1 GB. It is a separate job that runs in a
subprocess at low priority (`refit_in_subprocess`); planning continues with the current model until the new one is
stored, and keeps it if the refit is killed.
"""

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from multiprocessing import get_context
from threading import Lock

from digestd.errors import DigestdError
from digestd.ranking.model import TextModel, dumps, fit_corpus, is_readable, loads
from digestd.ranking.vocabulary import read_corpus
from digestd.store import papers, text_models
from digestd.store.database import Database, open_database

REFIT_AFTER = timedelta(days=7)
GROWTH = 1.25
"""A model is outgrown if the archive has grown by this factor since."""
MAX_TEXTS = 100_000
"""Newest papers that a refit reads: 50 s of one core and 1.1 GiB.

A model of a quarter of the HF papers measured .026 less nDCG@10 on submitters than one of all.
"""
MAX_INLINE_TEXTS = 10_000
"""Newest papers that planning fits a model on by itself, within seconds."""
_FIT_LOCK = Lock()
"""Per process: processes on several machines each fit their own model."""
POLL_SECONDS = 0.5
"""Seconds between checks of `should_continue`."""
NICENESS = 10


def text_model(db: Database, now: datetime) -> TextModel:
    """Return the model to rank with at `now`, fitting one if there is none.

    Concurrent callers fit it once.
    """
    if (ready := ready_model(db, now)) is not None:
        return ready
    with _FIT_LOCK:
        ready = ready_model(db, now)
        return _fitted(db, MAX_INLINE_TEXTS, now) if ready is None else ready


def ready_model(db: Database, now: datetime) -> TextModel | None:
    """Return the current model, or None if planning has to fit one."""
    with db.read() as session:
        newest = text_models.newest(session)
        count = text_models.count_fit_papers(session)
        if newest is not None and is_readable(newest.version) and not _is_too_small(newest, count, now):
            with suppress(ValueError):
                return loads(text_models.data(session, newest.version))
    return None


def is_refit_due(db: Database, now: datetime) -> bool:
    """Return True if the archive has outgrown the current model.

    It must also exceed what planning fits by itself.
    """
    with db.read() as session:
        newest = text_models.newest(session)
        count = text_models.count_fit_papers(session)
    if count <= MAX_INLINE_TEXTS:
        return False
    return newest is None or not is_readable(newest.version) or outgrown(newest, count, MAX_TEXTS, now)


def outgrown(fitted: text_models.FittedModel, count: int, limit: int, now: datetime) -> bool:
    """Return True if a model should be replaced.

    It is a week old, or `count` papers, up to `limit`, are 25 % more than it was fitted on.
    """
    readable = min(count, limit)
    changed = readable != fitted.papers or count > limit
    return readable > fitted.papers * GROWTH or (changed and now - fitted.fitted > REFIT_AFTER)


def refit_text_model(db: Database, now: datetime) -> None:
    """Fit a model on the whole archive and put it into use once it is stored."""
    _fitted(db, MAX_TEXTS, now)


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


def _is_too_small(fitted: text_models.FittedModel, count: int, now: datetime) -> bool:
    """Return True if a model knows so few papers that planning should fit a new one."""
    return fitted.papers < MAX_INLINE_TEXTS and outgrown(fitted, count, MAX_INLINE_TEXTS, now)


def _fitted(db: Database, limit: int, now: datetime) -> TextModel:
    with db.read() as session:
        corpus = read_corpus(papers.texts(session, limit))  # the transaction ends before fitting
    model = fit_corpus(corpus)
    with db.write() as session:
        text_models.add(session, text_models.FittedModel(model.version, now, model.size), dumps(model))
    return model


def _refit(url: str, now: datetime) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent process handles it and ends this one
    os.nice(NICENESS)
    try:
        db = open_database(url)
        refit_text_model(db, now)
        db.close()
    except DigestdError as error:
        sys.exit(str(error))
