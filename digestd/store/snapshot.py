"""Copy the whole database to a file while digestd runs, and put such a copy in place.

SQLite by its backup interface; PostgreSQL by its own pg_dump and pg_restore.
"""

import fcntl
import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from datetime import datetime
from pathlib import Path

from sqlalchemy.engine import URL, make_url

from digestd import files
from digestd.errors import BadInput, BadSetting, Damaged
from digestd.store.database import Database, open_database
from digestd.store.integrity import file_damage
from digestd.store.ledger import restore
from digestd.store.opt_outs import OptOut, opted_out

_PAGES = 1_000
"""Pages that SQLite copies at a time; writers work between."""


def copy_database(db: Database, file: Path) -> None:
    """Write a consistent copy to a new file.

    Raises:
        BadSetting: pg_dump is missing or fails.
        Damaged: the SQLite file cannot be read.
    """
    if db.file is not None:
        with db.connected() as connection, closing(sqlite3.connect(file)) as copy:
            source = connection.connection.driver_connection
            try:
                source.backup(copy, pages=_PAGES)  # type: ignore[union-attr]  # sqlite3's own connection
            except sqlite3.DatabaseError as error:
                raise Damaged(f"the database cannot be copied: {error}") from error
        return
    _run("pg_dump", db.engine.url, "--format=custom", "--no-owner", "--no-privileges", "--file", str(file))


def put_in_place(url: str, file: Path, made: datetime, now: datetime) -> str:
    """Make a copy the database, marked as restored. Nothing may use the database meanwhile.

    On SQLite the former database stays as it is until the copy replaces it, in one step; if the process is killed
    before, the same call works again.

    Args:
        file: the copy; on SQLite it must be in the folder of the database.
        made: when the copy was made.
        now: names what is moved away.

    Returns:
        Where the former database is; empty if there was none.

    Raises:
        BadInput: the copy is damaged, a process has the database open, or PostgreSQL's has tables already.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        _require_empty(parsed)
        _run(
            "pg_restore", parsed, "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction", str(file)
        )
        mark_restored(url, made, now)
        return ""
    if damage := file_damage(file, full=True):
        raise BadInput(f"the database in the backup is damaged: {damage[0]}; nothing was changed, try an older backup")
    mark_restored(f"sqlite:///{file}", made, now)
    target = Path(str(parsed.database))
    _require_unused(target)
    kept = _keep(target, now)
    opened = os.open(file, os.O_RDONLY)
    files.give_to_owner_of(target.parent, opened)
    os.close(opened)
    for ending in _SIDE_FILES:  # they would be taken for those of the copy
        Path(f"{target}{ending}").unlink(missing_ok=True)
    file.replace(target)
    _sync(target.parent)
    return kept


def former_opt_outs(url: str) -> tuple[list[OptOut], bool]:
    """Return who had left by the databases that `put_in_place` moved away, and whether nobody can be missing.

    Nobody is missing if one of them is whole and at least as new as the database in place. On PostgreSQL nothing is
    known of a former database.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return [], False
    target = Path(str(parsed.database))
    found: list[OptOut] = []
    is_complete = False
    with closing(sqlite3.connect(target)) as connection:
        newest = _newest_consent(connection)
    for former in sorted(target.parent.glob(f"{target.name}.before-*")):
        if not former.name.endswith(_SIDE_FILES):
            some, is_whole = _opt_outs_of(former, newest)
            found += some
            is_complete |= is_whole
    return found, is_complete


def _opt_outs_of(former: Path, newest: int) -> tuple[list[OptOut], bool]:
    """Return who had left by one former database, as far as it can be read, and whether it is whole and new enough."""
    found: list[OptOut] = []
    try:
        with closing(sqlite3.connect(former)) as connection:
            if connection.execute("SELECT 1 FROM sent_journal WHERE id = 'restored'").fetchone():
                return [], False  # by an interrupted restore, and so no older than the one in place
            for entry in opted_out(connection.execute):
                found.append(entry)  # noqa: PERF402  # what was read before an error counts
            is_whole = connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
            return found, is_whole and _newest_consent(connection) >= newest
    except sqlite3.DatabaseError:
        return found, False


def _newest_consent(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(at_us), 0) FROM consent_event").fetchone()[0])


def mark_restored(url: str, made: datetime, now: datetime, *, has_opt_outs: bool = False) -> None:
    """Mark a database as restored; see sent_journals.mark_restored."""
    db = open_database(url)
    try:
        with db.write() as session:
            restore.mark_restored(session, made, now, has_opt_outs=has_opt_outs)
    finally:
        db.close()


_SIDE_FILES = ("-wal", "-shm", "-journal")
_SHARED_LOCK = 0x40000002, 510
"""First byte and length of the lock that SQLite holds while a connection is open in WAL mode."""


def _require_unused(file: Path) -> None:
    """Refuse while another process has the file open, without changing it."""
    if not file.exists():
        return
    first, length = _SHARED_LOCK
    with file.open("r+b") as opened:
        try:
            fcntl.lockf(opened, fcntl.LOCK_EX | fcntl.LOCK_NB, length, first)
        except OSError as error:
            raise BadInput(f"{file} is in use: stop every digestd process, then restore") from error


def _keep(file: Path, now: datetime) -> str:
    """Give the database and the files beside it a second name, and return it; empty if there are none."""
    found = [ending for ending in ("", *_SIDE_FILES) if Path(f"{file}{ending}").exists()]
    kept = f"{file}.before-{now:%Y%m%dT%H%M%SZ}"
    while any(Path(f"{kept}{ending}").exists() for ending in ("", *_SIDE_FILES)):
        kept += "+"
    for ending in found:
        os.link(f"{file}{ending}", f"{kept}{ending}")
    _sync(file.parent)
    return kept if found else ""


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    os.fsync(opened)
    os.close(opened)


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
