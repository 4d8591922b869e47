"""The database: one engine, reads and writes as short transactions.

SQLite: WAL, synchronous=FULL (NORMAL loses acknowledged commits in a power cut), foreign keys, BEGIN IMMEDIATE for
writes so that two writers queue instead of failing. PostgreSQL by psycopg 3. Sessions are synchronous; a coroutine goes
through asyncio.to_thread.

On PostgreSQL, every process follows the server's clock: leases and grace times then mean the same on all machines,
whatever their own clocks say.

An SQLite file must not be on a network file system: WAL needs shared memory and reliable locks, and on a network
neither is certain (https://sqlite.org/wal.html, section 1).
"""

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path, PurePath
from typing import Any

from sqlalchemy import Dialect, Engine, create_engine, event, make_url, text
from sqlalchemy.engine import URL, Connection, ExceptionContext
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlmodel import Session

from digestd import files
from digestd.errors import BadSetting, DatabaseUnreachable
from digestd.store.opt_outs import OptOutRecord, taken_notes

BUSY_SECONDS = 30.0
"""Time that one writer waits for another, unless the SQLite URL has `?timeout=`."""
CLOCK_SECONDS = 60.0
"""Interval of reading the server's clock. In between it is continued by a clock of this machine that nobody sets."""
_elapsed: Callable[[], float] = (
    partial(time.clock_gettime, time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic
)
"""Seconds since this machine started, including those that it slept."""


class ServerClock:
    """The clock of a PostgreSQL server, read whenever a connection is used and the last reading is old.

    It is accurate to half a round trip.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._read_at = -CLOCK_SECONDS
        self._offset = timedelta(0)
        event.listen(engine, "checkout", self._read)

    def __call__(self) -> datetime:
        """Return the server's time. Nothing is asked, except before the first use of the database."""
        if self._read_at < 0:
            with _readable_errors(self._engine.url), self._engine.connect():
                pass
        if self._read_at < 0:
            raise DatabaseUnreachable("the database does not tell the time; check that it runs, then try again")
        return _START + timedelta(seconds=_elapsed()) + self._offset

    def _read(self, dbapi: Any, _record: object, _proxy: object) -> None:
        began = _elapsed()
        if self._read_at >= 0 and began - self._read_at < CLOCK_SECONDS:
            return
        import psycopg  # noqa: PLC0415  # on SQLite never loaded

        try:
            server = dbapi.execute("SELECT clock_timestamp()").fetchone()[0]
            dbapi.rollback()
        except psycopg.Error:
            return  # whoever uses the connection meets the same error and reports it
        self._read_at = _elapsed()
        self._offset = server.astimezone(UTC) - _START - timedelta(seconds=(began + self._read_at) / 2)


_START = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class WriteWatch:
    """Whether the last write transaction that was begun is committed."""

    is_committed: bool = False


_watch: ContextVar[WriteWatch | None] = ContextVar("write watch", default=None)


def watch_writes() -> WriteWatch:
    """Return a watch on the write transactions of this context, and of the threads that work for it."""
    watch = WriteWatch()
    _watch.set(watch)
    return watch


def is_last_write_committed() -> bool:
    """Return True if this context is watched, and the last write transaction in it is committed."""
    watch = _watch.get()
    return watch is not None and watch.is_committed


class Database:
    """A database engine with read and write transactions.

    `server_clock`: the clock of the server; None on SQLite, where all processes share the machine's.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"
        # PostgreSQL's default level would see a new state with every statement; SQLite's WAL does not.
        options = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        self._reading = engine.execution_options(**options)
        self._writing = engine.execution_options(write=True)
        self.server_clock = None if self.is_sqlite else ServerClock(engine)
        self.opt_outs: OptOutRecord | None = None
        """Told of opt-outs once they are committed."""

    @property
    def conninfo(self) -> str:
        """Return what libpq needs to connect, with the password. PostgreSQL only."""
        from psycopg.conninfo import make_conninfo  # noqa: PLC0415  # on SQLite never loaded

        _none, named = self.engine.dialect.create_connect_args(self.engine.url)
        return make_conninfo("", **{name: value for name, value in named.items() if name != "context"})  # SQLAlchemy's

    @property
    def file(self) -> Path | None:
        return Path(str(self.engine.url.database)) if self.is_sqlite else None

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a transaction that sees one state of the database and changes nothing."""
        with _readable_errors(self.engine.url), Session(self._reading, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a transaction that commits at the end, or rolls back if anything is raised."""
        watch = _watch.get() or WriteWatch()
        watch.is_committed = False
        with (
            _readable_errors(self.engine.url),
            Session(self._writing, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session
        watch.is_committed = True
        if self.opt_outs is not None:
            self.opt_outs.append(taken_notes(session))

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """Open a connection outside any transaction, for locks and maintenance."""
        with _readable_errors(self.engine.url), self.engine.connect() as connection:
            yield connection

    def close(self) -> None:
        self.engine.dispose()


def open_database(url: str) -> Database:
    """Open a database by URL without touching its schema.

    Raises BadSetting for an URL that is neither SQLite nor PostgreSQL, DatabaseUnreachable when
    nothing answers there.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        return Database(_sqlite(parsed))
    patient = parsed.set(drivername="postgresql+psycopg").update_query_dict({**_PATIENCE, **parsed.query})
    engine = create_engine(patient, pool_pre_ping=True, hide_parameters=True)
    event.listen(engine, "connect", _shorten_server_patience)
    event.listen(engine, "begin", _limit_idle_writes)
    with _readable_errors(parsed), engine.connect() as connection:
        for setting in ("fsync", "synchronous_commit"):
            if connection.execute(text(f"SHOW {setting}")).scalar_one() == "off":
                raise BadSetting(f"PostgreSQL runs with {setting}=off and may lose what it acknowledged; switch it on")
    return Database(engine)


def engine_name(url: str) -> str:
    """Return sqlite or postgresql. Raises BadSetting for another URL."""
    return _parsed(url).get_backend_name()


_PATIENCE = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
"""libpq's, in seconds, the last in milliseconds: a server whose machine is gone is not waited for for ever."""
_SERVER_PATIENCE = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "25000",
}
"""The server's, in the same units: the locks of a machine that is gone are released after 25 seconds, not two hours."""
IDLE_WRITE_SECONDS = 30
"""A process that stops in the middle of a write, such as a frozen one, loses its row locks after so long."""


def _shorten_server_patience(dbapi: Any, _record: object) -> None:
    """Let the server notice that this machine is gone."""
    import psycopg  # noqa: PLC0415  # on SQLite never loaded

    for name, value in _SERVER_PATIENCE.items():
        try:
            dbapi.execute("SELECT set_config(%s, %s, false)", (name, value))
            dbapi.commit()
        except psycopg.Error:
            dbapi.rollback()  # the server's system cannot, or a pooler refuses


def _limit_idle_writes(connection: Connection) -> None:
    if connection.get_execution_options().get("write", False):
        connection.exec_driver_sql(f"SET LOCAL idle_in_transaction_session_timeout = '{IDLE_WRITE_SECONDS}s'")


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, NoSuchModuleError) as error:
        hint = (
            f"did you mean sqlite:///{url[:80]}?" if url.endswith((".db", ".sqlite", ".sqlite3")) else f"use {_FORMS}"
        )
        raise BadSetting(f"DIGESTD_DATABASE_URL: not a database URL; {hint}") from error
    if backend not in {"sqlite", "postgresql"}:
        raise BadSetting(f"DIGESTD_DATABASE_URL: {backend} is not supported; use {_FORMS}")
    if backend == "sqlite" and parsed.database in {None, "", ":memory:"}:
        raise BadSetting("DIGESTD_DATABASE_URL: SQLite needs a file, as in sqlite:///var/digestd.db")
    return parsed


