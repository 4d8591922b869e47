"""Old deliveries and papers are deleted, and nothing is sent again."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from digestd.digests.planner import plan
from digestd.domain.delivery import State
from digestd.domain.interest import Verdict
from digestd.store import core, feedback
from digestd.store.ledger import queries
from digestd.store.personal_data import Pruned, prune
from tests.inbound.conftest import SentInstall
from tests.support import sample_data
from tests.support.install import Install, install

DAY = timedelta(days=1)


@pytest.fixture
async def used(tmp_path: Path, database_url: str, now: datetime) -> Install:
    """Return an installation with three sent days of three readers, a hundred days ago."""
    made = install(tmp_path, database_url, now, f"maildir:{tmp_path / 'mail'}")
    made.people(sample_data.people(3, size=5))
    for day in range(3):
        made.next_day(day + 1, papers=20)
        made.plan()
        await made.deliver()
    made.clock.go(100 * DAY)
    return made


def count(made: Install, table: object) -> int:
    with made.db.read() as session:
        return int(session.connection().execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]  # a Table


def shown(made: Install) -> set[int]:
    """Return the papers that somebody had."""
    with made.db.read() as session:
        keys = session.connection().execute(select(core.delivery.c.id)).scalars()
        return {pick.paper for key in keys for pick in queries.picks(session, key)}


def test_old_deliveries_go_and_are_never_planned_or_sent_again(used: Install) -> None:
    had = shown(used)
    assert prune(used.db, used.clock.now, keep_deliveries=120, keep_papers=120) == Pruned()
    assert prune(used.db, used.clock.now, keep_deliveries=0, keep_papers=0) == Pruned()
    assert prune(used.db, used.clock.now, keep_deliveries=90, keep_papers=0) == Pruned(deliveries=9)
    assert [count(used, table) for table in (core.delivery, core.attempt, core.due_audit)] == [0, 0, 0]
    assert used.broken == {}
    for back in (101 * DAY, 100 * DAY, timedelta(0)):
        assert plan(used.db, used.app.planner, used.clock.now - back).planned == 0
    used.papers(sample_data.papers(20, seed=2, first=1_000))  # the papers of the first day once more
    used.papers(sample_data.papers(20, seed=9, first=9_000))
    used.clock.go(DAY)
    assert used.plan().planned == 3
    assert not shown(used) & had
    assert used.broken == {}


def test_uncertain_deliveries_stay(used: Install) -> None:
    SentInstall(used).lose_the_answer(1)
    assert prune(used.db, used.clock.now, keep_deliveries=90, keep_papers=0).deliveries == 8
    assert used.states == {State.UNCERTAIN: 1}
    assert used.unsafe == {}


def test_papers_that_concern_nobody_go(used: Install) -> None:
    had = shown(used)
    with used.db.write() as session:
        unsent = (
            session.connection().execute(select(core.paper.c.id).where(core.paper.c.id.not_in(had))).scalars().all()
        )
        judged = unsent[0]
        feedback.add(session, 1, judged, Verdict.SAVED, used.clock.now)
    told = prune(used.db, used.clock.now, keep_deliveries=0, keep_papers=90, dry_run=True)
    assert count(used, core.paper) == 60
    done = prune(used.db, used.clock.now, keep_deliveries=0, keep_papers=90)
    assert done == told == Pruned(papers=60 - len(had) - 1)
    with used.db.read() as session:
        left = set(session.connection().execute(select(core.paper.c.id)).scalars())
    assert left == had | {judged}
    assert used.broken == {}


def test_superseded_text_goes_unless_a_kept_digest_shows_it(used: Install) -> None:
    records = [
        {**record, "abstract": "A text that was written anew. " * 4} for record in sample_data.papers(20, 2, 1_000)
    ]
    used.clock.go(-99 * DAY)
    used.papers(records)
    used.clock.go(99 * DAY)
    before = count(used, core.revision)
    assert before == 80
    first = prune(used.db, used.clock.now, keep_deliveries=0, keep_papers=90)
    assert first.revisions < 20
    assert used.broken == {}
    second = prune(used.db, used.clock.now, keep_deliveries=90, keep_papers=90)
    assert second.revisions > 0
    assert count(used, core.revision) == count(used, core.paper)
