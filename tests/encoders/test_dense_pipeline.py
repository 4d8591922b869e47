"""Test the pipeline with a dense model.

Every paper read once, late and changed models made good, the ranking better for it.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from digestd.digests.explanation import explain
from digestd.digests.planner import plan
from digestd.digests.planning_day import PlanningDay, RankingOptions, read_planning_day
from digestd.digests.shard import CompiledProfiles, read_shard_profiles, store_compiled
from digestd.domain.interest import Kind
from digestd.papers.embedding import embed_papers
from digestd.papers.paper_import import import_papers
from digestd.ranking.candidates import build_candidates
from digestd.ranking.dense import Encoder, NoEncoder, build_embedding_space
from digestd.ranking.encoders import open_encoder
from digestd.ranking.fusion import score, score_breakdown
from digestd.ranking.profile import compile_profiles
from digestd.store import due
from digestd.store.ranking import embeddings
from tests.digests.conftest import bare, library_of  # noqa: F401  # fixtures
from tests.digests.one_engine import database_url  # noqa: F401  # a fixture
from tests.digests.topic_papers import named, paper, reader, subscriber
from tests.encoders.tiny import tiny_encoder
from tests.ranking.library import NOON, likes, model, papers, wants
from tests.support.install import Install


@pytest.fixture
def encoder(tmp_path: Path) -> Encoder:
    return open_encoder(str(tiny_encoder(tmp_path / "tiny")))


def test_every_paper_is_read_once(bare: Install, encoder: Encoder) -> None:  # noqa: F811  # the fixture
    assert embed_papers(bare.db, encoder) == 80
    assert embed_papers(bare.db, encoder) == 0


def test_reading_stops_when_it_is_told_and_goes_on_later(bare: Install, encoder: Encoder) -> None:  # noqa: F811
    assert embed_papers(bare.db, encoder, keep_on=lambda: False) == 0
    assert embed_papers(bare.db, encoder, limit=70) == 70
    assert embed_papers(bare.db, encoder) == 10


def test_another_model_reads_everything_anew(bare: Install, encoder: Encoder, tmp_path: Path) -> None:  # noqa: F811
    embed_papers(bare.db, encoder)
    other = open_encoder(str(tiny_encoder(tmp_path / "other", seed=1)))
    assert embed_papers(bare.db, other) == 80
    with bare.db.read() as session:
        assert len(embeddings.newest_embeddings(session, other.version, 100)) == 80
        assert embeddings.newest_embeddings(session, encoder.version, 100) == []


def test_planning_makes_the_vectors_that_ingest_left_out(bare: Install, encoder: Encoder) -> None:  # noqa: F811
    import_papers(bare.db, _lines(3), bare.clock.now)
    day = read_planning_day(bare.db, bare.clock.now, RankingOptions(encoder))
    assert day.candidates.vectors.shape == (3, encoder.dims)
    assert len(day.candidates.space.archive) == 83
    assert embed_papers(bare.db, encoder) == 0
    again = read_planning_day(bare.db, bare.clock.now, RankingOptions(encoder)).candidates
    assert np.array_equal(again.vectors, day.candidates.vectors)


def test_a_preview_encodes_few_papers(bare: Install, encoder: Encoder) -> None:  # noqa: F811
    import_papers(bare.db, _lines(3), bare.clock.now)
    by_words = read_planning_day(bare.db, bare.clock.now, RankingOptions(encoder, encoded_max=2)).candidates
    assert (by_words.space.is_empty, by_words.vectors.shape) == (True, (3, 0))
    by_meaning = read_planning_day(bare.db, bare.clock.now, RankingOptions(encoder, encoded_max=3)).candidates
    assert (len(by_meaning.space.archive), by_meaning.vectors.shape) == (3, (3, encoder.dims))


def test_an_account_names_the_dense_signals_only_with_a_model(bare: Install, encoder: Encoder) -> None:  # noqa: F811
    import_papers(bare.db, _lines(3), bare.clock.now)
    bare.people([reader()])
    without = explain(bare.db, subscriber(bare), named("a0"), bare.clock.now)
    having = explain(bare.db, subscriber(bare), named("a0"), bare.clock.now, RankingOptions(encoder))
    assert not any(part.signal.startswith("dense") for part in without.parts)
    assert {"dense_likes", "dense_near"} <= {part.signal for part in having.parts}
    assert sum(part.contribution for part in having.parts) == pytest.approx(having.score, abs=1e-4)


def test_a_digest_is_planned_with_a_model(bare: Install, encoder: Encoder) -> None:  # noqa: F811
    import_papers(bare.db, _lines(3), bare.clock.now)
    bare.people([reader()])
    assert plan(bare.db, replace(bare.app.planner, ranking=RankingOptions(encoder)), bare.clock.now).planned == 1


@pytest.mark.parametrize(("papers_known", "is_moved"), [(99, False), (100, True)])
def test_query_is_moved_only_towards_a_large_archive(papers_known: int, *, is_moved: bool) -> None:
    axes = np.eye(8, dtype=np.float32)
    space = build_embedding_space(NoEncoder(dims=8), axes[[1] * papers_known])
    assert bool(space.expanded(axes[:1])[0, 1] > 0) is is_moved


def test_meaning_finds_what_no_word_does(encoder: Encoder) -> None:
    """No paper says 'meltwater' but the model puts it beside 'ice'."""
    known = papers()[2:]
    space = build_embedding_space(encoder, encoder.encode([p.text for p in known]))
    day = build_candidates(known, model(known), NOON, space=space)
    who = compile_profiles([wants(*likes((Kind.TOPIC, "meltwater"), (Kind.PAPER, "made:4")))], day.model, day)
    assert score(day, who).total.shape == (1, 14)
    assert who.topics.log_odds[0].argmax() == 0
    assert {part.signal: part for part in score_breakdown(day, who[0], 3)}["dense_near"].z > 0


def test_topic_is_encoded_once_and_kept_in_the_profile(bare: Install, encoder: Encoder) -> None:  # noqa: F811
    import_papers(bare.db, _lines(3), bare.clock.now)
    bare.people([reader()])
    day = read_planning_day(bare.db, bare.clock.now, RankingOptions(encoder))
    first, again = _profiles(bare, day), _profiles(bare, day)
    assert (len(first.new), len(again.new)) == (1, 0)
    stored = again.profiles.topics.log_odds
    assert np.array_equal(stored, first.profiles.topics.log_odds)
    plain = _profiles(bare, read_planning_day(bare.db, bare.clock.now, RankingOptions()))
    assert len(plain.new) == 1, "another dense model, another record"
    assert not np.array_equal(stored, plain.profiles.topics.log_odds)


def _profiles(made: Install, day: PlanningDay) -> CompiledProfiles:
    with made.db.read() as session:
        found = read_shard_profiles(session, day, [due.by_key(session, subscriber(made))])
    with made.db.write() as session:
        store_compiled(session, day, found.new)
    return found


def _lines(count: int) -> list[bytes]:
    return [json.dumps(paper(f"a{n}")).encode() for n in range(count)]
