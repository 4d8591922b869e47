"""An install whose readers have their digests planned, on each database engine in turn."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests.parts import library
from tests.parts.install import Install, install

READERS = 8


def planned(folder: Path, url: str, now: datetime, readers: int = READERS) -> Install:
    """Papers, readers, and a ready digest for each."""
    made = install(folder, url, now)
    made.papers(library.papers(60))
    made.people(library.people(readers))
    assert made.plan().planned == readers
    return made


@pytest.fixture
def waiting(tmp_path: Path, database_url: str, now: datetime) -> Iterator[Install]:
    """Eight readers whose digests are ready."""
    made = planned(tmp_path, database_url, now)
    yield made
    made.db.close()


@pytest.fixture
def on_file(tmp_path: Path, sqlite_url: str, now: datetime) -> Iterator[Install]:
    """The same on SQLite alone, for what does not depend on the engine."""
    made = planned(tmp_path, sqlite_url, now)
    yield made
    made.db.close()
