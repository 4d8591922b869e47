"""What is fitted or computed for ranking: text models, encodings, embeddings, calibrations, trials, compiled profiles.

Text models are versioned. One is in use; a newer one may be prepared while profiles are compiled by it. Recent ones are
kept with their data, so that a digest can be ranked again; of older ones only the description stays. Encodings are the
term counts of papers that subscribers named, by text model. Embeddings are dense vectors, one per revision, in half
precision, of the model in use; a changed model has another version, and its vectors replace the old ones as they are
made. All of these can be made again.

Calibrations of the probability of relevance have one row per fit, the newest in force, none deleted. Trials are started
and stopped, never changed, and one runs at a time.

Profiles are what ranking needs of a subscriber, one per text model, so that a new model's are made in advance. One is
valid for the value of `subscriber.wants` it was made from; every change of interests or feedback raises that value, so
a change during compilation wins."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Column, Table, and_, bindparam, delete, func, insert, or_, select, update
from sqlmodel import Session

from digestd.domain.paper import PaperId
from digestd.domain.subscriber import Status
from digestd.domain.trial import Trial
from digestd.store import core
from digestd.store.bulk import chunks
from digestd.store.database import Database
from digestd.store.timestamps import from_us, to_us

MODELS_KEPT = 2
"""Number of used models kept with their data: the one in use, and the one that last week's digests were ranked with."""
DERIVED_KEPT = timedelta(hours=1)
"""Time after a switch for which profiles by the model before are kept: a planning that began before reads them."""
BLOCK = 1_000
"""Rows deleted in one transaction."""
_M, _F, _E = core.text_model.c, core.profile.c, core.encoding.c
_DERIVED: tuple[tuple[Table, Column[int], Column[str]], ...] = (
    (core.profile, _F.subscriber_id, _F.model),
    (core.encoding, _E.revision, _E.model),
)
"""Tables with what is derived by a text model, each with the columns of its key: the row it is about, and the model."""


@dataclass(frozen=True, slots=True)
class FittedModel:
    """A model without its data; `papers` is the number it was fitted on."""

    version: str
    fitted: datetime
    papers: int


def in_use(session: Session) -> FittedModel | None:
    return _first(session, select(*_ABOUT).where(_USED).order_by(*_LATEST))


def prepared(session: Session) -> FittedModel | None:
    """Return the model by which profiles are compiled before it is used, if there is one."""
    return _first(session, select(*_ABOUT).where(_PREPARED).order_by(_M.fitted_us.desc(), _M.id.desc()))


def data(session: Session, version: str) -> bytes:
    """Return a model as written by `ranking.model.dumps`; empty if it was dropped."""
    return bytes(session.connection().execute(select(_M.data).where(_M.version == version)).scalar_one())


def prepare(session: Session, fitted: FittedModel, packed: bytes) -> None:
    """Store a model without using it yet. If it equals the one in use, that is still used."""
    current = in_use(session)
    row = {"version": fitted.version, "fitted_us": to_us(fitted.fitted), "papers": fitted.papers, "data": packed}
    changed = row if current and current.version == fitted.version else {**row, "used_us": None}
    statement = (
        core.upsert(session, core.text_model)
        .values(row)
        .on_conflict_do_update(index_elements=["version"], set_=changed)
    )
    session.connection().execute(statement)


def use(session: Session, version: str, now: datetime) -> None:
    """Put a prepared model into use, unless it was dropped; empty the data of all but the newest few."""
    connection = session.connection()
    latest = max(to_us(now), (connection.execute(select(func.max(_M.used_us))).scalar() or 0) + 1)
    connection.execute(update(core.text_model).where(_M.version == version, _PREPARED).values(used_us=latest))
    kept = select(_M.id).where(_USED).order_by(*_LATEST).limit(MODELS_KEPT)
    connection.execute(
        update(core.text_model).where(_USED, _M.id.not_in(kept), func.length(_M.data) > 0).values(data=b"")
    )


