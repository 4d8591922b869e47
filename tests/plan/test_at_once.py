"""Planners at once, planners killed in the middle, people who leave meanwhile."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from digestd.domain.delivery import State
from digestd.store import core
from tests.parts import library
from tests.parts.forks import Command, can_trace
from tests.parts.install import Install, install

READERS = 30
LONG = bool(os.environ.get("DIGESTD_TEST_LONG"))


def _command(made: Install) -> Command:
    return Command(("plan", "--json"), made.environment(), made.folder)


def test_two_planners_at_once_make_one_digest_each(library_of: Install) -> None:
    library_of.people(library.people(READERS))
    both = [_command(library_of).start() for _ in range(2)]
    ended = [running.end(60) for running in both]
    assert [end.code for end in ended] == [0, 0], ended
    assert library_of.states == {State.READY: READERS}
    assert library_of.broken == {}


def test_many_planners_in_one_process_make_one_digest_each(library_of: Install) -> None:
    library_of.people(library.people(READERS))
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda _: library_of.plan(), range(8)))
    assert sum(report.planned for report in reports) == READERS
    assert library_of.states == {State.READY: READERS}
    assert library_of.broken == {}


@pytest.mark.slow
def test_killed_while_planning_nothing_is_half_written(tmp_path: Path, sqlite_url: str, now: datetime) -> None:
    if not can_trace():
        pytest.skip("strace is not installed here, or may not trace")
    made = install(tmp_path / "run", sqlite_url, now)
    made.papers(library.papers(20))
    made.people(library.people(READERS))
    made.plan()  # the text model is fitted now, so that the points below are all of planning
    kills = 0
    for nth in range(1, 41 if LONG else 13):
        for call in ("fdatasync", "pwrite64"):
            made.clock.go(timedelta(days=1))
            made.papers(library.papers(5, seed=nth, first=1000 * nth + 100 * (call == "fdatasync")))
            ended = _command(made).killed_at(call, nth)
            kills += ended.killed
            assert made.broken == {}
            counted = _planned(made)
            assert counted in {0, READERS}
            assert _command(made).run().code == 0
            assert _planned(made) == READERS
    assert kills >= 10


def _planned(made: Install) -> int:
    """Digests of today."""
    today = made.clock.now.date().isoformat()
    with made.db.read() as session:
        query = select(func.count()).where(core.delivery.c.key == today)
        return int(session.connection().execute(query).scalar_one())
