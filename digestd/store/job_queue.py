"""The tables of the job engine (procrastinate, PostgreSQL only), and which of its workers are alive.

Nothing in these tables is needed to know what is due: the ledger and the subscribers' next due times say that. A row
that is lost or left behind by a dead worker is deleted, and the next tick finds the same work in the database.
"""

import re
import secrets
from collections.abc import Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlmodel import Session

from digestd.errors import NotInitialised
from digestd.store.database import Database

if TYPE_CHECKING:
    from procrastinate.jobs import Job

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
