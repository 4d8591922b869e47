"""Test that the text model is refitted, and profiles are compiled by it, before planning uses it."""

import asyncio
import os
import signal
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import count
from multiprocessing import get_context

import pytest
from sqlalchemy import func, select, update
from sqlmodel import Session

from digestd.digests import refit
from digestd.digests import text_model as fitting
from digestd.digests.planning_day import PlanningDay
from digestd.digests.refit import is_due, is_refit_due, prepare
from digestd.digests.shard import compile_stored_profiles, compiled_by
from digestd.digests.text_model import text_model
from digestd.jobs.children import ChildProcesses
from digestd.ranking.dense import NoEncoder
from digestd.store import core
from digestd.store.database import open_database
from digestd.store.ranking import profiles, text_models
from digestd.store.ranking.profiles import StoredProfile
from digestd.store.ranking.text_models import FittedModel
from digestd.subscribers.personal_data import erase
from tests.digests.one_engine import database_url  # noqa: F401  # a fixture
from tests.support import sample_data
from tests.support.install import Install

WEEK = timedelta(days=8)
PEOPLE = 5
ADA = "reader0@example.net"


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refit, "BLOCK", 2)
    monkeypatch.setattr(refit, "MISSING_MIN", PEOPLE)
    monkeypatch.setattr(fitting, "FEW_TEXTS", 20)


@pytest.fixture
def outgrown(fresh: Install) -> Install:
    """Return an install whose subscribers have profiles by a model that their archive has outgrown."""
    fresh.papers(sample_data.papers(60))
    fresh.people(sample_data.people(PEOPLE))
    fresh.plan()
    fresh.next_day(papers=20)
    return fresh


def used(made: Install) -> FittedModel:
    with made.db.read() as session:
        found = text_models.in_use(session)
    assert found is not None
    return found


def prepared(made: Install) -> FittedModel | None:
    with made.db.read() as session:
        return text_models.prepared(session)


def compiled(made: Install, model: FittedModel | None) -> int:
    """Count the profiles by a model."""
    assert model is not None
    return _count(made, core.profile.c.model == model.version)


def missing(made: Install) -> dict[int, int]:
    with made.db.read() as session:
        return profiles.missing_profiles(session, compiled_by(used(made).version, NoEncoder()), 0, 100)


def _count(made: Install, condition: core.Condition) -> int:
    with made.db.read() as session:
        return (
            session.connection().execute(select(func.count()).select_from(core.profile).where(condition)).scalar_one()
        )


def run(made: Install, blocks: int | None = None) -> None:
    """Prepare all, or as many blocks of profiles."""
    done = count()
    prepare(made.db, NoEncoder(), made.clock.now, lambda: blocks is None or next(done) < blocks)


def test_planning_uses_the_old_model_until_all_profiles_are_compiled(outgrown: Install) -> None:
    old = used(outgrown)
    run(outgrown, blocks=1)
    new = prepared(outgrown)
    assert (used(outgrown), compiled(outgrown, old), compiled(outgrown, new)) == (old, PEOPLE, 2)
    assert text_model(outgrown.db, outgrown.clock.now).version == old.version
    assert outgrown.plan().due == PEOPLE
    assert (used(outgrown), compiled(outgrown, old), compiled(outgrown, new)) == (old, PEOPLE, 2)
    assert is_due(outgrown.db, NoEncoder(), outgrown.clock.now)
    run(outgrown)
    assert (used(outgrown), prepared(outgrown), missing(outgrown)) == (new, None, {})
    assert not is_due(outgrown.db, NoEncoder(), outgrown.clock.now)
    outgrown.next_day(2)
    assert outgrown.plan().due == PEOPLE
    assert models_of_digests(outgrown) == [old.version, old.version, new.version if new else ""]


def models_of_digests(made: Install) -> list[str]:
    """Return the model that ranked each digest of the first subscriber."""
    query = (
        select(core.text_model.c.version)
        .join_from(core.delivery, core.text_model, core.delivery.c.model_id == core.text_model.c.id)
        .where(core.delivery.c.subscriber_id == 1)
        .order_by(core.delivery.c.id)
    )
    with made.db.read() as session:
        return list(session.connection().execute(query).scalars())


def _killed_after_a_block(url: str, now: datetime) -> None:
    refit.BLOCK = 2
    blocks = count()

    def continue_or_die() -> bool:
        if next(blocks) == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return True

    prepare(open_database(url), NoEncoder(), now, continue_or_die)


