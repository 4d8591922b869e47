"""Refit the text model and compile profiles ahead of planning.

A refit on a large archive takes one or two minutes and 1.1 GB. Then every profile has to be compiled by the new model,
which takes .3 ms, and 3 ms for each topic if there is a sentence encoder: a quarter of an hour for 100,000 subscribers.
The service does all of it in a process of its own (see `jobs.children`), in blocks of constant memory. Planning and
pages use the old model and its profiles until every profile is ready. If that process is killed, the next one continues
with the profiles that are missing.

The same compiles the profiles of many new subscribers, and all of them after an update that stores another form.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import structlog

from digestd.digests.planning_day import PlanningDay, without_papers
from digestd.digests.resource_limits import release_free_memory, single_blas_thread
from digestd.digests.shard import MAX_REFERENCES, compile_stored_profiles, compiled_by, store_compiled
from digestd.digests.text_model import GROWTH, fit_model, prepare_model, read_model, ready_model
from digestd.errors import Unavailable
from digestd.ranking.dense import Encoder
from digestd.ranking.model import TextModel, is_readable
from digestd.store import references
from digestd.store.database import Database
from digestd.store.ranking import profiles, text_models

REFIT_AFTER = timedelta(days=7)
MAX_TEXTS = 100_000
"""Newest papers that a refit reads: 50 s of one core and 1.1 GiB.

A model of a quarter of the HF papers measured .026 less nDCG@10 on submitters than one of all.
"""
MISSING_MIN = 500
"""Missing profiles that are worth compiling ahead. Planning compiles fewer in less than a second."""
BLOCK = 100
"""Profiles compiled in one transaction, so that none is long."""
log = structlog.get_logger(__name__)


def is_due(db: Database, encoder: Encoder, now: datetime) -> bool:
    """Return True if the text model should be refitted, or many profiles are to be compiled or deleted."""
    if is_refit_due(db, now):
        return True
    with db.read() as session:
        used, prepared = text_models.in_use(session), text_models.prepared(session)
        if used is None or prepared is not None or text_models.has_outdated(session, now):
            return used is not None
        return (
            len(profiles.missing_profiles(session, compiled_by(used.version, encoder), 0, MISSING_MIN)) == MISSING_MIN
        )


def is_refit_due(db: Database, now: datetime) -> bool:
    """Return True if the archive has outgrown the model in use, or this release cannot read it.

    Planning fits the first one.
    """
    with db.read() as session:
        used = text_models.in_use(session)
        count = text_models.count_fit_papers(session)
    return used is not None and count > 0 and (not is_readable(used.version) or outgrown(used, count, now))


def outgrown(fitted: text_models.FittedModel, count: int, now: datetime) -> bool:
    """Return True if a model should be replaced.

    It is a week old, or `count` papers, up to MAX_TEXTS, are 25 % more than it was fitted on.
    """
    readable = min(count, MAX_TEXTS)
    changed = readable != fitted.papers or count > MAX_TEXTS
    return readable > fitted.papers * GROWTH or (changed and now - fitted.fitted > REFIT_AFTER)


def prepare(db: Database, encoder: Encoder, now: datetime, should_continue: Callable[[], bool] = lambda: True) -> None:
    """Refit the text model if it is due, compile all profiles that are missing, then use the model.

    Profiles by a model that was replaced before are deleted first.

    `should_continue` is called before each block; if it returns False, the rest is compiled next time.
    """
    text_models.delete_outdated(db, now)
    model = _prepared_model(db, now)
    if model is None:
        return
    if _compile_missing(db, without_papers(model, encoder, now), should_continue):
        with db.write() as session:
            text_models.use(session, model.version, now)


def _prepared_model(db: Database, now: datetime) -> TextModel | None:
    """Return the model to compile profiles by: the prepared one, a new one if it is due, else the one in use."""
    with db.read() as session:
        prepared = text_models.prepared(session)
        if prepared and not outgrown(prepared, text_models.count_fit_papers(session), now):
            model = read_model(text_models.data(session, prepared.version), prepared.version)
            if model is not None:
                return model
    with db.write() as session:
        text_models.drop_prepared(session)
    if not is_refit_due(db, now):
        return ready_model(db)
    model = fit_model(db, MAX_TEXTS)
    prepare_model(db, model, now, use=False)
    release_free_memory()
    return model


def _compile_missing(db: Database, day: PlanningDay, should_continue: Callable[[], bool]) -> bool:
    """Compile and store the profiles that are missing, and return True at the end.

    Subscribers whose interests change meanwhile are left for planning.
    """
    by, after = compiled_by(day.candidates.model.version, day.candidates.space.encoder), 0
    with single_blas_thread():
        while should_continue():
            with db.read() as session:
                wants = profiles.missing_profiles(session, by, after, BLOCK)
                if not wants:
                    return True
                block = list(wants)[: references.count_fitting(session, list(wants), MAX_REFERENCES)]
            _compile_or_split(db, day, {key: wants[key] for key in block})
            after = block[-1]
    return False


def _compile_or_split(db: Database, day: PlanningDay, wants: Mapping[int, int]) -> None:
    """Compile and store profiles.

    On failure compile each alone, so that one bad row stops nobody else's.
    """
    try:
        with db.read() as session:
            compiled = compile_stored_profiles(session, day, wants)
        with db.write() as session:
            store_compiled(session, day, profiles.current_profiles(session, compiled))
    except Unavailable:
        raise
    except Exception as error:  # planning reports it again
        if len(wants) == 1:
            log.error("cannot compile the profile", subscriber=min(wants), kind=type(error).__name__)
            return
        for key, version in wants.items():
            _compile_or_split(db, day, {key: version})