def drop_prepared(session: Session) -> None:
    """Empty the data of a prepared model, which is then prepared no more."""
    session.connection().execute(update(core.text_model).where(_PREPARED).values(data=b""))


def of_delivery(session: Session, delivery: int) -> FittedModel | None:
    """Return the model a digest was ranked with; None if unknown, and for notices."""
    return _first(
        session,
        select(*_ABOUT).join(core.delivery, core.delivery.c.model_id == _M.id).where(core.delivery.c.id == delivery),
    )


def count_fit_papers(session: Session) -> int:
    query = select(func.count()).select_from(core.paper).where(core.paper.c.revision_id.is_not(None))
    return int(session.connection().execute(query).scalar_one())


def has_outdated(session: Session, now: datetime) -> bool:
    """Return True if there is something for `delete_outdated`."""
    used_us = session.connection().execute(select(func.max(_M.used_us))).scalar()
    if used_us is None or to_us(now - DERIVED_KEPT) < used_us:
        return False
    queries = (select(key).where(*_is_outdated(model)).limit(1) for _, key, model in _DERIVED)
    return any(session.connection().execute(query).first() is not None for query in queries)


def delete_outdated(db: Database, now: datetime) -> None:
    """Delete profiles and term counts by models that are neither used nor prepared, an hour after the switch."""
    with db.read() as session:
        if not has_outdated(session, now):
            return
    for table, key, model in _DERIVED:
        after = 0
        while True:
            block = select(key).where(key > after, *_is_outdated(model)).order_by(key).limit(BLOCK)
            with db.read() as session:
                keys = list(session.connection().execute(block).scalars())
            if not keys:
                break
            with db.write() as session:
                session.connection().execute(delete(table).where(key > after, key <= keys[-1], *_is_outdated(model)))
            after = keys[-1]


def _is_outdated(model: Column[str]) -> tuple[core.Condition, ...]:
    used = select(_M.version).where(_USED).order_by(*_LATEST).limit(1).scalar_subquery()
    return model != used, model.not_in(select(_M.version).where(_PREPARED))


_ABOUT = (_M.version, _M.fitted_us, _M.papers)
_USED = _M.used_us.is_not(None)
_PREPARED = ~_USED & (func.length(_M.data) > 0)
_LATEST = (_M.used_us.desc(), _M.id.desc())


def _first(session: Session, query: core.Query) -> FittedModel | None:
    row = session.connection().execute(query.limit(1)).first()
    return None if row is None else FittedModel(row.version, from_us(row.fitted_us), row.papers)


def encodings_of(session: Session, model: str, revisions: Iterable[int]) -> dict[int, bytes]:
    """Return the stored terms of these revisions made by this model."""
    return {
        row.revision: row.terms
        for chunk in chunks(set(revisions))
        for row in session.connection().execute(
            select(_E.revision, _E.terms).where(_E.model == model, _E.revision.in_(chunk))
        )
    }


def store_encodings(session: Session, model: str, terms: Mapping[int, bytes]) -> None:
    """Store the terms of these revisions; another process may have been faster."""
    if not terms:
        return
    statement = core.upsert(session, core.encoding)
    rows = [{"revision": key, "model": model, "terms": packed} for key, packed in sorted(terms.items())]
    session.connection().execute(statement.on_conflict_do_nothing(index_elements=["revision", "model"]), rows)


Vector = NDArray[np.float32]
_P, _R, _V = core.paper.c, core.revision.c, core.embedding.c


@dataclass(frozen=True, slots=True)
class UnembeddedRevision:
    """A current revision without a vector, and its text."""

    revision: int
    text: str


def embeddings_of(session: Session, model: str, revisions: Iterable[int]) -> dict[int, Vector]:
    """Return the stored vectors of these revisions made by this model."""
    return {
        row.revision: _vector(row.vector)
        for chunk in chunks(set(revisions))
        for row in session.connection().execute(
            select(_V.revision, _V.vector).where(_V.model == model, _V.revision.in_(chunk))
        )
    }


