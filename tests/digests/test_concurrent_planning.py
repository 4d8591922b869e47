"""Test concurrent planners, and planners killed midway."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from random import Random

from sqlalchemy import func, select

from digestd.domain.delivery import State
from digestd.store import core
from tests.support import sample_data
from tests.support.command_process import Command, ProcessResult, can_trace
from tests.support.install import Install, install
from tests.support.tiers import sized

READERS = 30


def _command(made: Install) -> Command:
    return Command(("plan", "--json"), made.environment(), made.folder)


def test_two_planners_create_one_digest_per_subscriber(library_of: Install) -> None:
    library_of.people(sample_data.people(READERS))
    both = [_command(library_of).start() for _ in range(2)]
    ended = [running.end() for running in both]
    assert [end.code for end in ended] == [0, 0], ended
    assert library_of.states == {State.READY: READERS}
    assert library_of.unsafe == {}


def test_planner_threads_create_one_digest_per_subscriber(library_of: Install) -> None:
    library_of.plan()  # the text model is fitted now
    library_of.people(sample_data.people(READERS))
    with ThreadPoolExecutor(4) as candidates:
        reports = list(candidates.map(lambda _: library_of.plan(), range(8)))
    assert sum(report.planned for report in reports) == READERS
    assert library_of.states == {State.READY: READERS}
    assert library_of.unsafe == {}


def test_planner_killed_midway_leaves_nothing_half_written(tmp_path: Path, sqlite_url: str, now: datetime) -> None:
    made = install(tmp_path / "run", sqlite_url, now)
    made.papers(sample_data.papers(20))
    made.people(sample_data.people(READERS))
    made.plan()  # the text model is fitted now, so that the points below are all of planning
    kills = 0
    for number, kill in enumerate(_kills(), 1):
        made.next_day(number, papers=5)
        kills += kill(_command(made)).killed
        assert made.unsafe == {}
        assert _planned(made) in {0, READERS}
        made.plan()
        assert _planned(made) == READERS
        assert made.unsafe == {}
    assert kills >= (8 if can_trace() else 1)


def _kills() -> list[Callable[[Command], ProcessResult]]:
    """Return ways to kill planning.

    At a write or sync, or after a time if strace is missing.
    """
    if not can_trace():
        rng = Random(1)
        return [partial(Command.run_killed_after, seconds=rng.uniform(0.05, 0.6)) for _ in range(sized(20, 60))]
    writes, flushes = sized(range(1, 24, 3), range(1, 60)), sized(range(1, 3), range(1, 8))
    return [
        *(partial(Command.run_killed_at, call="pwrite64", nth=nth) for nth in writes),
        *(partial(Command.run_killed_at, call="fdatasync", nth=nth) for nth in flushes),
    ]


def _planned(made: Install) -> int:
    """Count today's digests."""
    today = made.clock.now.date().isoformat()
    with made.db.read() as session:
        query = select(func.count()).where(core.delivery.c.key == today)
        return int(session.connection().execute(query).scalar_one())