_FORMS = "sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"


def _sqlite(url: URL) -> Engine:
    file = Path(str(url.database))
    _prepare_folder(file.parent)
    engine = create_engine(
        url.set(drivername="sqlite"),
        hide_parameters=True,  # they hold addresses, and errors are printed
        connect_args={"timeout": _busy_seconds(url), "check_same_thread": False},
    )

    @event.listens_for(engine, "do_connect")
    def create_first(*_connection: object) -> None:
        if files.is_missing(file):  # SQLite would leave it to root
            with suppress(OSError):  # SQLite says so
                os.close(files.create(file.resolve()))

    @event.listens_for(engine, "connect")
    def prepare(dbapi: object, _record: object) -> None:
        dbapi.isolation_level = None  # type: ignore[attr-defined]  # sqlite3's own; we say BEGIN ourselves
        cursor = dbapi.cursor()  # type: ignore[attr-defined]  # DBAPI connections are untyped in SQLAlchemy
        for pragma in _PRAGMAS:
            cursor.execute(pragma)
        mode = cursor.execute("PRAGMA journal_mode").fetchone()[0]
        cursor.close()
        if mode != "wal":
            raise BadSetting(
                f"DIGESTD_DATABASE_URL: SQLite cannot write ahead (WAL) in {file.parent}, as on most network drives; "
                "put the file on a disk of this machine"
            )

    @event.listens_for(engine, "handle_error")
    def distrust(context: ExceptionContext) -> None:
        context.is_disconnect |= _is_io_error(context.original_exception)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        write = connection.get_execution_options().get("write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _prepare_folder(folder: Path) -> None:
    """Create the folder of the file, and refuse a network drive."""
    try:
        files.make_folder(folder)
    except OSError as error:
        raise BadSetting(f"DIGESTD_DATABASE_URL: cannot make the folder {files.explain(error, folder)}") from error
    listed = MOUNTS
    mounts = listed.read_text(errors="surrogateescape") if listed.exists() else ""
    if kind := network_filesystem(folder.resolve(), mounts):
        raise BadSetting(
            f"DIGESTD_DATABASE_URL: {folder} is on a network drive ({kind}), where SQLite may ruin its file; "
            "put it on a disk of this machine, or use PostgreSQL"
        )


def _busy_seconds(url: URL) -> float:
    try:
        return float(str(url.query.get("timeout", BUSY_SECONDS)))
    except ValueError as error:
        raise BadSetting("DIGESTD_DATABASE_URL: ?timeout= is how many seconds a writer waits for another") from error


def is_connection_lost(dialect: Dialect, error: Any, connection: Any) -> bool:
    """Return True if the driver's connection cannot be used any more after this error."""
    return dialect.is_disconnect(error, connection, None) or _is_io_error(error)


def _is_io_error(error: BaseException) -> bool:
    """Return True after a failed sync.

    The kernel then drops the unwritten pages, so a second sync on the same handle would succeed without writing them
    ("fsyncgate"). A retry must write again on a new connection.
    """
    return "disk i/o error" in str(error).lower()


_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA secure_delete=ON",
    "PRAGMA cache_size=-4096",
)


