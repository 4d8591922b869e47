"""Bring a database to the schema of this version.

Safe to run at every start, and twice at once.

A change of the schema takes two releases. Expand: add what the new code needs, with defaults, so that the old code
keeps working. Contract: drop what only the old code needed. A process of the previous release can then run on while
others are upgraded.

Alembic is imported only if there is something to upgrade, because every command checks the revision.
"""

from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection

from digestd.errors import NeedsInit, NotInitialised
from digestd.files import is_missing
from digestd.store.database import Database

if TYPE_CHECKING:
    from alembic.config import Config

COPIED = "copied"
"""The revision of a database that must not be used any more, because PostgreSQL has its copy."""
RETIRED = frozenset({"chat_request", "template_set"})
"""Tables that this version no longer uses. They stay, so that the release before keeps working."""
_ADVISORY_LOCK = 0x6469676573746401
"""'digest' in ASCII: only one process migrates a PostgreSQL database at a time."""


def migrate(db: Database) -> bool:
    """Upgrade to the newest schema in one transaction; return True if anything was done.

    Raises:
        NotInitialised: The database has the schema of a newer digestd.
    """
    with db.write() as session:
        connection = session.connection()
        if not db.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        before = _revision(connection)
        _require_known(before, _shipped())
        if before == newest():
            return False
        _upgrade(connection)
        return True


def is_current(db: Database) -> bool:
    with db.read() as session:
        return _revision(session.connection()) == newest()


def require_current(db: Database) -> None:
    """Raise NotInitialised unless the schema is the one this version needs.

    An upgrade may change it under a running process.
    """
    if db.file and is_missing(db.file):  # reading would create it
        raise NeedsInit(f"there is no database {db.file} yet; run `digestd init`")
    with db.read() as session:
        require_newest(_revision(session.connection()), _shipped())


def require_newest(found: str | None, shipped: Sequence[str]) -> None:
    """Raise NotInitialised unless the revision `found` is the last of those shipped."""
    _require_known(found, shipped)
    if found is None:
        raise NeedsInit("the database has no tables yet; run `digestd init`")
    if found != shipped[-1]:
        raise NeedsInit(f"the database is at schema {found}, older than this digestd; run `digestd init`")


def require_known(found: str) -> None:
    """Raise NotInitialised if a newer digestd made this schema revision."""
    _require_known(found, _shipped())


def _require_known(found: str | None, shipped: Sequence[str]) -> None:
    if found == COPIED:
        raise NotInitialised(
            "this database was copied to PostgreSQL by `digestd db copy`: set DIGESTD_DATABASE_URL to the copy"
        )
    if found is not None and found not in shipped:
        raise NotInitialised(
            f"the database has schema {found} of a newer digestd than this one: stop this one and start that one"
        )


def newest() -> str:
    """Return the newest schema revision this version ships; there is exactly one."""
    return _shipped()[-1]


@lru_cache(maxsize=1)
def _shipped() -> list[str]:
    """Return the revisions this version ships, oldest first. Their files are named after them."""
    names = [file.name for file in (_FOLDER / "versions").iterdir()]
    return sorted(name.partition("_")[0] for name in names if name[0].isdigit())


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415  # see the module's docstring

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> "Config":
    from alembic.config import Config  # noqa: PLC0415  # see the module's docstring

    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    return config


_FOLDER = files("digestd.store") / "migrations"
