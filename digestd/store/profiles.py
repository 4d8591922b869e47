"""Compiled profiles: what ranking needs of a subscriber, valid until their interests or the text model change.

A row is derived and can be made again at any time. It is valid for the value of `subscriber.wants` it was made from;
every change of interests or feedback raises that value, so a change during compilation wins.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from digestd.domain.paper import PaperId
from digestd.store import core

_S = core.subscriber.c


class StoredProfile(NamedTuple):
    """A compiled profile.

    Attributes:
        model: Record format, text model and dense model it was compiled with.
        wants: Version of the interests it was compiled from.
        papers: Named papers: those in the record in its order, then the others.
        revisions: The revision read of each; 0 if it was unknown.
        record: The packed profile.
    """

    model: str
    wants: int
    papers: Sequence[PaperId]
    revisions: Sequence[int]
    record: bytes


def upsert(session: Session, profiles: Mapping[int, StoredProfile]) -> None:
    """Store profiles in place of older ones."""
    if not profiles:
        return
    insert = sqlite.insert if session.connection().dialect.name == "sqlite" else postgresql.insert
    statement = insert(core.profile)
    replaced = {name: statement.excluded[name] for name in ("model", "wants", "papers", "record")}
    rows = [
        {
            "subscriber_id": key,
            "model": one.model,
            "wants": one.wants,
            "papers": _papers_json(one),
            "record": one.record,
        }
        for key, one in sorted(profiles.items())
    ]
    session.connection().execute(statement.on_conflict_do_update(index_elements=["subscriber_id"], set_=replaced), rows)


def invalidate(session: Session, subscribers: Iterable[int]) -> None:
    """Invalidate the profiles of subscribers whose interests have changed."""
    rows = [{"b_key": key} for key in sorted(subscribers)]
    if rows:
        session.connection().execute(_CHANGED, rows)


_CHANGED = update(core.subscriber).where(_S.id == bindparam("b_key")).values(wants=_S.wants + 1)


def read(model: str | None, wants: int, papers: str | None, record: bytes | None) -> StoredProfile | None:
    """Return the profile in these columns; None if it is missing or out of date."""
    if model is None or record is None:
        return None
    names, revisions = _read(papers) if papers else ((), ())
    return StoredProfile(model, wants, names, revisions, record)


_read = json.JSONDecoder().decode


def _papers_json(profile: StoredProfile) -> str:
    """Return the papers and their revisions as JSON; empty if there are none."""
    return json.dumps([profile.papers, profile.revisions], separators=(",", ":")) if profile.papers else ""
