"""Bring a database to the schema of this version; safe to run at every start, and twice at once."""

from functools import lru_cache
from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.engine import Connection

from digestd.errors import DatabaseUnreachable, NotInitialised
from digestd.store.database import Database

_ADVISORY_LOCK = 0x6469676573746401
"""'digest' in ASCII: only one process migrates a PostgreSQL database at a time."""


def migrate(db: Database) -> bool:
    """Upgrade to the newest schema in one transaction; True if anything was done.

    Raises DatabaseUnreachable where the database is of a newer digestd than this one.
    """
    with db.write() as session:
        connection = session.connection()
        if not db.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        before = _revision(connection)
        if before is not None and before not in _known():
            raise DatabaseUnreachable(
                f"the database has schema {before}, which this digestd does not know; install the newer version again"
            )
        if before == newest():
            return False
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        return True


def is_current(db: Database) -> bool:
    """Whether the schema is the one this version needs."""
    with db.read() as session:
        return _revision(session.connection()) == newest()


def refuse_other(db: Database) -> None:
    """Raise NotInitialised where the schema is another version's, as under a process that an upgrade left running."""
    if not is_current(db):
        raise NotInitialised(
            f"the database is not at schema {newest()}, the one of this digestd: run `digestd init` if it is older; "
            "if another version has upgraded it meanwhile, stop this one and start that one here"
        )


@lru_cache(maxsize=1)
def newest() -> str:
    """The newest schema revision this version ships; there is exactly one."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None  # noqa: S101  # a package without migrations cannot have been built
    return head


def _known() -> set[str]:
    return {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("digestd.store") / "migrations"))
    return config
