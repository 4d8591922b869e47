"""The processes of an installation: which are alive, by locks on their names, and the tables of the job engine.

The kernel or the database server decides, not the clock of a worker.

SQLite: each worker holds an flock on a file of its name beside the database; the kernel releases it when the process
ends. PostgreSQL: each holds a session advisory lock on a connection of its own. The server releases it when the process
ends, or some 25 seconds after its machine has vanished (see `database`). Runs by the job engine hold no lock: their
worker's heartbeats in the database say whether it is alive, so that a process that is frozen counts as dead too.

Nothing in the tables of the job engine (procrastinate, PostgreSQL only) is needed to know what is due: the ledger and
the subscribers' next due times say that. A row that is lost or left behind by a dead worker is deleted, and the next
tick finds the same work in the database."""

import contextlib
import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from digestd import files
from digestd.errors import AlreadyRunning, DatabaseUnreachable, NotInitialised
from digestd.store.database import Database

if TYPE_CHECKING:
    from procrastinate.jobs import Job


SCHEDULER = "scheduler"
"""The name that is held by the one process that schedules on a database."""


class HeldLock:
    """A lock that this process holds, and cannot lose while it lives."""

    def renew(self) -> None:
        """Make sure that the lock is still held.

        Take it again if it was lost.

        Raises:
            AlreadyRunning: Another process has it now.
            DatabaseUnreachable: The server does not answer.
        """


class ProcessLocks(Protocol):
    """Locks on the names of processes: hold one's own, and test those of others."""

    def hold(self, owner: str, where: str = "") -> contextlib.AbstractContextManager[HeldLock]:
        """Hold a name until the context ends or the process dies.

        Raises AlreadyRunning if it is held.

        `where`: what to tell whoever comes second, e.g. the address of the pages.
        """

    def is_dead(self, owner: str) -> bool:
        """Return True if nobody holds the name."""


def process_locks(db: Database) -> ProcessLocks:
    """Return the locks for this database."""
    if db.file is None:
        return AdvisoryLocks(db)
    file = db.file.resolve()  # two ways to one file must meet in one folder
    return FileLocks(file.parent / f"{file.name}.locks")


