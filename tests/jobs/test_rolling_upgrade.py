"""Upgrade workers one after the other: an expanding and a contracting schema change while mails are sent.

The newer versions are copies of the package with further migrations, as a release would ship them.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import inspect

import digestd
from digestd.domain.delivery import State
from tests.jobs.conftest import all_sent, due_install, none_lost_or_doubled
from tests.support.install import Install
from tests.support.relay import Relay
from tests.support.waiting import PATIENCE_SECONDS, until

pytestmark = [pytest.mark.slow, pytest.mark.postgresql]
SUBSCRIBERS = 240
"""More than the first worker can send while a busy machine upgrades the schema."""
MIGRATION = '''"""{does} a column of deliveries."""

import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "{revision}", "{before}", None, None


def upgrade() -> None:
    {step}


def downgrade() -> None:
    raise NotImplementedError
'''
EXPAND = MIGRATION.format(
    does="Add",
    revision="9001",
    before="{before}",
    step='op.add_column("delivery", sa.Column("note", sa.Text(), server_default=""))',
)
CONTRACT = MIGRATION.format(does="Drop", revision="9002", before="9001", step='op.drop_column("delivery", "note")')


class Release:
    """A copy of digestd with the given migrations after its own."""

    def __init__(self, folder: Path, migrations: dict[str, str]) -> None:
        repository = Path(digestd.__file__).parents[1]
        for part in ("digestd", "templates"):
            shutil.copytree(repository / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        versions = folder / "digestd/store/migrations/versions"
        newest = max(file.name for file in versions.glob("[0-9]*.py")).partition("_")[0]
        for revision, text in migrations.items():
            (versions / f"{revision}_note.py").write_text(text.replace("{before}", newest))
        self.folder = folder

    def init(self, made: Install) -> None:
        """Upgrade the database to this release."""
        subprocess.run(self._command("init"), env=self._environment(made), cwd=self.folder, check=True)

    @contextlib.contextmanager
    def worker(self, made: Install) -> Iterator[subprocess.Popen[str]]:
        """Run a worker of this release until the end of the block."""
        with (self.folder / "worker.log").open("w+") as log:
            worker = subprocess.Popen(
                self._command("worker"), env=self._environment(made), cwd=self.folder, stdout=log, stderr=log, text=True
            )
            try:
                yield worker
            finally:
                worker.send_signal(signal.SIGTERM)
                worker.wait(PATIENCE_SECONDS)

    @property
    def said(self) -> str:
        """Return what its worker has written."""
        return (self.folder / "worker.log").read_text()

    def _command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "digestd", *words]

    def _environment(self, made: Install) -> dict[str, str]:
        ours = made.environment(DIGESTD_RUNNER="procrastinate", DIGESTD_JOURNAL_DIR=str(self.folder / "journals"))
        return {"PATH": os.environ["PATH"], "PYTHONPATH": str(self.folder), **ours}


def test_workers_are_upgraded_one_after_the_other(tmp_path: Path, postgres_url: str) -> None:
    old = Release(tmp_path / "old", {})
    expanded = Release(tmp_path / "expanded", {"9001": EXPAND})
    contracted = Release(tmp_path / "contracted", {"9001": EXPAND, "9002": CONTRACT})
    made = due_install(tmp_path / "run", postgres_url, SUBSCRIBERS)
    with Relay(delay=0.3).in_thread() as relay:
        there = made.to(relay.url, connections=2)
        with old.worker(there) as first:
            until(lambda: len(relay.taken) >= 4, lambda: old.said)
            expanded.init(there)
            with expanded.worker(there) as second:
                first.wait(PATIENCE_SECONDS)
                before = len(relay.taken)
                until(lambda: len(relay.taken) >= before + 4, lambda: expanded.said)
                contracted.init(there)
                with contracted.worker(there):
                    second.wait(PATIENCE_SECONDS)
                    relay.delay = 0
                    until(lambda: all_sent(there, SUBSCRIBERS), lambda: f"{there.states} {contracted.said}")
        assert none_lost_or_doubled(there, relay)
    for stopped, newer in ((old, "9001"), (expanded, "9002")):
        assert f"the database has schema {newer} of a newer digestd than this one" in stopped.said
        assert "Traceback" not in stopped.said
    assert (first.returncode, second.returncode) == (1, 1)
    assert (there.unsafe, there.states.get(State.UNCERTAIN, 0)) == ({}, 0)
    assert "note" not in {column["name"] for column in inspect(made.db.engine).get_columns("delivery")}
    made.db.close()
