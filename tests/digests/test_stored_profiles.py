"""Test that stored profiles rank like new ones and are recompiled when outdated."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import func, select

from digestd.digests.planning_day import PlanningDay, RankingOptions, read_planning_day, without_papers
from digestd.digests.shard import Shard, compile_stored_profiles, rank_shard, store_compiled
from digestd.domain.interest import Interest, Kind, Stance, Verdict
from digestd.domain.paper import PaperId
from digestd.ranking.arrays import Cells
from digestd.ranking.dense import NoEncoder
from digestd.ranking.reasons import reasons
from digestd.store import core, due
from digestd.store.due import DueSubscriber
from digestd.subscribers.feedback import add_feedback, mute_from_paper, undo_mute
from digestd.subscribers.feedback import undo_feedback as feedback_take_back
from digestd.subscribers.personal_data import erase
from tests.support.install import Install, install

ADA, BEA = "ada@example.net", "bea@example.net"
LAKES, FROGS = PaperId("invented:lakes"), PaperId("invented:frogs")
ICE = Interest(Kind.TOPIC, "alpine lakes", Stance.MUTED)


def paper(name: str, subject: str, title: str) -> dict[str, object]:
    return {"id": name, "title": title, "abstract": f"We study {subject} and how {subject} change with the seasons."}


@pytest.fixture
def installed(tmp_path: Path, database_url: str, now: datetime) -> Install:
    """Return an install with two subscribers with likes and two new papers.

    One like is of an unknown paper.
    """
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


def everybody(installed: Install) -> tuple[PlanningDay, Sequence[DueSubscriber]]:
    day = read_planning_day(installed.db, installed.clock.now, RankingOptions())
    with installed.db.read() as session:
        keys = session.connection().execute(select(core.subscriber.c.id).order_by(core.subscriber.c.id)).scalars()
        return day, [due.by_key(session, key) for key in keys]


def ranked(installed: Install) -> Shard:
    """Everybody ranked; what had to be compiled is kept."""
    day, people = everybody(installed)
    with installed.db.read() as session:
        shard = rank_shard(session, day, people)
    with installed.db.write() as session:
        store_compiled(session, day, shard.compiled)
    return shard


def test_stored_profile_ranks_like_a_new_one(installed: Install) -> None:
    fresh, kept = ranked(installed), ranked(installed)
    assert len(fresh.compiled) == 2
    assert not kept.compiled
    assert np.array_equal(fresh.ranked.total, kept.ranked.total)
    assert np.array_equal(fresh.ranked.relevance, kept.ranked.relevance)
    assert np.array_equal(fresh.allowed, kept.allowed)
    at, candidates = Cells(np.repeat([0, 1], 2), np.tile([0, 1], 2)), everybody(installed)[0].candidates
    assert list(reasons(candidates, fresh.ranked.profiles, at)) == list(reasons(candidates, kept.ranked.profiles, at))


def test_profile_compiled_without_papers_is_the_same(installed: Install) -> None:
    day, people = everybody(installed)
    with installed.db.read() as session:
        found = rank_shard(session, day, people).compiled
        alone = without_papers(day.candidates.model, NoEncoder(), installed.clock.now)
        ahead = compile_stored_profiles(session, alone, {one.key: one.wants for one in people})
    assert ahead == found


def test_plan_stores_compiled_profiles(installed: Install) -> None:
    installed.plan()
    assert not ranked(installed).compiled


Change = Callable[[Install], object]


def give(installed: Install) -> None:
    add_feedback(installed.db, installed.app.keys, ADA, PaperId("invented:frog2"), Verdict.MORE, installed.clock.now)


def take_back(installed: Install) -> None:
    feedback_take_back(installed.db, installed.app.keys, ADA, PaperId("invented:frog2"), installed.clock.now)


def mute(installed: Install) -> None:
    mute_from_paper(installed.db, installed.app.keys, ADA, LAKES, ICE, installed.clock.now)


def want_it_back(installed: Install) -> None:
    undo_mute(installed.db, installed.app.keys, ADA, LAKES, installed.clock.now)


def edit(installed: Install) -> None:
    installed.people([{"email": ADA, "topics": ["lakes"]}])


@pytest.mark.parametrize(
    "changes", [[give], [give, take_back], [mute], [mute, want_it_back], [edit]], ids=lambda c: c[-1].__name__
)
def test_feedback_recompiles_only_that_profile(installed: Install, changes: list[Change]) -> None:
    for change in changes:
        assert len(ranked(installed).compiled) <= 2
        change(installed)
    assert len(ranked(installed).compiled) == 1
    assert not ranked(installed).compiled


def test_profile_is_recompiled_after_a_revision(installed: Install) -> None:
    before = ranked(installed)
    installed.papers([paper(LAKES, "tree frogs", "Frogs of alpine lakes")])
    after = ranked(installed)
    assert len(after.compiled) == 1
    assert not np.array_equal(before.ranked.total[0, :2], after.ranked.total[0, :2])


def test_profile_includes_a_liked_paper_once_it_is_known(installed: Install) -> None:
    ranked(installed)
    installed.papers([paper("invented:later", "deep seas", "Deep seas in the dark")])
    assert len(ranked(installed).compiled) == 1


def test_erase_deletes_the_stored_profile(installed: Install) -> None:
    ranked(installed)
    erase(installed.db, installed.app.keys, ADA, installed.clock.now)
    with installed.db.read() as session:
        assert session.connection().execute(select(func.count()).select_from(core.profile)).scalar() == 1