class FileLocks:
    """flock(2) on one file per name, in a folder next to the SQLite file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextlib.contextmanager
    def hold(self, owner: str, where: str = "") -> Iterator[HeldLock]:
        """See ProcessLocks.hold; the file is removed at the end of an orderly run."""
        with self._locked(owner) as file:
            if file is None:
                raise AlreadyRunning(self._already_running(owner))
            with self._report_disk_errors():
                file.seek(0)
                file.truncate()
                file.write(f"process {os.getpid()}{', ' if where else ''}{where}")
                file.flush()
            yield HeldLock()
            (self._folder / owner).unlink(missing_ok=True)

    def is_dead(self, owner: str) -> bool:
        """See ProcessLocks.is_dead; a name without a file belongs to nobody."""
        if not (self._folder / owner).exists():
            return True
        with self._locked(owner) as file:
            if file is not None:
                (self._folder / owner).unlink(missing_ok=True)
            return file is not None

    @contextlib.contextmanager
    def _locked(self, owner: str) -> Iterator[IO[str] | None]:
        with self._report_disk_errors():
            files.make_folder(self._folder)
            opened = os.fdopen(files.create(self._folder / owner, os.O_RDWR | os.O_APPEND), "a+")
        with opened as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
                return
            # Between opening and locking, an orderly end may have removed the file: then the
            # lock is on a name nobody else will see, and somebody else is just starting.
            yield file if _is_still(self._folder / owner, file) else None

    @contextlib.contextmanager
    def _report_disk_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DatabaseUnreachable(f"cannot write {files.explain(error, self._folder)}") from error

    def _already_running(self, owner: str) -> str:
        try:
            holder = (self._folder / owner).read_text().strip() or "just starting"
        except FileNotFoundError:
            holder = "just ending"
        return f"another digestd ({holder}) already runs as {owner} on this database; stop it first"


def _is_still(path: Path, file: IO[str]) -> bool:
    try:
        return path.stat().st_ino == os.fstat(file.fileno()).st_ino
    except FileNotFoundError:
        return False


class AdvisoryLocks:
    """pg_try_advisory_lock on a hash of the name. The server releases it when the connection ends."""

    def __init__(self, db: Database) -> None:
        self._db = db

    @contextlib.contextmanager
    def hold(self, owner: str, where: str = "") -> Iterator[HeldLock]:
        """See ProcessLocks.hold; uses one connection for as long, or none in a job of the engine."""
        del where  # the server stores no text with a lock
        if worker_of(owner) is not None:
            yield HeldLock()
            return
        held = _SessionLock(self._db, owner)
        held.take()
        try:
            yield held
        finally:
            held.release()

    def is_dead(self, owner: str) -> bool:
        """See ProcessLocks.is_dead."""
        with self._db.connected() as connection:
            if (worker := worker_of(owner)) is not None:
                return not is_worker_alive(connection, worker)
            free = _try(connection, owner)
            if free:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _number(owner)})
            connection.commit()
            return free


class _SessionLock(HeldLock):
    """A session advisory lock and the connection that holds it."""

    def __init__(self, db: Database, owner: str) -> None:
        self._db = db
        self._owner = owner
        self._open = contextlib.ExitStack()
        self._connection: Connection | None = None

    def take(self) -> None:
        """Take the lock. Raises AlreadyRunning, DatabaseUnreachable."""
        with contextlib.ExitStack() as opened:
            connection = opened.enter_context(self._db.connected())
            opened.callback(connection.invalidate)  # a pooled connection would keep the lock
            if not _try(connection, self._owner):
                raise AlreadyRunning(f"another digestd already runs as {self._owner} on this database; stop it first")
            connection.commit()
            self._connection, self._open = connection, opened.pop_all()

    def renew(self) -> None:
        """See HeldLock."""
        if self._connection is not None:
            try:
                self._connection.execute(text("SELECT 1"))
                self._connection.commit()
            except DBAPIError:
                self.release()
        if self._connection is None:
            self.take()

    def release(self) -> None:
        """Close the connection, and the lock with it."""
        self._connection = None
        self._open.close()


def _try(connection: Connection, owner: str) -> bool:
    return bool(connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _number(owner)}).scalar_one())


def _number(owner: str) -> int:
    return int.from_bytes(hashlib.blake2b(owner.encode(), digest_size=8).digest(), "big", signed=True)


HEARTBEAT_SECONDS = 5.0
"""Interval at which a worker says that it is alive."""
DEAD_SECONDS = 20.0
"""A worker that has said nothing for so long counts as dead, by the clock of the database server."""
BUSY_SECONDS = 60.0
"""Longer than the planning of a shard takes. A job that the engine has forgotten keeps another away for so long."""
JOB_SECONDS_MAX = 7_200.0
"""No job runs for so long; the engine has forgotten one that seems to."""
_OWNER = re.compile(r"job-(\d{1,19})-[0-9a-f]{16}")


def create_job_tables(db: Database) -> None:
    """Create the engine's tables, or replace those of another version of the engine. Safe to repeat."""
    from procrastinate.schema import SchemaManager  # noqa: PLC0415  # other commands start without the engine

    with db.write() as session:
        connection = session.connection()
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('digestd job queue'))"))
        if _version(connection) == _installed():
            return
        cursor = _driver(connection).cursor()
        cursor.execute(_DROP)
        cursor.execute(SchemaManager.get_schema())
        cursor.execute(f"COMMENT ON TABLE procrastinate_jobs IS '{_installed()}'")


def require_job_tables(db: Database) -> None:
    """Raise NotInitialised unless the tables are those of the installed engine."""
    with db.read() as session:
        found = _version(session.connection())
    if found != _installed():
        was = f"is of procrastinate {found}" if found else "does not exist yet"
        raise NotInitialised(f"the job queue in the database {was}; run `digestd init`")


def add_jobs(session: Session, jobs: "Sequence[Job]") -> int:
    """Add jobs in the caller's transaction; return how many were added.

    Of jobs with the same queueing lock only one waits. None is added while a living worker runs one that it began less
    than BUSY_SECONDS ago, because what is left afterwards is found by the next tick.
    """
    from procrastinate.manager import JobManager  # noqa: PLC0415  # see `create_job_tables`
    from procrastinate.sync_psycopg_connector import SyncPsycopgConnector  # noqa: PLC0415

    connection = session.connection()
    given = {"locks": [job.queueing_lock for job in jobs if job.queueing_lock]}
    busy = set(connection.execute(_BUSY, {**given, "dead": DEAD_SECONDS, "busy": BUSY_SECONDS}).scalars())
    new = [job for job in jobs if job.queueing_lock not in busy]
    if new:
        JobManager(SyncPsycopgConnector()).batch_defer_jobs(new, connection=_driver(connection))
    return len(new)


