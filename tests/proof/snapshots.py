"""Snapshots of an installation that can be restored many times."""

import shutil
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from digestd.store.database import Database
from tests.parts.install import Install

Renew = Callable[[], None]


def whole_renewal(install: Install, folder: Path) -> Renew:
    """Take a snapshot of database and journals; return a function that restores it."""
    journals, kept = install.app.journals, folder / "journals"
    if journals.exists():
        shutil.copytree(journals, kept, dirs_exist_ok=True)
    renew_database = renewal(install.db, folder)

    def renew() -> None:
        renew_database()
        shutil.rmtree(journals, ignore_errors=True)
        if kept.exists():
            shutil.copytree(kept, journals)

    return renew


def renewal(db: Database, folder: Path) -> Renew:
    """Take a snapshot of the database; return a function that restores it."""
    return _of_file(db, folder) if db.is_sqlite else _of_tables(db)


def settled(db: Database) -> None:
    """Write an SQLite database's journal into its file."""
    with db.engine.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def _of_file(db: Database, folder: Path) -> Renew:
    file = Path(str(db.file))
    original = folder / "original.db"
    settled(db)
    shutil.copy(file, original)

    def renew() -> None:
        db.close()
        for stale in file.parent.glob(f"{file.name}-*"):
            stale.unlink()
        shutil.copy(original, file)

    return renew


def _of_tables(db: Database) -> Renew:
    """Restore rows, not tables: a tenth of the time of a new database from a template."""
    db.close()
    engine = create_engine(db.engine.url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text("CREATE SCHEMA original"))
        found = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        tables = sorted(found.scalars())
        for table in tables:
            connection.execute(text(f"CREATE TABLE original.{table} AS TABLE public.{table}"))
    back = [
        "SET session_replication_role = replica",  # skip triggers and foreign keys: the rows were valid
        *(f"DELETE FROM public.{table}; INSERT INTO public.{table} SELECT * FROM original.{table}" for table in tables),
    ]

    def renew() -> None:
        db.close()
        with engine.connect() as connection:
            connection.execute(text(_ALONE))
            connection.exec_driver_sql(";".join(["BEGIN", *back, "COMMIT"]))

    return renew


_ALONE = """\
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
