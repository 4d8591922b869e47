"""Create sightings and read the papers' tables."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select

from digestd.domain.paper import Paper, PaperId, Sighting, Words
from digestd.papers.merge import Decision
from digestd.papers.page_store import store_page
from digestd.store import core, papers
from digestd.store.database import Database


def seen(*ids: str, title: str = "Lakes", **more: Any) -> Sighting:
    """Return a sighting; `abstract` and `authors` go into its words."""
    words = Words(title, more.pop("abstract", ""), tuple(more.pop("authors", ())), tuple(more.pop("categories", ())))
    return Sighting(ids=tuple(map(PaperId, ids)), words=words, **more)


def take(db: Database, source: str, *sightings: Sighting, now: datetime) -> Decision:
    return store_page(db, source, sightings, now)


def paper(db: Database, name: str) -> Paper:
    with db.read() as session:
        found = papers.find(session, PaperId(name))
    assert found is not None
    return found


def rows(db: Database, table: str) -> Sequence[Any]:
    with db.read() as session:
        return session.connection().execute(select(getattr(core, table))).all()


def everything(db: Database) -> dict[str, list[Any]]:
    """Return all rows about papers, row numbers included."""
    tables = ("paper", "paper_alias", "revision", "sighting", "signal")
    return {table: sorted(map(repr, rows(db, table))) for table in tables}


def forget(db: Database) -> None:
    """Empty the tables of papers."""
    with db.write() as session:
        derived = (core.similarity_key, core.merge, core.do_not_merge)
        for table in (*derived, core.paper_alias, core.sighting, core.signal, core.revision, core.paper):
            session.connection().execute(delete(table))
        if not db.is_sqlite:
            for name in ("paper", "revision", "sighting", "merge"):
                session.connection().exec_driver_sql(f"ALTER SEQUENCE {name}_id_seq RESTART")
