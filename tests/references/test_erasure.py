"""Erasure deletes every imported text from all rows, files and logs."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select, text
from sqlmodel import SQLModel

from digestd.jobs.scheduler import Scheduler
from digestd.store import core, subscribers
from digestd.store.personal_data import scrub
from digestd.subscribers.personal_data import erase
from tests.digests.topic_papers import shelf
from tests.references.conftest import ADA, CANARY, bring, files, known
from tests.support.install import Install

WORDS = (
    b"canarytitle",
    b"canaryabstract",
    b"canaryname",
    b"canarydoi",
    b"canaryevil",
    b"canaryadvert",
    b"canary.example",
)
"""Longer than CANARY, because PostgreSQL knows of islands of that name."""


def lived(installed: Install) -> None:
    """Import references, plan and pick by them."""
    for body in files().values():
        bring(installed, body)
    installed.papers(shelf("strong", 3))
    installed.plan()


def rows(installed: Install) -> Iterator[str]:
    """Yield the tables that contain one of the texts."""
    with installed.db.read() as session:
        for name, table in SQLModel.metadata.tables.items():
            if CANARY in repr(session.connection().execute(select(table)).all()).casefold():
                yield name


def files_containing(folder: Path) -> list[str]:
    """Return the files of a folder that contain one of the texts."""
    found = [file for file in folder.rglob("*") if file.is_file()]
    return [file.name for file in found if any(word in file.read_bytes().lower() for word in WORDS)]


async def test_erasure_leaves_no_reference_in_any_row_file_or_log(
    installed: Install, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    lived(installed)
    await installed.deliver()
    assert {"reference", "interest"} <= set(rows(installed))
    erase(installed.db, installed.app.keys, ADA, installed.clock.now)
    assert list(rows(installed)) == []
    for mail in (tmp_path / "outbox" / "new").iterdir():  # the mails themselves are with their recipients
        mail.unlink()
    assert files_containing(tmp_path) == [], "with the database open: also in its journals"
    installed.db.close()
    assert files_containing(tmp_path) == []
    shown = capfd.readouterr()
    assert CANARY not in f"{shown.out}{shown.err}{caplog.text}".casefold()


@pytest.mark.parametrize("database_url", ["postgres_url"], indirect=True)
def test_vacuum_leaves_no_reference_in_the_data_folder(installed: Install) -> None:
    lived(installed)
    erase(installed.db, installed.app.keys, ADA, installed.clock.now)
    url = installed.url.replace("postgresql:", "postgresql+psycopg:")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("VACUUM FULL"))
        connection.execute(text("CHECKPOINT"))
        folder = Path(connection.execute(text("SHOW data_directory")).scalar_one())
        number = connection.execute(text("SELECT oid FROM pg_database WHERE datname = current_database()")).scalar_one()
    engine.dispose()
    tables = folder / "base" / str(number)
    if not os.access(tables, os.R_OK):
        pytest.skip("the data folder of PostgreSQL cannot be read by whoever runs the tests")
    assert files_containing(tables) == []


def test_log_that_a_reader_needs_is_emptied_later(installed: Install, tmp_path: Path) -> None:
    bring(installed, files()["bibtex"])
    with installed.db.read() as session:
        session.connection().execute(select(core.reference)).all()
        with installed.db.write() as writing:
            subscribers.update_many(writing, [replace(known(installed, ADA), interests=())], installed.clock.now)
        assert not scrub(installed.db, wait=False)
        assert files_containing(tmp_path) == ["digestd.db-wal"]
    asyncio.run(Scheduler(installed.app).scrub())
    assert files_containing(tmp_path) == []


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """Use SQLite, unless a test asks for each engine."""
    return str(request.getfixturevalue(getattr(request, "param", "sqlite_url")))