def test_prepare_goes_on_where_it_was_killed(outgrown: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    url = outgrown.db.engine.url.render_as_string(hide_password=False)
    process = get_context("spawn").Process(target=_killed_after_a_block, args=(url, outgrown.clock.now))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    new, blocks = prepared(outgrown), list[int]()
    assert compiled(outgrown, new) == 2

    def counted(session: Session, day: PlanningDay, wants: Mapping[int, int]) -> dict[int, StoredProfile]:
        blocks.append(len(wants))
        return compile_stored_profiles(session, day, wants)

    monkeypatch.setattr(refit, "compile_stored_profiles", counted)
    monkeypatch.setattr(refit, "fit_model", lambda *_given: pytest.fail("fitted again"))
    run(outgrown)
    assert (blocks, used(outgrown), compiled(outgrown, new)) == ([2, 1], new, PEOPLE)


@pytest.mark.parametrize("how", ["edited", "erased"])
def test_change_while_a_profile_is_compiled_wins(outgrown: Install, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    def change_one(session: Session, day: PlanningDay, wants: Mapping[int, int]) -> dict[int, StoredProfile]:
        found = compile_stored_profiles(session, day, wants)
        if 1 in wants:
            session.rollback()
            if how == "edited":
                outgrown.people([{"email": ADA, "topics": ["tree frogs"]}])
            else:
                erase(outgrown.db, outgrown.app.keys, ADA, outgrown.clock.now)
        return found

    monkeypatch.setattr(refit, "compile_stored_profiles", change_one)
    run(outgrown)
    new = used(outgrown)
    assert compiled(outgrown, new) == PEOPLE - 1
    assert list(missing(outgrown)) == ([1] if how == "edited" else [])
    assert _count(outgrown, core.profile.c.subscriber_id == 1) == (1 if how == "edited" else 0)
    outgrown.plan()
    assert compiled(outgrown, new) == (PEOPLE if how == "edited" else PEOPLE - 1)


def test_bad_row_stops_nobody_elses_profile(outgrown: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail_for_one(session: Session, day: PlanningDay, wants: Mapping[int, int]) -> dict[int, StoredProfile]:
        if 1 in wants:
            raise ValueError("a bad row")
        return compile_stored_profiles(session, day, wants)

    monkeypatch.setattr(refit, "compile_stored_profiles", fail_for_one)
    run(outgrown)
    assert (compiled(outgrown, used(outgrown)), list(missing(outgrown))) == (PEOPLE - 1, [1])


def test_erase_deletes_the_profiles_by_every_model(outgrown: Install) -> None:
    run(outgrown)
    assert _count(outgrown, core.profile.c.subscriber_id == 1) == 2
    erase(outgrown.db, outgrown.app.keys, ADA, outgrown.clock.now)
    assert _count(outgrown, core.profile.c.subscriber_id == 1) == 0


@pytest.mark.parametrize("change", ["outdated", "unreadable"])
def test_prepared_model_is_redone(outgrown: Install, change: str) -> None:
    old = used(outgrown)
    run(outgrown, blocks=1)
    first = prepared(outgrown)
    assert first is not None
    if change == "outdated":
        outgrown.next_day(2, papers=30)
    else:
        with outgrown.db.write() as session:
            session.connection().execute(
                update(core.text_model).where(core.text_model.c.version == first.version).values(version="0" * 16)
            )
    run(outgrown, blocks=0)
    second = prepared(outgrown)
    assert second is not None
    assert (used(outgrown), second.papers) == (old, 110 if change == "outdated" else 80)
    run(outgrown)
    assert used(outgrown) == second


def test_old_profiles_are_deleted_an_hour_after_the_switch(outgrown: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_models, "BLOCK", 2)
    old = used(outgrown)
    run(outgrown)
    run(outgrown)
    assert (compiled(outgrown, old), compiled(outgrown, used(outgrown))) == (PEOPLE, PEOPLE)
    assert not is_due(outgrown.db, NoEncoder(), outgrown.clock.now)
    outgrown.clock.go(timedelta(hours=2))
    assert is_due(outgrown.db, NoEncoder(), outgrown.clock.now)
    run(outgrown)
    assert (compiled(outgrown, old), compiled(outgrown, used(outgrown))) == (0, PEOPLE)
    assert not is_due(outgrown.db, NoEncoder(), outgrown.clock.now)


def test_many_missing_profiles_are_compiled_in_advance(fresh: Install) -> None:
    fresh.papers(sample_data.papers(60))
    assert not is_due(fresh.db, NoEncoder(), fresh.clock.now), "planning fits the first model"
    text_model(fresh.db, fresh.clock.now)
    fresh.people(sample_data.people(PEOPLE - 1))
    assert not is_due(fresh.db, NoEncoder(), fresh.clock.now)
    fresh.people(sample_data.people(1, first=PEOPLE))
    assert is_due(fresh.db, NoEncoder(), fresh.clock.now)
    run(fresh)
    assert missing(fresh) == {}


def test_refit_is_due_after_a_week_with_new_papers(outgrown: Install) -> None:
    assert is_refit_due(outgrown.db, outgrown.clock.now)
    run(outgrown)
    assert not is_refit_due(outgrown.db, outgrown.clock.now + WEEK)
    outgrown.papers(sample_data.papers(1, first=5_000))
    assert not is_refit_due(outgrown.db, outgrown.clock.now)
    assert is_refit_due(outgrown.db, outgrown.clock.now + WEEK)


async def test_child_process_refits(outgrown: Install) -> None:
    children, stop = ChildProcesses(outgrown.app), asyncio.Event()
    assert await children.run("refit", [{}], stop)
    assert (used(outgrown).papers, missing(outgrown)) == (80, {})
    first = used(outgrown)
    assert await children.run("refit", [{}], stop)
    assert used(outgrown) == first


async def test_stopped_refit_keeps_the_old_model(outgrown: Install) -> None:
    old, stop = used(outgrown), asyncio.Event()
    stop.set()
    assert not await ChildProcesses(outgrown.app).run("refit", [{}], stop)
    assert used(outgrown) == old
