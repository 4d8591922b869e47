"""The database: what an operator can mend is one line with the remedy that fits."""

from pathlib import Path

import pytest
from sqlalchemy import text

from digestd.errors import BadSetting, DatabaseUnreachable
from digestd.store.database import Database, open_database
from digestd.store.owners import owners


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


def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    db = open_database(f"sqlite:///{tmp_path / 'digestd.db'}")
    with db.write() as session:
        session.execute(text("CREATE TABLE filled (content TEXT)"))
    with db.connected() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    file = tmp_path / "digestd.db"
    file.write_bytes(file.read_bytes()[:100] + b"\xff" * (file.stat().st_size - 100))
    with pytest.raises(DatabaseUnreachable, match="malformed; see that its disk works"):
        _count(db)
    db.close()


def test_a_folder_of_locks_that_cannot_be_is_named(tmp_path: Path) -> None:
    db = open_database(f"sqlite:///{tmp_path / 'digestd.db'}")
    (tmp_path / "digestd.db.locks").write_text("in the way")
    with pytest.raises(DatabaseUnreachable, match=r"cannot write in .*digestd\.db\.locks"), owners(db).hold("worker-1"):
        pass


def test_a_postgresql_whose_machine_is_gone_is_not_waited_for_for_ever(postgres_url: str) -> None:
    db = open_database(f"{postgres_url}?connect_timeout=3")
    with db.connected() as connection:
        asked = connection.connection.driver_connection.info.get_parameters()  # type: ignore[union-attr]  # psycopg's
    db.close()
    assert (asked["tcp_user_timeout"], asked["connect_timeout"]) == ("60000", "3")


def _fill(db: Database) -> None:
    """Write more than the database may hold."""
    with db.write() as session:
        session.execute(text("PRAGMA max_page_count=5"))
        for _ in range(5):
            session.execute(text("INSERT INTO filled VALUES (:content)"), {"content": "x" * 8_000})


def _count(db: Database) -> int:
    with db.read() as session:
        return int(session.execute(text("SELECT count(*) FROM filled")).scalar_one())
