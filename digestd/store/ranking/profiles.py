"""Compiled profiles: what ranking needs of a subscriber.

There is one per text model, so that a new model's are made in advance. One is valid for the value of `subscriber.wants`
that it was made from; every change of interests or feedback raises that value, so a change during compilation wins.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import and_, bindparam, select, update
from sqlmodel import Session

from digestd.domain.paper import PaperId
from digestd.domain.subscriber import Status
from digestd.store import core

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
    """Return up to `limit` active subscribers without a valid profile, by key, from `after` (exclusive) on.

    The values are the versions of their interests.
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
            "papers": json.dumps([one.papers, one.revisions], separators=(",", ":")) if one.papers else "",
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


def _decode_papers(papers: str) -> tuple[Sequence[PaperId], Sequence[int]]:
    return _decode(papers) if papers else ((), ())