def newest_embeddings(session: Session, model: str, limit: int) -> list[Vector]:
    query = select(_V.vector).where(_V.model == model).order_by(_V.revision.desc()).limit(limit)
    return [_vector(row.vector) for row in session.connection().execute(query)]


def unembedded(session: Session, model: str, limit: int) -> list[UnembeddedRevision]:
    """Return papers without a vector of this model, newest first, archived ones too."""
    query = (
        select(
            _R.id,
            func.coalesce(_R.plain_title, _R.title).label("title"),
            func.coalesce(_R.plain_abstract, _R.abstract).label("abstract"),
        )
        .join_from(core.paper, core.revision, _R.id == _P.revision_id)
        .outerjoin(core.embedding, and_(_V.revision == _R.id, _V.model == model))
        .where(_V.revision.is_(None))
        .order_by(_P.first_seen_us.desc(), _P.id.desc())
        .limit(limit)
    )
    return [UnembeddedRevision(row.id, f"{row.title}. {row.abstract}") for row in session.connection().execute(query)]


def store_embeddings(session: Session, model: str, vectors: Mapping[int, Vector]) -> None:
    """Store the vectors of these revisions; another process may have been faster."""
    if not vectors:
        return
    statement = core.upsert(session, core.embedding)
    replaced = {"model": statement.excluded.model, "vector": statement.excluded.vector}
    rows = [
        {"revision": key, "model": model, "vector": vector.astype(np.float16).tobytes()}
        for key, vector in sorted(vectors.items())
    ]
    session.connection().execute(statement.on_conflict_do_update(index_elements=["revision"], set_=replaced), rows)


def _vector(packed: bytes) -> Vector:
    vector: Vector = np.frombuffer(packed, dtype=np.float16).astype(np.float32)
    return vector


_C = core.calibration.c


@dataclass(frozen=True, slots=True)
class StoredCalibration:
    """One fit: when, from how many verdicts, and its coefficients by name."""

    fitted: datetime
    events: int
    data: Mapping[str, float]


def newest_calibration(session: Session, at: datetime) -> StoredCalibration | None:
    """Return the calibration in force at a time; None before the first fit."""
    query = select(core.calibration).where(_C.fitted_us <= to_us(at)).order_by(_C.id.desc()).limit(1)
    row = session.connection().execute(query).first()
    return None if row is None else StoredCalibration(from_us(row.fitted_us), row.events, row.data)


def add_calibration(session: Session, calibration: StoredCalibration) -> None:
    row = {"fitted_us": to_us(calibration.fitted), "events": calibration.events, "data": dict(calibration.data)}
    session.connection().execute(insert(core.calibration).values(row))


_T = core.trial.c


def start_trial(session: Session, trial: Trial) -> None:
    """Insert a trial; its row number is assigned here."""
    row = {"name": trial.name, "weights": trial.weights, "share": trial.share, "started_us": to_us(trial.started)}
    session.connection().execute(insert(core.trial), [row])


def stop_trial(session: Session, trial: Trial, now: datetime) -> None:
    session.connection().execute(update(core.trial).where(_T.id == trial.key).values(stopped_us=to_us(now)))


def running_trial(session: Session, now: datetime) -> Trial | None:
    """Return the trial that planning at `now` takes part in."""
    on = _T.started_us <= to_us(now), or_(_T.stopped_us.is_(None), _T.stopped_us > to_us(now))
    row = session.connection().execute(select(core.trial).where(*on).order_by(_T.id.desc()).limit(1)).first()
    return None if row is None else _trial(row)


def every_trial(session: Session) -> list[Trial]:
    return [_trial(row) for row in session.connection().execute(select(core.trial).order_by(_T.id.desc()))]


def _trial(row: core.Record) -> Trial:
    stopped = None if row.stopped_us is None else from_us(row.stopped_us)
    return Trial(row.id, row.name, row.weights, row.share, from_us(row.started_us), stopped)


