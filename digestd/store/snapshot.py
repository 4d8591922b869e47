"""Copy the whole database to a file while digestd runs, and put such a copy in place.

SQLite by its backup interface; PostgreSQL by its own pg_dump and pg_restore.
"""

import os
import shutil
import sqlite3
import subprocess
from datetime import datetime
from pathlib import Path

from sqlalchemy.engine import URL, make_url

from digestd import files
from digestd.errors import BadInput, BadSetting
from digestd.store.database import Database, open_database

_PAGES = 1_000
"""Pages that SQLite copies at a time; writers work between."""


def copy_database(db: Database, file: Path) -> None:
    """Write a consistent copy to a new file.

    Raises:
        BadSetting: pg_dump is missing or fails.
    """
    if db.file is not None:
        with db.connected() as connection, sqlite3.connect(file) as copy:
            source = connection.connection.driver_connection
            source.backup(copy, pages=_PAGES)  # type: ignore[union-attr]  # sqlite3's own connection
        copy.close()
        return
    _run("pg_dump", db.engine.url, "--format=custom", "--no-owner", "--no-privileges", "--file", str(file))


def put_in_place(url: str, file: Path, now: datetime) -> str:
    """Make the copy the database. Nothing may use it meanwhile.

    Args:
        file: the copy; on SQLite it must be in the folder of the database.
        now: names what is moved away.

    Returns:
        Where the former database is; empty if there was none.

    Raises:
        BadInput: a process has the database open, or PostgreSQL's has tables already.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        _require_empty(parsed)
        _run(
            "pg_restore", parsed, "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction", str(file)
        )
        return ""
    target = Path(str(parsed.database))
    kept = ""
    if target.exists():
        _require_unused(target)
        kept = f"{target}.before-{now:%Y%m%dT%H%M%SZ}"
        target.replace(kept)
    opened = os.open(file, os.O_RDONLY)
    files.give_to_owner_of(target.parent, opened)
    os.close(opened)
    file.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
    return kept


def _require_unused(file: Path) -> None:
    """Refuse while another process has the file open.

    In WAL mode every open connection holds a shared lock, so that exclusive access is refused. Having had it, SQLite
    has also emptied and removed the write-ahead log, which would otherwise be taken for that of the copy.
    """
    connection = sqlite3.connect(file, timeout=1, isolation_level=None)
    try:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError as error:
        raise BadInput(f"{file} is in use: stop every digestd process, then restore") from error
    except sqlite3.DatabaseError:
        return  # it is damaged, which is why it is replaced
    finally:
        connection.close()


def _require_empty(url: URL) -> None:
    db = open_database(url.render_as_string(hide_password=False))
    try:
        with db.read() as session:
            query = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
            tables = session.connection().exec_driver_sql(query).scalar_one()
    finally:
        db.close()
    if tables:
        raise BadInput(
            f"the database {url.database} has {tables} tables: create an empty one, point DIGESTD_DATABASE_URL at it, "
            "and restore there"
        )


def _run(program: str, url: URL, *options: str) -> None:
    """Run a program of PostgreSQL; the password goes through the environment, which no other user can read."""
    if shutil.which(program) is None:
        raise BadSetting(f"{program} is not installed: install PostgreSQL's client programs")
    target = url.set(drivername="postgresql", password=None).render_as_string()
    given = {**os.environ, **({"PGPASSWORD": str(url.password)} if url.password else {})}
    words = [program, "--dbname", target, *options]
    done = subprocess.run(words, env=given, capture_output=True, text=True, check=False)  # noqa: S603  # a fixed program
    if done.returncode:
        raise BadSetting(
            f"{program} failed: {done.stderr.strip().splitlines()[0] if done.stderr.strip() else 'no reason given'}"
        )