_BUSY = text(
    "SELECT queueing_lock FROM procrastinate_jobs AS job WHERE queueing_lock = ANY(:locks) AND (status = 'todo' OR ("
    "status = 'doing' AND EXISTS (SELECT FROM procrastinate_workers AS worker WHERE worker.id = job.worker_id"
    " AND worker.last_heartbeat >= now() - :dead * interval '1 second')"
    " AND EXISTS (SELECT FROM procrastinate_events AS event WHERE event.job_id = job.id AND event.type = 'started'"
    " AND event.at > now() - :busy * interval '1 second')))"
)


def delete_lost_jobs(session: Session) -> list[str]:
    """Delete dead workers, and jobs that no living worker runs; return the names of these jobs."""
    connection = session.connection()
    connection.execute(_BURY, {"seconds": DEAD_SECONDS})
    return sorted(connection.execute(_DELETE_LOST, {"seconds": JOB_SECONDS_MAX}).scalars())


_BURY = text("DELETE FROM procrastinate_workers WHERE last_heartbeat < now() - :seconds * interval '1 second'")
_DELETE_LOST = text(
    "DELETE FROM procrastinate_jobs AS job WHERE status NOT IN ('todo', 'doing') OR (status = 'doing' AND ("
    "worker_id IS NULL OR NOT EXISTS (SELECT FROM procrastinate_events AS event WHERE event.job_id = job.id"
    " AND event.type = 'started' AND event.at > now() - :seconds * interval '1 second'))) RETURNING task_name"
)


def seconds_since_tick(session: Session, task: str) -> float | None:
    """Return how long ago any machine last started a periodic job; None if none ever did."""
    found = session.connection().execute(_LAST_TICK, {"task": task}).scalar_one()
    return None if found is None else float(found)


_LAST_TICK = text(
    "SELECT extract(epoch FROM now()) - max(defer_timestamp) FROM procrastinate_periodic_defers WHERE task_name = :task"
)


def new_owner(worker: int) -> str:
    """Return a new name in the ledger for a run by this worker of the engine."""
    return f"job-{worker}-{secrets.token_hex(8)}"


def worker_of(owner: str) -> int | None:
    """Return the engine's worker behind a name in the ledger; None if it is not the engine's."""
    found = _OWNER.fullmatch(owner)
    return int(found[1]) if found else None


def is_worker_alive(connection: Connection, worker: int) -> bool:
    """Return True if a worker has said recently that it is alive."""
    if not _exists(connection):
        return False
    return connection.execute(_ALIVE, {"worker": worker, "seconds": DEAD_SECONDS}).first() is not None


_ALIVE = text(
    "SELECT 1 FROM procrastinate_workers"
    " WHERE id = :worker AND last_heartbeat >= now() - :seconds * interval '1 second'"
)


def _exists(connection: Connection) -> bool:
    return bool(connection.execute(text("SELECT to_regclass('procrastinate_jobs') IS NOT NULL")).scalar_one())


def _version(connection: Connection) -> str | None:
    if not _exists(connection):
        return None
    query = text("SELECT obj_description(to_regclass('procrastinate_jobs'))")
    return str(connection.execute(query).scalar_one())


def _installed() -> str:
    return version("procrastinate")


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


_DROP = """
DO $$
DECLARE found record;
BEGIN
    FOR found IN SELECT oid::regclass AS name FROM pg_class
        WHERE relname LIKE 'procrastinate\\_%' AND relkind = 'r' AND pg_table_is_visible(oid)
    LOOP EXECUTE 'DROP TABLE ' || found.name || ' CASCADE'; END LOOP;
    FOR found IN SELECT oid::regprocedure AS name FROM pg_proc
        WHERE proname LIKE 'procrastinate\\_%' AND pg_function_is_visible(oid)
    LOOP EXECUTE 'DROP FUNCTION ' || found.name || ' CASCADE'; END LOOP;
    FOR found IN SELECT oid::regtype AS name FROM pg_type
        WHERE typname LIKE 'procrastinate\\_%' AND typtype IN ('c', 'e') AND pg_type_is_visible(oid)
    LOOP EXECUTE 'DROP TYPE ' || found.name || ' CASCADE'; END LOOP;
END $$
"""