_S, _K = core.subscriber.c, core.profile.c


class CompiledBy(NamedTuple):
    """The models by which profiles are compiled.

    Attributes:
        form: Record format and dense model.
    """

    model: str
    form: str


class StoredProfile(NamedTuple):
    """A compiled profile.

    Attributes:
        wants: Version of the interests it was compiled from.
        papers: Named papers: those in the record in its order, then the others.
        revisions: The revision read of each; 0 if it was unknown.
    """

    compiled_by: CompiledBy
    wants: int
    papers: Sequence[PaperId]
    revisions: Sequence[int]
    record: bytes


def stored_profiles(session: Session, compiled_by: CompiledBy, wants: Mapping[int, int]) -> dict[int, StoredProfile]:
    """Return the profiles of subscribers that are valid for these versions of their interests."""
    query = select(_K.subscriber_id, _K.wants, _K.papers, _K.record).where(
        _K.subscriber_id.in_(list(wants)), _K.model == compiled_by.model, _K.form == compiled_by.form
    )
    return {
        key: StoredProfile(compiled_by, version, *_decode_papers(papers), record)
        for key, version, papers, record in session.connection().execute(query)
        if version == wants[key]
    }


def missing_profiles(session: Session, compiled_by: CompiledBy, after: int, limit: int) -> dict[int, int]:
    """Return up to `limit` active subscribers with key > `after` without a valid profile.

    By key, each with the version of their interests.
    """
    valid = and_(
        _K.subscriber_id == _S.id,
        _K.model == compiled_by.model,
        _K.form == compiled_by.form,
        _K.wants == _S.wants,
    )
    query = (
        select(_S.id, _S.wants)
        .outerjoin(core.profile, valid)
        .where(_S.status == Status.ACTIVE, _S.id > after, _K.subscriber_id.is_(None))
        .order_by(_S.id)
        .limit(limit)
    )
    return {key: version for key, version in session.connection().execute(query)}


def current_profiles(session: Session, profiles: Mapping[int, StoredProfile]) -> dict[int, StoredProfile]:
    """Return the profiles of active subscribers whose interests have not changed; lock these subscribers."""
    query = (
        select(_S.id, _S.wants)
        .where(_S.id.in_(list(profiles)), _S.status == Status.ACTIVE)
        .order_by(_S.id)
        .with_for_update()
    )
    return {
        key: profiles[key] for key, version in session.connection().execute(query) if version == profiles[key].wants
    }


def store_profiles(session: Session, profiles: Mapping[int, StoredProfile]) -> None:
    """Store profiles in place of older ones by the same text model."""
    if not profiles:
        return
    statement = core.upsert(session, core.profile)
    replaced = {name: statement.excluded[name] for name in ("form", "wants", "papers", "record")}
    rows = [
        {
            "subscriber_id": key,
            "model": one.compiled_by.model,
            "form": one.compiled_by.form,
            "wants": one.wants,
            "papers": _papers_json(one),
            "record": one.record,
        }
        for key, one in sorted(profiles.items())
    ]
    session.connection().execute(
        statement.on_conflict_do_update(index_elements=["subscriber_id", "model"], set_=replaced), rows
    )


def invalidate_profiles(session: Session, subscribers: Iterable[int]) -> None:
    rows = [{"b_key": key} for key in sorted(subscribers)]
    core.execute_many(session, _CHANGED, rows)


_CHANGED = update(core.subscriber).where(_S.id == bindparam("b_key")).values(wants=_S.wants + 1)
_decode = json.JSONDecoder().decode


def _papers_json(profile: StoredProfile) -> str:
    return json.dumps([profile.papers, profile.revisions], separators=(",", ":")) if profile.papers else ""


def _decode_papers(papers: str) -> tuple[Sequence[PaperId], Sequence[int]]:
    return _decode(papers) if papers else ((), ())
