"""Database errors: one line with the remedy."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from digestd.errors import BadSetting, DatabaseUnreachable
from digestd.store.database import Database, open_database
from digestd.store.processes import process_locks
from tests.support.command_process import can_trace


def test_open_refuses_a_file_that_is_no_database(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a database " * 100)
    with pytest.raises(BadSetting, match="not an SQLite database; restore a backup"):
        _count(open_database(f"sqlite:///{file}"))


def test_write_reports_a_full_disk_and_rolls_back(tmp_path: Path) -> None:
    db = open_database(f"sqlite:///{tmp_path / 'digestd.db'}")
    with db.write() as session:
        session.execute(text("CREATE TABLE filled (content TEXT)"))
    with pytest.raises(DatabaseUnreachable, match="check that the disk has space"):
        _fill(db)
    assert _count(db) == 0
    db.close()


def test_read_reports_a_damaged_file_with_remedy(tmp_path: Path) -> None:
    db = open_database(f"sqlite:///{tmp_path / 'digestd.db'}")
    with db.write() as session:
        session.execute(text("CREATE TABLE filled (content TEXT)"))
    with db.connected() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    file = tmp_path / "digestd.db"
    file.write_bytes(file.read_bytes()[:100] + b"\xff" * (file.stat().st_size - 100))
    with pytest.raises(DatabaseUnreachable, match="malformed; check the disk"):
        _count(db)
    db.close()


def test_lock_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    db = open_database(f"sqlite:///{tmp_path / 'digestd.db'}")
    (tmp_path / "digestd.db.locks").write_text("in the way")
    with (
        pytest.raises(DatabaseUnreachable, match=r"cannot write .*digestd\.db\.locks/worker-1: not a directory"),
        process_locks(db).hold("worker-1"),
    ):
        pass


def test_connect_times_out_when_postgresql_is_unreachable(postgres_url: str) -> None:
    db = open_database(f"{postgres_url}?connect_timeout=3")
    with db.connected() as connection:
        parameters = connection.connection.driver_connection.info.get_parameters()  # type: ignore[union-attr]  # psycopg's
    db.close()
    assert (parameters["tcp_user_timeout"], parameters["connect_timeout"]) == ("60000", "3")


@pytest.mark.parametrize(("query", "waits"), [("", 30_000), ("?timeout=0.05", 50)])
def test_write_waits_as_long_as_the_url_says(tmp_path: Path, query: str, waits: int) -> None:
    db = open_database(f"sqlite:///{tmp_path / 'digestd.db'}{query}")
    with db.read() as session:
        assert session.execute(text("PRAGMA busy_timeout")).scalar_one() == waits
    db.close()


def test_open_refuses_an_invalid_timeout(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="how many seconds"):
        open_database(f"sqlite:///{tmp_path / 'digestd.db'}?timeout=soon")


def _fill(db: Database) -> None:
    """Write more than the database may hold."""
    with db.write() as session:
        session.execute(text("PRAGMA max_page_count=5"))
        for _ in range(5):
            session.execute(text("INSERT INTO filled VALUES (:content)"), {"content": "x" * 8_000})


def _count(db: Database) -> int:
    with db.read() as session:
        return int(session.execute(text("SELECT count(*) FROM filled")).scalar_one())


def test_open_refuses_postgresql_without_synchronous_commit(postgres_url: str) -> None:
    db = open_database(postgres_url)
    with db.write() as session:
        session.execute(text(f"ALTER DATABASE {db.engine.url.database} SET synchronous_commit = off"))
    db.close()
    with pytest.raises(BadSetting, match="synchronous_commit=off and may lose"):
        open_database(postgres_url)


def test_open_refuses_a_disk_without_wal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    db = open_database(f"sqlite:///file:{tmp_path / 'digestd.db'}?vfs=unix-dotfile&uri=true")  # WAL needs shared memory
    with pytest.raises(BadSetting, match="put the file on a disk of this machine"):
        _count(db)
    db.close()


def test_failed_sync_discards_the_connection(tmp_path: Path) -> None:
    if not can_trace():
        pytest.skip("strace is not installed here, or may not trace (it needs root)")
    log, file = tmp_path / "calls.log", tmp_path / "digestd.db"
    calls = ["-e", "trace=openat,fdatasync", "-e", "inject=fdatasync:error=EIO:when=9", "-o", str(log)]
    command = ["strace", "-f", "-qq", *calls, sys.executable, "-c", _THREE_WRITES, f"sqlite:///{file}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert sorted(done.stdout.strip().split(", ")) == ["disk I/O error", "written", "written"]
    before, after = log.read_text().split("(INJECTED)")
    opened = f'"{file}", O_RDWR'
    assert (before.count(opened), after.count(opened)) == (1, 1), after


_THREE_WRITES = """
import sys
from sqlalchemy import text
from digestd.errors import DatabaseUnreachable
from digestd.store.database import open_database

db, output = open_database(sys.argv[1]), []
with db.write() as session:
    session.execute(text("CREATE TABLE filled (content TEXT)"))
for number in range(3):
    try:
        with db.write() as session:
            session.execute(text(f"INSERT INTO filled VALUES ('{number}')"))
        output.append("written")
    except DatabaseUnreachable as error:
        output.append("disk I/O error" if "disk I/O error" in str(error) else str(error))
print(", ".join(output))
"""
