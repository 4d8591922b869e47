"""Installations that the job engine runs, and workers with a state folder of their own."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from digestd.domain.delivery import State
from digestd.store import job_queue
from digestd.store.database import open_database
from tests.conftest import NOW
from tests.support import sample_data
from tests.support.command_process import Command, Running
from tests.support.install import Install, install
from tests.support.relay import Relay

DONE = {State.ACCEPTED, State.UNCERTAIN}


def due_install(folder: Path, url: str, subscribers: int) -> Install:
    """Return an installation with a job queue, where all subscribers are due."""
    db = open_database(url)
    job_queue.create_job_tables(db)
    db.close()
    made = install(folder, url, NOW)
    made.papers(sample_data.papers(40))
    made.people(sample_data.people(subscribers))
    return made


@pytest.fixture
def queued(tmp_path: Path, postgres_url: str) -> Iterator[Install]:
    """Yield an installation with a job queue, where 60 subscribers are due."""
    made = due_install(tmp_path / "run", postgres_url, 60)
    yield made
    made.db.close()


def start_worker(made: Install, name: str) -> Running:
    """Start a worker as on another machine: it shares nothing but the settings and the database."""
    folder = made.folder / name
    folder.mkdir()
    environment = made.environment(DIGESTD_RUNNER="procrastinate", DIGESTD_JOURNAL_DIR=str(folder / "journals"))
    return Command(("worker",), environment, folder).start()


@contextlib.contextmanager
def workers(made: Install, number: int) -> Iterator[list[Running]]:
    """Run workers, and end those that still run."""
    running = [start_worker(made, f"host{each}") for each in range(number)]
    try:
        yield running
    finally:
        for each in running:
            if each.process.is_alive():
                os.kill(each.process.pid or 0, signal.SIGCONT)
                each.process.kill()
                each.process.join()


def all_sent(made: Install, subscribers: int) -> bool:
    """Return True if every subscriber has a mail whose fate is known or known to be unknown."""
    states = made.states
    return sum(states.values()) == subscribers and states.keys() <= {*DONE, State.EMPTY}


def none_lost_or_doubled(made: Install, relay: Relay) -> bool:
    """Return True if every accepted mail arrived once, and no mail arrived twice."""
    relay.until_quiet()
    return made.sound(relay.copies) and all(copies == 1 for copies in relay.copies.values())
