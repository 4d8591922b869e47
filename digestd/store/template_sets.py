"""Template sets by hash, kept for as long as a digest may have to be composed with them."""

from collections.abc import Mapping

from sqlalchemy import insert, select
from sqlmodel import Session

from digestd.store import core
from digestd.store.database import Database

_T = core.templates.c


def keep(db: Database, template_hash: str, files: Mapping[str, str]) -> None:
    """Note the set of templates in force; nothing is written if it is known."""
    known = select(_T.hash).where(_T.hash == template_hash)
    with db.read() as session:
        if session.connection().execute(known).first() is not None:
            return
    with db.write() as session:
        if session.connection().execute(known).first() is None:
            session.connection().execute(insert(core.templates).values(hash=template_hash, files=dict(files)))


def files(session: Session, template_hash: str) -> dict[str, str]:
    """The files of a set."""
    return dict(session.connection().execute(select(_T.files).where(_T.hash == template_hash)).scalar_one())
