"""The database: what an operator can mend is one line with the remedy that fits."""

from pathlib import Path

import pytest
from sqlalchemy import text

from digestd.errors import BadSetting, DatabaseUnreachable
from digestd.store.database import Database, open_database


def test_a_file_that_is_no_database_is_a_wrong_setting(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a database " * 100)
    with pytest.raises(BadSetting, match="no SQLite database; name another"):
        _count(open_database(f"sqlite:///{file}"))


def test_a_full_disk_is_named_and_nothing_is_half_written(tmp_path: Path) -> None:
    db = open_database(f"sqlite:///{tmp_path / 'digestd.db'}")
    with db.write() as session:
        session.execute(text("CREATE TABLE filled (content TEXT)"))
    with pytest.raises(DatabaseUnreachable, match="see that its disk has room"):
        _fill(db)
    assert _count(db) == 0
    db.close()


def _fill(db: Database) -> None:
    """Write more than the database may hold."""
    with db.write() as session:
        session.execute(text("PRAGMA max_page_count=5"))
        for _ in range(5):
            session.execute(text("INSERT INTO filled VALUES (:content)"), {"content": "x" * 8_000})


def _count(db: Database) -> int:
    with db.read() as session:
        return int(session.execute(text("SELECT count(*) FROM filled")).scalar_one())
