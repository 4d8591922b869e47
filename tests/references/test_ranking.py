"""A reference ranks for its owner like a public paper.

Exactly as a liked one with the same text.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from digestd.digests import planner
from digestd.digests.planning_day import PlanningDay, RankingOptions, read_planning_day, without_papers
from digestd.digests.shard import Shard, compile_stored_profiles, rank_shard, store_compiled
from digestd.domain.digest import ReasonKind
from digestd.domain.interest import Kind, Verdict, values
from digestd.domain.paper import PaperId, Sighting, Words
from digestd.domain.reference import REFERENCES_MAX, Reference, reference_of
from digestd.evaluation.feedback_replay import replay
from digestd.papers.paper_import import import_papers
from digestd.ranking.arrays import Cells
from digestd.ranking.dense import Encoder, NoEncoder
from digestd.ranking.encoders import open_encoder
from digestd.ranking.model import fit
from digestd.ranking.reasons import reasons
from digestd.store import core, due, references, subscribers
from digestd.subscribers.feedback import add_feedback
from tests.digests.one_engine import database_url  # noqa: F401  # a fixture
from tests.digests.topic_papers import named, shelf
from tests.encoders.tiny import tiny_encoder
from tests.references.conftest import ABSTRACT, ADA, AUTHOR, BEA, bibtex, bring, known, title
from tests.support import sample_data
from tests.support.install import Install

WORDS = Words("Lakes")
MODEL, OTHER = fit(["Lakes and rivers", ABSTRACT]), fit(["Frogs in lakes", ABSTRACT])
PUBLIC: dict[str, object] = {"id": "old:1", "title": title("bibtex"), "abstract": ABSTRACT, "authors": [AUTHOR]}


def ranked(installed: Install, encoder: Encoder = NoEncoder()) -> tuple[PlanningDay, Shard]:
    """Rank for Ada and Bea, and keep the compiled profiles."""
    day = read_planning_day(installed.db, installed.clock.now, RankingOptions(encoder))
    with installed.db.read() as session:
        people: Sequence[due.DueSubscriber] = [due.by_key(session, known(installed, who).key) for who in (ADA, BEA)]
        shard = rank_shard(session, day, people)
    with installed.db.write() as session:
        store_compiled(session, day, shard.compiled)
    return day, shard


@pytest.fixture
def both(installed: Install) -> Install:
    """Give Ada as a reference what Bea likes as a public paper.

    Also add four papers of today.
    """
    assert not import_papers(installed.db, sample_data.lines(iter([PUBLIC])), installed.clock.now, True).refused
    installed.people([{"email": BEA, "topics": [], "likes": ["old:1"]}])
    bring(installed, bibtex())
    installed.clock.go(timedelta(hours=1))
    installed.papers(
        [*shelf("strong", 2), *shelf("half", 2, 2), {"id": "by:1", "title": "By her", "authors": [AUTHOR]}]
    )
    return installed


def test_shard_size_is_limited_by_its_references(both: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    """Check that full lists of references cannot make one shard use all memory."""
    ada, bea = known(both, ADA).key, known(both, BEA).key
    with both.db.read() as session:
        fitting = [
            references.count_fitting(session, who, most) for who, most in (((ada, bea), 1), ((bea, ada), 0), ((), 0))
        ]
    assert fitting == [2, 1, 1]
    monkeypatch.setattr(planner, "MAX_REFERENCES", 0)
    assert both.plan().due == len((ADA, BEA))


def test_reference_holds_no_more_than_its_limits() -> None:
    names = tuple(f"{n:04}{'x' * 196}" for n in range(90))
    ids = tuple(PaperId(f"x:{n}") for n in range(1_000))
    found = reference_of(Sighting(ids, Words("Lakes", "a" * 20_000, names)))
    assert (len(found.words.abstract), len("".join(found.words.authors)), len(found.ids)) == (5_000, 4_000, 20)
    assert found.name in found.ids


def test_reference_ranks_exactly_as_a_liked_paper(both: Install) -> None:
    day, shard = ranked(both)
    assert np.array_equal(shard.ranked.total[0], shard.ranked.total[1])
    assert np.array_equal(shard.ranked.relevance[0], shard.ranked.relevance[1])
    assert shard.ranked.relevance[0].max() > 0
    columns = np.arange(len(day.candidates))
    hers, theirs = (list(reasons(day.candidates, shard.ranked.profiles, Cells(np.full_like(columns, who), columns)))
                    for who in (0, 1))  # fmt: skip
    assert {one.kind for one in hers} >= {ReasonKind.REFERENCE}
    assert [one._replace(kind=ReasonKind.LIKED) if one.kind is ReasonKind.REFERENCE else one for one in hers] == theirs


def test_kept_profile_with_a_reference_ranks_the_same(both: Install) -> None:
    _, fresh = ranked(both)
    _, kept = ranked(both)
    assert (len(fresh.compiled), len(kept.compiled)) == (2, 0)
    assert np.array_equal(fresh.ranked.total, kept.ranked.total)


def test_dense_vectors_of_references_are_stored(both: Install, tmp_path: Path) -> None:
    encoder = open_encoder(str(tiny_encoder(tmp_path / "tiny")))
    day, fresh = ranked(both, encoder)
    ada = known(both, ADA).key
    with both.db.read() as session:
        (kept,) = references.of_interests(session, [ada], day.candidates.model.version)[ada].values()
    assert kept.encoder == encoder.version
    assert kept.vector is not None
    assert kept.terms is not None
    _, again = ranked(both, encoder)
    assert np.array_equal(fresh.ranked.total, again.ranked.total)


def test_terms_of_references_are_kept_for_two_text_models(both: Install, tmp_path: Path) -> None:
    encoder = open_encoder(str(tiny_encoder(tmp_path / "tiny")))
    for model, is_new in [(MODEL, True), (OTHER, True), (MODEL, False), (OTHER, False)]:
        day = without_papers(model, encoder, both.clock.now)
        with both.db.read() as session:
            compile_stored_profiles(session, day, {known(both, ADA).key: 0})
        assert bool(day.seed_reader.new_references) is is_new
        with both.db.write() as session:
            store_compiled(session, day, {})
    plain = without_papers(MODEL, NoEncoder(), both.clock.now)
    with both.db.read() as session:
        assert compile_stored_profiles(session, plain, {known(both, ADA).key: 0})


def test_changed_reference_rebuilds_the_profile(both: Install) -> None:
    ranked(both)
    bring(both, bibtex(abstract="Something else entirely, of tree frogs."))
    _, after = ranked(both)
    assert list(after.compiled) == [known(both, ADA).key]


def test_reference_yields_to_the_public_paper(both: Install) -> None:
    ranked(both)
    both.papers(
        [{"id": "2611.00077", "doi": "10.5555/canarydoi.bibtex", "title": "Its own title", "abstract": "Frogs."}]
    )
    day, after = ranked(both)
    assert list(after.compiled) == [known(both, ADA).key]
    place = next(j for j, paper in enumerate(day.candidates.papers) if paper.id == "arxiv:2611.00077")
    assert after.own[:, place].tolist() == [True, False]
    bring(both, bibtex())
    assert values(known(both, ADA).interests, Kind.PAPER) == ("doi:10.5555/canarydoi.bibtex",), "it is liked already"


async def test_evaluation_by_feedback_includes_references(both: Install) -> None:
    both.plan()
    await both.deliver()
    both.clock.go(timedelta(hours=1))
    add_feedback(both.db, both.app.keys, ADA, named("strong00"), Verdict.MORE, both.clock.now)
    add_feedback(both.db, both.app.keys, BEA, named("strong00"), Verdict.MORE, both.clock.now)
    hers, theirs = sorted(replay(both.db), key=lambda done: done.digest.subscriber)
    assert (hers.case.likes, theirs.case.likes) == (1, 1)
    assert np.array_equal(hers.case.values, theirs.case.values)


def test_references_of_others_are_not_found(both: Install) -> None:
    ada, bea = known(both, ADA).key, known(both, BEA).key
    name = PaperId("doi:10.5555/canarydoi.bibtex")
    both.people([{"email": BEA, "likes": [name]}])
    with both.db.read() as session:
        assert references.of_interests(session, [bea]) == {}
        assert references.resolved(session, bea, [name]) == {}
        assert list(references.resolved(session, ada, [name])) == [name]
    _, shard = ranked(both)
    assert shard.ranked.profiles[1].likes == 0


def test_reference_is_deleted_with_its_last_use(installed: Install) -> None:
    bring(installed, bibtex())
    with installed.db.write() as session:
        subscribers.update_many(session, [replace(known(installed, ADA), interests=())], installed.clock.now)
    with installed.db.read() as session:
        assert session.connection().execute(select(core.reference)).all() == []


def test_references_are_bounded(installed: Install) -> None:
    many = [
        Reference(PaperId(f"doi:10.5555/{n}"), (PaperId(f"doi:10.5555/{n}"),), WORDS)
        for n in range(REFERENCES_MAX + 10)
    ]
    with installed.db.write() as session:
        references.store(session, known(installed, ADA).key, many, installed.clock.now)
        assert len(references.of(session, known(installed, ADA).key)) == REFERENCES_MAX
