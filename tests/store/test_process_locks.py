"""Locks of processes on PostgreSQL: lost with the connection, noticed, and taken again."""

import pytest
from sqlalchemy import text

from digestd.errors import AlreadyRunning
from digestd.store.database import Database, open_database
from digestd.store.processes import process_locks


@pytest.fixture
def served(postgres_url: str) -> Database:
    return open_database(postgres_url)


def end_connections(db: Database) -> None:
    """End all connections, as a restart of the server does."""
    with db.connected() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"  # waits until it is gone
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        )


def test_lost_lock_is_taken_again(served: Database) -> None:
    locks = process_locks(served)
    with locks.hold("scheduler") as lock:
        lock.renew()
        end_connections(served)
        lock.renew()
        with pytest.raises(AlreadyRunning):
            locks.hold("scheduler").__enter__()
    assert locks.is_dead("scheduler")
    served.close()


def test_lost_lock_that_another_took_is_noticed(served: Database) -> None:
    locks = process_locks(served)
    with locks.hold("scheduler") as lock:
        end_connections(served)
        with locks.hold("scheduler"), pytest.raises(AlreadyRunning, match="already runs as scheduler"):
            lock.renew()
        lock.renew()
    served.close()


def test_server_notices_a_vanished_machine(served: Database) -> None:
    """The defaults of Linux keep the locks of a machine that vanished for more than two hours."""
    with served.connected() as connection:
        settings = {
            name: str(connection.execute(text(f"SHOW {name}")).scalar_one())
            for name in ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count", "tcp_user_timeout")
        }
    assert settings == {
        "tcp_keepalives_idle": "10",
        "tcp_keepalives_interval": "5",
        "tcp_keepalives_count": "3",
        "tcp_user_timeout": "25000",
    }
    served.close()
