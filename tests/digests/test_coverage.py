"""Test that incomplete sources are frozen with a digest and shown in it."""

from collections.abc import Mapping
from datetime import date, timedelta

import pytest
from sqlalchemy import event, select

from digestd.digests import planner
from digestd.digests.explanation import preview
from digestd.digests.planning_day import incomplete_sources
from digestd.domain.coverage import Coverage, CoverageState
from digestd.store import core
from digestd.store.papers import sources
from tests.digests.one_engine import database_url  # noqa: F401  # a fixture
from tests.digests.topic_papers import DAY, digests, mail, reader, shelf, subscriber
from tests.support.install import Install

FRESH, QUIET, LATE = CoverageState.FRESH, CoverageState.QUIET, CoverageState.LATE
PARTIAL, STALE, BROKEN = CoverageState.PARTIAL, CoverageState.STALE, CoverageState.BROKEN
TODAY = date(2026, 11, 24)
ONE_ARXIV, OTHER_ARXIV = "arxiv-rss:cs.AI+cs.CL", "arxiv-rss:cs.CV"


def noted(install: Install, states: Mapping[str, CoverageState], day: date = TODAY) -> None:
    with install.db.write() as session:
        sources.store_coverage(
            session, [Coverage(name, day, state) for name, state in states.items()], install.clock.now
        )


def frozen(install: Install) -> list[dict[str, str]]:
    """Return the coverage stored with each delivery, oldest first."""
    with install.db.read() as session:
        query = select(core.delivery.c.coverage).order_by(core.delivery.c.id)
        return list(session.connection().execute(query).scalars())


def incomplete(install: Install) -> dict[str, CoverageState]:
    with install.db.read() as session:
        return incomplete_sources(session, install.clock.now)


def words(install: Install, delivery: int) -> str:
    return mail(install, delivery).replace(b"=\r\n", b"").replace(b"\r\n", b" ").decode()


def test_plan_freezes_a_late_source_by_label(bare: Install) -> None:
    noted(bare, {"hf-daily": LATE, ONE_ARXIV: FRESH})
    bare.papers(shelf("strong", 12))
    bare.people([reader(name="Ada", size=2)])
    bare.plan()
    assert frozen(bare) == [{"Hugging Face": "late"}]
    [digest] = digests(bare)
    said = words(bare, digest.key)
    sentence = "2 papers for Ada. Ranked from 12 new papers; Hugging Face was late and will follow tomorrow."
    assert said.count(sentence) == 2, "in the text and in the HTML"


def test_plan_mentions_no_source_if_all_are_complete(bare: Install) -> None:
    noted(bare, {"hf-daily": QUIET, ONE_ARXIV: FRESH})
    bare.papers(shelf("strong", 12))
    bare.people([reader(size=2)])
    bare.plan()
    assert frozen(bare) == [{}]
    assert "2 papers, chosen from 12 new ones." in words(bare, digests(bare)[0].key)


def test_digest_bytes_do_not_change_when_a_source_recovers(bare: Install) -> None:
    noted(bare, {"hf-daily": BROKEN})
    bare.papers(shelf("strong", 3))
    bare.people([reader()])
    bare.plan()
    [digest] = digests(bare)
    first = mail(bare, digest.key)
    noted(bare, {"hf-daily": FRESH, ONE_ARXIV: STALE})
    assert mail(bare, digest.key) == first
    assert b"Hugging Face could not be read" in b" ".join(first.split())


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        (LATE, STALE, STALE),
        (BROKEN, LATE, BROKEN),
        (PARTIAL, LATE, LATE),
        (LATE, FRESH, PARTIAL),  # its papers are in the digest: not all of arXiv is late
        (BROKEN, QUIET, PARTIAL),
    ],
)
def test_incomplete_sources_merges_equal_labels(
    bare: Install, one: CoverageState, other: CoverageState, together: CoverageState
) -> None:
    noted(bare, {ONE_ARXIV: one, OTHER_ARXIV: other})
    assert incomplete(bare) == {"arXiv": together}
    noted(bare, {ONE_ARXIV: other, OTHER_ARXIV: one})
    assert incomplete(bare) == {"arXiv": together}


def test_incomplete_sources_uses_the_newest_day(bare: Install) -> None:
    noted(bare, {"hf-daily": BROKEN, ONE_ARXIV: LATE}, TODAY - DAY)
    noted(bare, {"hf-daily": FRESH})
    assert incomplete(bare) == {"arXiv": LATE}
    noted(bare, {"hf-daily": LATE}, TODAY + DAY)
    assert incomplete(bare) == {"arXiv": LATE}
    bare.clock.go(timedelta(days=2))
    assert incomplete(bare) == {"Hugging Face": LATE, "arXiv": LATE}
    bare.clock.go(timedelta(days=1))
    assert incomplete(bare) == {"Hugging Face": LATE}, "of arXiv nothing was noted for more than three days"


def test_incomplete_sources_labels_a_removed_source_by_kind(bare: Install) -> None:
    noted(bare, {"carrier-pigeon:north": LATE})
    assert incomplete(bare) == {"carrier-pigeon": LATE}


def test_preview_shows_the_coverage(bare: Install) -> None:
    noted(bare, {"hf-daily": LATE})
    bare.papers(shelf("strong", 3))
    bare.people([reader()])
    seen = preview(bare.db, subscriber(bare), bare.clock.now)
    bare.plan()
    assert [dict(seen.facts.coverage or {})] == frozen(bare) == [{"Hugging Face": "late"}]


def test_plan_reads_coverage_once(bare: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner, "SHARD_SIZE", 2)
    noted(bare, {"hf-daily": LATE})
    bare.papers(shelf("strong", 3))
    bare.people([reader(email=f"reader{number}@example.net") for number in range(5)])
    asked: list[str] = []
    event.listen(bare.db.engine, "before_cursor_execute", lambda *given: asked.append(str(given[2])))
    assert bare.plan().planned == 5
    assert len([one for one in asked if "FROM coverage" in one]) == 1
    assert frozen(bare) == [{"Hugging Face": "late"}] * 5
