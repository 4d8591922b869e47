"""Snapshots of an installation that can be restored many times."""

import shutil
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from digestd.store.database import Database
from tests.support.install import Install

Restore = Callable[[], None]


def snapshot_installation(install: Install, folder: Path) -> Restore:
    """Take a snapshot of database and journals; return a function that restores it."""
    journals, saved = install.app.journals, folder / "journals"
    if journals.exists():
        shutil.copytree(journals, saved, dirs_exist_ok=True)
    restore_database = snapshot_database(install.db, folder)

    def restore() -> None:
        restore_database()
        shutil.rmtree(journals, ignore_errors=True)
        if saved.exists():
            shutil.copytree(saved, journals)

    return restore


def snapshot_database(db: Database, folder: Path) -> Restore:
    """Take a snapshot of the database; return a function that restores it."""
    return _snapshot_file(db, folder) if db.is_sqlite else _snapshot_tables(db)


def checkpoint(db: Database) -> None:
    """Write an SQLite database's journal into its file."""
    with db.engine.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def _snapshot_file(db: Database, folder: Path) -> Restore:
    file = Path(str(db.file))
    original = folder / "original.db"
    checkpoint(db)
    shutil.copy(file, original)

    def restore() -> None:
        db.close()
        for stale in file.parent.glob(f"{file.name}-*"):
            stale.unlink()
        shutil.copy(original, file)

    return restore


def _snapshot_tables(db: Database) -> Restore:
    """Restore rows, not tables: a tenth of the time of a new database from a template."""
    db.close()
    engine = create_engine(db.engine.url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text("CREATE SCHEMA original"))
        found = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        tables = sorted(found.scalars())
        for table in tables:
            connection.execute(text(f"CREATE TABLE original.{table} AS TABLE public.{table}"))
    statements = [
        "SET session_replication_role = replica",  # skip triggers and foreign keys: the rows were valid
        *(f"DELETE FROM public.{table}; INSERT INTO public.{table} SELECT * FROM original.{table}" for table in tables),
    ]

    def restore() -> None:
        db.close()
        with engine.connect() as connection:
            connection.execute(text(_DISCONNECT_OTHERS))
            connection.exec_driver_sql(";".join(["BEGIN", *statements, "COMMIT"]))

    return restore


_DISCONNECT_OTHERS = """\
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