EXPECTED_SETTINGS: Mapping[str, str] = {
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
    return {name: value for name, value in found.items() if value != EXPECTED_SETTINGS[name]}


@contextmanager
def _readable_errors(url: URL) -> Iterator[None]:
    """Turn errors such as 'cannot connect' and 'no such table' into one clear line."""
    try:
        yield
    except PoolTimeout as error:
        raise DatabaseUnreachable("all database connections are in use; try again") from error
    except DBAPIError as error:
        if "not a database" in str(error.orig).lower():
            raise BadSetting(
                f"DIGESTD_DATABASE_URL: {url.database} is not an SQLite database; "
                "restore a backup with `digestd restore FILE`, or set another file"
            ) from error
        if (reason := _denied(error, url) or _reason(error)) is None:
            raise
        raise DatabaseUnreachable(f"database {url.render_as_string(hide_password=True)}: {reason}") from error


def _denied(error: DBAPIError, url: URL) -> str | None:
    """Return which of SQLite's files this process may not use, whose it is, and the remedy."""
    said = str(error.orig).lower()
    if url.get_backend_name() != "sqlite" or not ("unable to open" in said or "readonly" in said):
        return None
    file = Path(str(url.database))
    every = (file.parent, *(file.with_name(f"{file.name}{suffix}") for suffix in ("", "-wal", "-shm")))
    denied = [one for one in every if not files.is_missing(one) and not files.is_usable(one)]
    return files.explain_denied(denied[0]) if denied else None


def _reason(error: DBAPIError) -> str | None:
    first = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else type(error.orig).__name__
    lowered = first.lower()
    if "no such table" in lowered or "does not exist" in lowered:
        return f"{first}; run `digestd init` first"
    if "disk is full" in lowered or "disk i/o" in lowered or "no space left" in lowered:
        return f"{first}; check that the disk has space and works, then try again"
    if "malformed" in lowered:  # also if a page cannot be read (SQLITE_IOERR_CORRUPTFS)
        return f"{first}; check the disk and try again; if it still fails, restore the last backup"
    if "unable to open" in lowered or "readonly" in lowered:
        return f"{first}; check DIGESTD_DATABASE_URL and the file's permissions"
    if "locked" in lowered or "busy" in lowered or "deadlock" in lowered:
        return f"{first}; another process is writing, try again"
    if error.connection_invalidated or type(error).__name__ == "OperationalError":
        return f"{first}; check that it runs and DIGESTD_DATABASE_URL names it, then try again"
    return None


MOUNTS = Path("/proc/self/mounts")
"""Linux's table of mounts. Other systems lack it, and nothing is refused there."""
_NETWORK = frozenset(
    (
        *("afs", "beegfs", "ceph", "cifs", "coda", "davfs", "gfs", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs"),
        *("nfs", "nfs4", "ocfs2", "orangefs", "panfs", "pvfs2", "smb2", "smb3", "smbfs"),
    )
)
"""Shares of a virtual machine with its host (9p, virtiofs) are allowed: often the machine has nothing else."""
_BY_FUSE = re.compile(
    r"fuse\.(sshfs|s3fs|rclone|glusterfs|ceph(-fuse)?|davfs2?|gcsfuse|goofys|juicefs|mfs|moosefs|seaweedfs|weed|"
    r"curlftpfs|smbnetfs|fuse-nfs|blobfuse2?|vmhgfs-fuse)",
    re.IGNORECASE,
)
_ESCAPE = re.compile(r"\\([0-7]{3})")


def network_filesystem(folder: PurePath, mounts: str) -> str | None:
    """Return the kind of network file system a folder is on; None for a local disk.

    `mounts`: lines as in proc_mounts(5). Of several on one place the last is the one that is seen.
    """
    found: tuple[int, str] | None = None
    for line in mounts.splitlines():
        _, place, kind, *_ = line.split(" ")
        at = PurePath(_ESCAPE.sub(lambda code: chr(int(code[1], 8)), place))
        if folder.is_relative_to(at) and (found is None or len(at.parts) >= found[0]):
            found = len(at.parts), kind
    kind = found[1] if found else ""
    return kind if kind in _NETWORK or _BY_FUSE.fullmatch(kind) else None
