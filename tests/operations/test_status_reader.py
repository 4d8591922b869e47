"""Test how the state of the service is read."""

from datetime import datetime
from pathlib import Path

from digestd.jobs import tasks
from digestd.operations import status_reader
from digestd.operations.status_reader import read_status
from digestd.store.processes import SCHEDULER
from tests.support.install import install


def test_scheduler_is_known_by_its_lock(tmp_path: Path, sqlite_url: str, now: datetime) -> None:
    app = install(tmp_path, sqlite_url, now).app
    assert not read_status(app).scheduler
    with app.owners.hold(SCHEDULER):
        assert read_status(app).scheduler
    assert not read_status(app).scheduler
    app.db.close()


def test_name_is_that_of_the_job() -> None:
    assert tasks.PLAN == status_reader.PLANNING
