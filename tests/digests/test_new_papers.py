"""Test which papers a digest may contain: new ones, each only once."""

from datetime import timedelta
from itertools import chain

from digestd.digests.planner import PlanReport
from digestd.domain.delivery import State
from digestd.store import core, papers
from digestd.store.ledger.claim_queue import ClaimOwner, claim
from tests.digests.conftest import digests
from tests.support import sample_data
from tests.support.install import Install

DAY = timedelta(days=1)


def test_plan_of_the_next_day_has_only_new_papers(library_of: Install) -> None:
    library_of.people(sample_data.people(5, size=5))
    for day in range(6):
        assert library_of.plan().planned >= 3
        library_of.clock.go(DAY)
        library_of.papers(sample_data.papers(40, seed=day, first=100 * (day + 1)))
    for reader in range(5):
        selected_cells = list(chain.from_iterable(papers for *_, papers in digests(library_of, reader)))
        assert len(selected_cells) == len(set(selected_cells)) >= 5
    assert library_of.unsafe == {}


def test_first_digest_excludes_older_papers(library_of: Install) -> None:
    library_of.clock.go(timedelta(days=3, minutes=1))
    library_of.people(sample_data.people(1))
    assert library_of.plan() == PlanReport(due=1, empty=1)


def test_plan_excludes_archived_papers(library_of: Install) -> None:
    library_of.people(sample_data.people(1))
    with library_of.db.write() as session:
        session.connection().execute(core.paper.update().values(archived=True))
    assert library_of.plan() == PlanReport(due=1, empty=1)


def test_plan_does_not_repeat_merged_papers(library_of: Install) -> None:
    words = sample_data.vocabulary()[0][:3]
    library_of.people([{"email": "reader0@example.net", "topics": [" ".join(words)]}])
    paper = {"title": " ".join(words), "abstract": f"{words[0]} {words[1]} and {words[2]}."}
    library_of.papers([{**paper, "id": "one:1"}])
    library_of.plan()
    [(_, _, _, selected_cells)] = digests(library_of)
    with library_of.db.read() as session:
        had = next(p.key for p in papers.listing(session, 100) if p.id == "one:1")
    assert had in selected_cells
    # the same work under another name, then a line that names both: they are merged
    library_of.clock.go(DAY)
    library_of.papers([{**paper, "id": "two:2", "doi": "10.5555/invented"}])
    library_of.papers([{**paper, "id": "one:1", "doi": "10.5555/invented"}])
    library_of.plan()
    *_, (_, _, _, next_day) = digests(library_of)
    with library_of.db.read() as session:
        names = {key: str(paper.id) for key, paper in papers.by_keys(session, next_day).items()}
    assert not {"one:1", "two:2", "doi:10.5555/invented"} & set(names.values())
    assert library_of.unsafe == {}


def test_plan_repeats_papers_of_an_unsent_digest(library_of: Install) -> None:
    library_of.people(sample_data.people(1, size=5))
    library_of.plan()
    [(_, _, _, unsent)] = digests(library_of)
    library_of.run_on(DAY)
    with library_of.db.write() as session:
        assert claim(session, ClaimOwner("w", lambda key, n: f"{key}.{n}@x"), 10, library_of.clock.now).expired == 1
    library_of.plan()
    [_, (_, _, state, again)] = digests(library_of)
    assert state == State.READY
    assert set(again) & set(unsent)
    assert library_of.unsafe == {}
