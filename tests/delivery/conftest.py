"""An install whose readers have their digests planned.

On each database engine in turn.

Planning is done once a session and engine; each test gets a copy of what it left.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import pytest

from tests.conftest import NOW
from tests.support import sample_data
from tests.support.install import Install, install, reopen
from tests.support.postgres import create, drop

READERS = 8


def planned(folder: Path, url: str, now: datetime, readers: int = READERS) -> Install:
    """Return an install with papers, subscribers, and a ready digest for each."""
    made = install(folder, url, now)
    made.papers(sample_data.papers(60))
    made.people(sample_data.people(readers))
    assert made.plan().planned == readers
    return made


@dataclass(frozen=True)
class Original:
    """A planned install to copy.

    The URL of its database, and the folder of its secret.
    """

    folder: Path
    url: str

    def copied(self, folder: Path, url: str) -> Install:
        """Return a copy of the install for a database that has been copied."""
        shutil.copy(self.folder / "secret.key", folder / "secret.key")
        return reopen(folder, url, NOW)


@pytest.fixture(scope="session")
def planned_file(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Original:
    """Plan for eight subscribers in an SQLite file."""
    folder = tmp_path_factory.mktemp("planned")
    shutil.copy(_sqlite_template, folder / "digestd.db")
    made = planned(folder, f"sqlite:///{folder / 'digestd.db'}", NOW)
    with made.db.engine.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    made.db.close()
    return Original(folder, made.url)


@pytest.fixture(scope="session")
def planned_base(_postgres_admin: str, tmp_path_factory: pytest.TempPathFactory) -> Original:
    """Plan for eight subscribers in a PostgreSQL database."""
    create(_postgres_admin, "planned_digestd", "template_digestd")
    made = planned(tmp_path_factory.mktemp("planned"), _postgres_admin.replace("/postgres", "/planned_digestd"), NOW)
    made.db.close()
    return Original(made.folder, made.url)


@pytest.fixture
def waiting(request: pytest.FixtureRequest, tmp_path: Path, engine: str) -> Iterator[Install]:
    """Return an install with eight ready digests."""
    if engine == "sqlite":
        made = file_copy(request.getfixturevalue("planned_file"), tmp_path)
    else:
        admin, name = request.getfixturevalue("_postgres_admin"), f"t{uuid4().hex[:12]}"
        original = request.getfixturevalue("planned_base")
        create(admin, name, "planned_digestd")
        made = original.copied(tmp_path, admin.replace("/postgres", f"/{name}"))
    yield made
    made.db.close()
    if engine == "postgresql":
        drop(admin, name)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    """Return the name of each engine in turn."""
    return str(request.param)


@pytest.fixture
def on_file(planned_file: Original, tmp_path: Path) -> Iterator[Install]:
    """Return the same on SQLite only, for tests that do not depend on the engine."""
    made = file_copy(planned_file, tmp_path)
    yield made
    made.db.close()


def file_copy(original: Original, folder: Path) -> Install:
    """Copy a planned SQLite file."""
    shutil.copy(original.folder / "digestd.db", folder / "digestd.db")
    return original.copied(folder, f"sqlite:///{folder / 'digestd.db'}")
