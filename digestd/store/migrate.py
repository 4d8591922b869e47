"""Bring a database to the schema of this version; safe to run at every start, and twice at once.

Alembic is imported where there is anything to bring: every command looks whether there is.
"""

from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection

from digestd.errors import NotInitialised
from digestd.store.database import Database

if TYPE_CHECKING:
    from alembic.config import Config

_ADVISORY_LOCK = 0x6469676573746401
"""'digest' in ASCII: only one process migrates a PostgreSQL database at a time."""


def migrate(db: Database) -> bool:
    """Upgrade to the newest schema in one transaction; True if anything was done.

    Raises NotInitialised where the database is of a newer digestd than this one.
    """
    with db.write() as session:
        connection = session.connection()
        if not db.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        before = _revision(connection)
        _refuse_newer(before)
        if before == newest():
            return False
        _upgrade(connection)
        return True


def is_current(db: Database) -> bool:
    """Whether the schema is the one this version needs."""
    with db.read() as session:
        return _revision(session.connection()) == newest()


def refuse_other(db: Database) -> None:
    """Raise NotInitialised where the schema is another version's, as under a process that an upgrade left running."""
    if db.file and not db.file.exists():  # to read it would make it
        raise NotInitialised(f"there is no database {db.file} yet; run `digestd init`")
    with db.read() as session:
        found = _revision(session.connection())
    _refuse_newer(found)
    if found != newest():
        raise NotInitialised(
            f"the database is at schema {found}, older than this digestd; run `digestd init`"
            if found
            else "the database has no tables yet; run `digestd init`"
        )


def _refuse_newer(revision: str | None) -> None:
    if revision is not None and revision not in _shipped():
        raise NotInitialised(
            f"the database has schema {revision} of a newer digestd than this one: stop this one and start that one"
        )


def newest() -> str:
    """The newest schema revision this version ships; there is exactly one."""
    return _shipped()[-1]


@lru_cache(maxsize=1)
def _shipped() -> list[str]:
    """The revisions that this version ships, the oldest first: their files are named after them."""
    names = [file.name for file in (_PLACE / "versions").iterdir()]
    return sorted(name.partition("_")[0] for name in names if name[0].isdigit())


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415  # see above

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> "Config":
    from alembic.config import Config  # noqa: PLC0415  # see above

    config = Config()
    config.set_main_option("script_location", str(_PLACE))
    return config


_PLACE = files("digestd.store") / "migrations"
