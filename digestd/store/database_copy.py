"""Copy the whole database: to a file while digestd runs, from such a file into place, and from SQLite to PostgreSQL.

Files: SQLite by its backup interface; PostgreSQL by its own pg_dump and pg_restore.

To PostgreSQL: one transaction there, so an interruption leaves nothing and the copy can simply be started again; every
value is compared afterwards. Meanwhile nobody can write to the SQLite file. At the end the file is marked, so that no
process continues to send from it.
"""

import contextlib
import fcntl
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from itertools import zip_longest
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Boolean, Column, ColumnElement, String, Table, Text, cast, func, select, text
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from digestd import files
from digestd.errors import BadInput, BadSetting, Damaged, DigestdError
from digestd.store.database import Database, open_database
from digestd.store.fsck.file_checks import file_damage
from digestd.store.ledger import restore
from digestd.store.migrate import COPIED, migrate
from digestd.store.opt_outs import OptOut, opted_out
from digestd.store.tables import METADATA

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
        _require_no_tables(parsed)
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


def _require_no_tables(url: URL) -> None:
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


BLOCK = 1_000
"""Rows read at a time."""
Row = tuple[Any, ...]


class CopyFailed(DigestdError):
    """The copy differs from its source, or the target refused a row. Nothing was written."""


def all_tables() -> Sequence[Table]:
    """Return every table, those that others refer to first."""
    return METADATA.sorted_tables


def count_rows(db: Database) -> dict[str, int]:
    with db.read() as session:
        return {table.name: _count(session, table) for table in all_tables()}


def copy_to_postgresql(
    source: Database, target: Database, advance: Callable[[int], None] = lambda _rows: None
) -> dict[str, int]:
    """Copy every row to an empty PostgreSQL database; return the number of rows by table.

    Args:
        source: An SQLite database that no other process writes to.
        target: A PostgreSQL database. Its tables are created if necessary.
        advance: Called with numbers of rows that were copied or compared; each row counts twice.

    Raises:
        BadInput: The target is not empty, or not PostgreSQL, or the source is not SQLite.
        CopyFailed: A row could not be copied, or came out different.
    """
    if not source.is_sqlite or target.is_sqlite:
        raise BadInput("`digestd db copy` goes from SQLite (DIGESTD_DATABASE_URL) to PostgreSQL; give another URL")
    migrate(target)
    with source.write() as read:
        with target.write() as written:
            counts = _copy_all(read, written, advance)
        # only now, because the copy is committed
        read.connection().execute(text("UPDATE alembic_version SET version_num = :it"), {"it": COPIED})
    return counts


def _copy_all(read: Session, written: Session, advance: Callable[[int], None]) -> dict[str, int]:
    _require_no_rows(written)
    connection, counts = written.connection(), {}
    for table in all_tables():
        with _without_triggers(connection, table):
            counts[table.name] = _copy_table(read, connection, table, advance)
    for table in all_tables():
        _compare(read, written, table, advance)
        _continue_numbers(connection, table)
    return counts


def _require_no_rows(session: Session) -> None:
    used = [table.name for table in all_tables() if session.connection().execute(select(table).limit(1)).first()]
    if used:
        raise BadInput(f"the database has rows already, in {', '.join(used[:5])}; copy to an empty one")


def _copy_table(read: Session, connection: Connection, table: Table, advance: Callable[[int], None]) -> int:
    """Copy a table with PostgreSQL's COPY; return the number of rows."""
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    count = 0
    cursor = connection.connection.cursor()
    try:
        with cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as out:
            for block in _blocks(read, table):
                for row in block:
                    out.write_row(row)
                count += len(block)
                advance(len(block))
    except Exception as error:
        if isinstance(error, DigestdError | DBAPIError):
            raise
        raise CopyFailed(f"table {table.name} after {count} rows: {str(error).strip().splitlines()[0]}") from error
    return count


def _compare(read: Session, written: Session, table: Table, advance: Callable[[int], None]) -> None:
    """Compare every value of a table.

    Raises:
        CopyFailed: One differs, or a row is missing on one side.
    """
    keys = [column.name for column in table.primary_key.columns]
    none: list[Row] = []
    for ours, theirs in zip_longest(_blocks(read, table), _blocks(written, table), fillvalue=none):
        for before, after in zip_longest(ours, theirs):
            if before != after:
                at = before or after
                named = dict(zip(table.columns.keys(), at, strict=True))
                where = ", ".join(f"{key} {named[key]!r}" for key in keys)
                raise CopyFailed(f"table {table.name}, row {where}: the copy differs; nothing was copied")
        advance(len(ours))


def _blocks(session: Session, table: Table) -> Iterator[list[Row]]:
    """Yield all rows of a table by primary key, as the values that both databases store."""
    postgresql = session.get_bind().dialect.name == "postgresql"
    order = [
        column.collate("C") if postgresql and isinstance(column.type, String) else column
        for column in table.primary_key.columns
    ]
    query = select(*map(_stored, table.columns)).order_by(*order)
    booleans = [number for number, column in enumerate(table.columns) if isinstance(column.type, Boolean)]
    rows = session.connection().execute(query, execution_options={"yield_per": BLOCK})
    for block in rows.partitions(BLOCK):
        yield [_with_booleans(tuple(row), booleans) for row in block] if booleans else [tuple(row) for row in block]


def _stored(column: Column[Any]) -> ColumnElement[Any]:
    """Return a column as it is stored: JSON as its text."""
    return cast(column, Text) if isinstance(column.type, JSON) else column


def _with_booleans(row: Row, places: Sequence[int]) -> Row:
    return tuple(bool(value) if number in places and value is not None else value for number, value in enumerate(row))


@contextlib.contextmanager
def _without_triggers(connection: Connection, table: Table) -> Iterator[None]:
    """Switch off the triggers of a table, which would refuse a row that has gone through several states."""
    connection.execute(text(f'ALTER TABLE "{table.name}" DISABLE TRIGGER USER'))
    yield
    connection.execute(text(f'ALTER TABLE "{table.name}" ENABLE TRIGGER USER'))


def _continue_numbers(connection: Connection, table: Table) -> None:
    """Let new rows get numbers after those that were copied."""
    column = table.autoincrement_column
    if column is None:
        return
    highest = connection.execute(select(func.max(column))).scalar()
    if highest is not None:
        connection.execute(
            text("SELECT setval(pg_get_serial_sequence(:name, :column), :highest)"),
            {"name": f'"{table.name}"', "column": column.name, "highest": highest},
        )


def _count(session: Session, table: Table) -> int:
    return int(session.connection().execute(select(func.count()).select_from(table)).scalar_one())
