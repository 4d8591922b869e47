"""Template sets by hash.

Stored as long as a digest may have to be composed with them.
"""

from collections.abc import Mapping

from sqlalchemy import insert, select
from sqlmodel import Session

from digestd.store import core
from digestd.store.database import Database

_T = core.template_set.c


def is_known(db: Database, template_hash: str) -> bool:
    """Return True if a set was in use before, so that it has been checked."""
    with db.read() as session:
        return _is_kept(session, template_hash)


def add(db: Database, template_hash: str, files: Mapping[str, str]) -> None:
    """Store the template set in use, if it is new."""
    with db.write() as session:
        if not _is_kept(session, template_hash):
            session.connection().execute(insert(core.template_set).values(hash=template_hash, files=dict(files)))


def _is_kept(session: Session, template_hash: str) -> bool:
    found = session.connection().execute(select(_T.hash).where(_T.hash == template_hash))
    return found.first() is not None


def files(session: Session, template_hash: str) -> dict[str, str]:
    """Return the files of a set."""
    return dict(session.connection().execute(select(_T.files).where(_T.hash == template_hash)).scalar_one())
