"""Settings of the database engine that digestd depends on, as they are in force."""

from collections.abc import Mapping

from sqlalchemy import text
from sqlmodel import Session

EXPECTED: Mapping[str, str] = {
    "journal_mode": "wal",
    "synchronous": "2",
    "foreign_keys": "1",
    "server_encoding": "UTF8",
}
"""The values that keep what was acknowledged and store every letter; a name is SQLite's or PostgreSQL's."""
_SQLITE, _POSTGRESQL = ("journal_mode", "synchronous", "foreign_keys"), ("server_encoding",)


def wrong_settings(session: Session) -> dict[str, str]:
    """Return the settings that are not as expected, with their values."""
    connection = session.connection()
    is_sqlite = connection.dialect.name == "sqlite"
    names, show = (_SQLITE, "PRAGMA") if is_sqlite else (_POSTGRESQL, "SHOW")
    found = {name: str(connection.execute(text(f"{show} {name}")).scalar_one()) for name in names}
    return {name: value for name, value in found.items() if value != EXPECTED[name]}
