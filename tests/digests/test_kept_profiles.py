"""Compiled profiles are kept, rank exactly as fresh ones, and hold no longer than what they were made from."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import func, select

from digestd.digests.planning_day import PlanningDay, read_planning_day
from digestd.digests.profiles import keep_compiled
from digestd.digests.shard import Shard, rank
from digestd.domain.feedback import Verdict
from digestd.domain.interest import Interest, Kind, Wish
from digestd.domain.paper import PaperId
from digestd.ranking.arrays import Cells
from digestd.ranking.dense import NoEncoder
from digestd.ranking.reasons import reasons
from digestd.store import core, due
from digestd.store.due import DueSubscriber
from digestd.subscribers.feedback import mute_of, say_of, unmute
from digestd.subscribers.feedback import take_back as feedback_take_back
from digestd.subscribers.leaving import erase
from tests.support.install import Install, install

ADA, BEA = "ada@example.net", "bea@example.net"
LAKES, FROGS = PaperId("invented:lakes"), PaperId("invented:frogs")
ICE = Interest(Kind.TOPIC, "alpine lakes", Wish.MUTED)


def paper(name: str, subject: str, title: str) -> dict[str, object]:
    return {"id": name, "title": title, "abstract": f"We study {subject} and how {subject} change with the seasons."}


@pytest.fixture
def made(tmp_path: Path, database_url: str, now: datetime) -> Install:
    """Two readers with likes, one of them of a paper that nobody knows yet, and two new papers."""
    built = install(tmp_path, database_url, now - timedelta(days=9))
    built.papers([paper(LAKES, "alpine lakes", "Alpine lakes"), paper(FROGS, "tree frogs", "Tree frogs sing")])
    built.people([
        {"email": ADA, "likes": [LAKES], "topics": ["singing frogs"], "mute": {"phrases": ["where tree"]}},
        {"email": BEA, "likes": [FROGS, "invented:later"], "authors": ["Bea Lakeman"]},
    ])  # fmt: skip
    built.clock.go(timedelta(days=9))
    built.papers([
        paper("invented:lake2", "alpine lakes", "Ice on alpine lakes"),
        paper("invented:frog2", "tree frogs", "Where tree frogs sleep"),
    ])  # fmt: skip
    return built


def everybody(made: Install) -> tuple[PlanningDay, Sequence[DueSubscriber]]:
    day = read_planning_day(made.db, made.clock.now, NoEncoder())
    with made.db.read() as session:
        keys = session.connection().execute(select(core.subscriber.c.id).order_by(core.subscriber.c.id)).scalars()
        return day, [due.by_key(session, key) for key in keys]


def ranked(made: Install) -> Shard:
    """Everybody ranked; what had to be compiled is kept."""
    day, people = everybody(made)
    with made.db.read() as session:
        shard = rank(session, day, people)
    with made.db.write() as session:
        keep_compiled(session, day, shard.compiled)
    return shard


def test_a_kept_profile_ranks_exactly_as_one_made_anew(made: Install) -> None:
    fresh, kept = ranked(made), ranked(made)
    assert len(fresh.compiled) == 2
    assert not kept.compiled
    assert np.array_equal(fresh.ranked.total, kept.ranked.total)
    assert np.array_equal(fresh.ranked.relevance, kept.ranked.relevance)
    assert np.array_equal(fresh.allowed, kept.allowed)
    at, candidates = Cells(np.repeat([0, 1], 2), np.tile([0, 1], 2)), everybody(made)[0].candidates
    assert list(reasons(candidates, fresh.ranked.profiles, at)) == list(reasons(candidates, kept.ranked.profiles, at))


def test_planning_keeps_what_it_compiled(made: Install) -> None:
    made.plan()
    assert not ranked(made).compiled


Change = Callable[[Install], object]


def give(made: Install) -> None:
    say_of(made.db, made.app.keys, ADA, PaperId("invented:frog2"), Verdict.MORE, made.clock.now)


def take_back(made: Install) -> None:
    feedback_take_back(made.db, made.app.keys, ADA, PaperId("invented:frog2"), made.clock.now)


def mute(made: Install) -> None:
    mute_of(made.db, made.app.keys, ADA, LAKES, ICE, made.clock.now)


def want_it_back(made: Install) -> None:
    unmute(made.db, made.app.keys, ADA, LAKES, made.clock.now)


def edit(made: Install) -> None:
    made.people([{"email": ADA, "topics": ["lakes"]}])


@pytest.mark.parametrize(
    "changes", [[give], [give, take_back], [mute], [mute, want_it_back], [edit]], ids=lambda c: c[-1].__name__
)
def test_whatever_is_said_makes_that_profile_anew_and_no_other(made: Install, changes: list[Change]) -> None:
    for change in changes:
        assert len(ranked(made).compiled) <= 2
        change(made)
    assert len(ranked(made).compiled) == 1
    assert not ranked(made).compiled


def test_another_text_of_a_liked_paper_makes_the_profile_anew(made: Install) -> None:
    before = ranked(made)
    made.papers([paper(LAKES, "tree frogs", "Frogs of alpine lakes")])
    after = ranked(made)
    assert len(after.compiled) == 1
    assert not np.array_equal(before.ranked.total[0, :2], after.ranked.total[0, :2])


def test_a_liked_paper_that_becomes_known_counts_from_then_on(made: Install) -> None:
    ranked(made)
    made.papers([paper("invented:later", "deep seas", "Deep seas in the dark")])
    assert len(ranked(made).compiled) == 1


def test_nothing_of_a_profile_is_left_of_who_was_erased(made: Install) -> None:
    ranked(made)
    erase(made.db, made.app.keys, ADA, made.clock.now)
    with made.db.read() as session:
        assert session.connection().execute(select(func.count()).select_from(core.profile)).scalar() == 1
