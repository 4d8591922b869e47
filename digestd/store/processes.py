"""The processes of an installation: which are alive, by locks on their names.

The kernel or the database server decides, not the clock of a worker.

SQLite: each worker holds an flock on a file of its name beside the database; the kernel releases it when the process
ends. PostgreSQL: each holds a session advisory lock on a connection of its own. The server releases it when the process
ends, or some 25 seconds after its machine has vanished (see `database`). Runs by the job engine hold no lock: their
worker's heartbeats in the database say whether it is alive (`job_queue`), so that a process that is frozen counts as
dead too.
"""

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol

from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from digestd import files
from digestd.errors import AlreadyRunning, DatabaseUnreachable
from digestd.store.database import Database
from digestd.store.job_queue import is_worker_alive, worker_of

SCHEDULER = "scheduler"
"""The name that is held by the one process that schedules on a database."""


class HeldLock:
    """A lock that this process holds, and cannot lose while it lives."""

    def renew(self) -> None:
        """Make sure that the lock is still held; take it again if it was lost.

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
