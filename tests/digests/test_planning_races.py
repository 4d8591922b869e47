"""Test changes between a planner's read and write: they win."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlmodel import Session

from digestd.digests.planner import PlanReport, plan
from digestd.digests.rescheduling import update_schedules
from digestd.domain.subscriber import Cause, Preferences, Status
from digestd.store import subscribers
from tests.digests.topic_papers import DAY, digests, reader, shelf, subscriber
from tests.support import sample_data
from tests.support.install import Install

READ = 1.0
"""Seconds in which a planner that began has ranked a handful of readers and waits for our transaction."""


@dataclass
class Planner:
    """A planner in a thread of its own."""

    install: Install
    reports: list[PlanReport] = field(default_factory=list)
    began: threading.Event = field(default_factory=threading.Event)

    def _run(self) -> None:
        self.reports.append(plan(self.install.db, self.install.app.planner, self.install.clock.now, self._keep_on))

    def _keep_on(self) -> bool:
        self.began.set()
        return True

    @contextmanager
    def running(self) -> Iterator[None]:
        """Started and about to write at the time this yields; done when it is left."""
        thread = threading.Thread(target=self._run)
        thread.start()
        assert self.began.wait(120)
        thread.join(READ)
        assert thread.is_alive()
        yield
        thread.join(120)
        assert not thread.is_alive()


def meanwhile(install: Install, change: Callable[[Session, int], object]) -> PlanReport:
    """Plan while a change is committed.

    It comes after the planner has read and before it writes.
    """
    planner = Planner(install)
    who = subscriber(install)
    update_schedules(install.db, install.clock.now)  # which writes before it reads, once a minute
    writing = install.db.write()
    session = writing.__enter__()
    change(session, who)
    with planner.running():
        writing.__exit__(None, None, None)
    return planner.reports[0]


@pytest.fixture
def two(bare: Install) -> Install:
    """Our reader and another one are due, and the text model is there."""
    bare.people([reader(), *sample_data.people(1)])
    bare.papers(shelf("first", 1))
    bare.plan()
    bare.clock.go(DAY + timedelta(minutes=1))
    bare.papers([*shelf("strong", 3), *sample_data.papers(20)])
    return bare


def test_plan_skips_who_unsubscribes_during_ranking(two: Install) -> None:
    now = two.clock.now
    report = meanwhile(two, lambda s, who: subscribers.change_status(s, who, Status.UNSUBSCRIBED, Cause.ONE_CLICK, now))
    assert report.due == 1
    assert [selected_cells.period for selected_cells in digests(two)] == ["2026-11-24"]
    assert len(digests(two, "reader0@example.net")) == 2
    assert two.plan() == PlanReport()
    assert two.unsafe == {}


def test_plan_uses_settings_changed_during_ranking(two: Install) -> None:
    with two.db.read() as session:
        known = subscribers.by_key(session, subscriber(two))
    assert known is not None
    changed = replace(known, preferences=Preferences(size=1))
    meanwhile(two, lambda s, _: subscribers.update_many(s, [changed], two.clock.now))
    two.plan()
    assert [len(selected_cells.picks) for selected_cells in digests(two)] == [1, 1]
    assert two.unsafe == {}


def test_two_planners_that_both_ranked_write_one_digest(two: Install) -> None:
    planners = [Planner(two), Planner(two)]
    update_schedules(two.db, two.clock.now)
    writing = two.db.write()
    session = writing.__enter__()
    session.connection().execute(text("UPDATE subscriber SET name = name"))
    with planners[0].running(), planners[1].running():
        writing.__exit__(None, None, None)
    assert sorted(planner.reports[0].due for planner in planners) == [0, 2]
    assert len(digests(two)) == len(digests(two, "reader0@example.net")) == 2
    assert two.unsafe == {}
