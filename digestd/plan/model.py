"""The text model in use: fitted on the archive, kept by version, refitted when outgrown."""

from contextlib import suppress
from datetime import datetime, timedelta

from digestd.ranking.model import TextModel, dumps, fit, loads
from digestd.store import models, papers
from digestd.store.database import Database

REFIT_AFTER = timedelta(days=7)
GROWTH = 1.25
"""A model is outgrown when the archive is larger by this than when it was fitted."""
ARCHIVE = 20_000
"""The newest papers that a fit reads: more cost time and gain nothing measurable."""


def text_model(db: Database, now: datetime) -> TextModel:
    """The model to rank with at `now`. A fresh install fits one on what it has, be it one paper.

    One that an earlier release stored in another form is fitted anew.
    """
    with db.read() as session:
        newest = models.newest(session)
        count = models.papers(session)
        if newest is not None and not outgrown(newest, count, now):
            with suppress(ValueError):
                return loads(models.data(session, newest.version))
        model = fit(papers.texts(session, ARCHIVE))
    with db.write() as session:
        models.keep(session, models.Fitted(model.version, now, count), dumps(model))
    return model


def outgrown(fitted: models.Fitted, count: int, now: datetime) -> bool:
    """Whether a model should be fitted anew: a week old, or the archive has grown by a quarter."""
    return count > fitted.papers * GROWTH or (count != fitted.papers and now - fitted.fitted > REFIT_AFTER)
