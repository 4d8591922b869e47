"""Test the author part of the kernel for likes.

Also the popularity of liked papers.
"""

from dataclasses import replace

import numpy as np
import pytest

from digestd.domain.interest import Kind
from digestd.domain.paper import PaperId, Words
from digestd.ranking.arrays import grouped
from digestd.ranking.candidates import CandidateSet, build_candidates, popularity_ranks
from digestd.ranking.compiler import ProfileInput
from digestd.ranking.kernel_ridge import (
    AUTHOR_SHARE,
    MAX_AUTHORS,
    author_keys,
    author_weights,
    build_author_kernel,
    gram,
)
from digestd.ranking.profile import FeedbackMatrix, Profiles, compile_profiles
from digestd.ranking.seeds import Seed
from digestd.ranking.signals.community import popularity
from digestd.ranking.signals.likes import likes, likes_kernels
from tests.ranking.library import NOON, candidates, model, papers
from tests.ranking.library import likes as liking


def test_author_keys_use_surname_and_given_name() -> None:
    names = ["Jane Q. Smith", "Smith, Jane", "Smith, J. Q.", "J. Smith"]
    assert author_keys(names) == ["smith jane", "smith j q", "smith j"]
    assert author_keys(["?", ""]) == []


def test_long_author_lists_are_ignored() -> None:
    assert author_keys([f"Author{chr(97 + n // 26)}{chr(97 + n % 26)} Name{n}" for n in range(MAX_AUTHORS + 1)]) == []


def test_kernel_is_one_for_same_authors() -> None:
    author_kernel = build_author_kernel([["Ana Lima", "Bo Ek"], ["Ana Lima"], []])
    who = [author_kernel.numbers(names) for names in (["Bo Ek", "Ana Lima"], ["Cy Orr"], [])]
    shared = author_kernel.author_products(who, [author_weights(author_keys) for author_keys in who]).toarray()
    assert shared == pytest.approx(np.array([[AUTHOR_SHARE, AUTHOR_SHARE / 2**0.5, 0], [0, 0, 0], [0, 0, 0]]), abs=1e-6)


def test_regression_uses_same_kernel_for_fit_and_use() -> None:
    day = candidates()
    seed_table, _ = day.seed_encoder.table_with(Seed(p.plain_title, p.text, p.words.authors) for p in day.papers)
    within = gram(seed_table.seeds)
    features = np.array([seed.features for seed in seed_table.seeds])
    each = grouped([1] * len(day))
    places, ones = np.arange(len(day)), np.ones(len(day), dtype=np.float32)
    feedback = FeedbackMatrix(seed_table, each, places, each, places, ones, ones)
    assert within + 1 - features @ features.T == pytest.approx(likes_kernels(day, feedback), abs=1e-4)


@pytest.mark.parametrize("count", [2, 14], ids=["laid out", "as a product"])
def test_kernel_is_same_in_any_block_size(count: int) -> None:
    day = candidates()
    seed_table, _ = day.seed_encoder.table_with(Seed(p.plain_title, p.text, p.words.authors) for p in day.papers)
    all_at_once = gram(seed_table.seeds)
    assert gram(seed_table.seeds[:count]) == pytest.approx(all_at_once[:count, :count], abs=1e-6)


def test_same_authors_raise_score() -> None:
    one, other = (replace(papers()[0], id=PaperId(f"new:{who}"), words=by(who)) for who in ("Ana Lima", "Bo Ek"))
    day = build_candidates([one, other], model(papers()), NOON)
    seed = Seed(one.plain_title, one.text, ("Ana Lima",))
    profiles = compile_profiles([ProfileInput(liking((Kind.PAPER, "old:1")), {PaperId("old:1"): seed})], day.model, day)
    first, second = likes(day, profiles)[0]
    assert first > second


def by(author: str) -> Words:
    return replace(papers()[0].words, authors=(author,))


def voters(day: CandidateSet, *votes: float) -> Profiles:
    """Return a subscriber who likes papers with so many votes."""
    seeds = {PaperId(f"old:{n}"): Seed("", f"Old paper {n}.", votes=v) for n, v in enumerate(votes)}
    return compile_profiles([ProfileInput(liking(*((Kind.PAPER, name) for name in seeds)), seeds)], day.model, day)


def test_popularity_ranks_are_centred_and_tied() -> None:
    some, none = np.array([0, 0, 5, 9], dtype=np.float32), np.zeros(0, dtype=np.float32)
    assert popularity_ranks(some, some).sum() == pytest.approx(0, abs=1e-6)
    assert popularity_ranks(some, some)[0] == popularity_ranks(some, some)[1]
    assert not popularity_ranks(some, none).any()


def test_popularity_follows_liked_votes() -> None:
    day = candidates().with_archive_votes([0, 1, 2, 3, 4, 5, 6, 7])
    loud, quiet, even = (popularity(day, voters(day, *votes))[0] for votes in ((90, 80), (0, 0), (3, 4)))
    assert (np.diff(loud) > 0).all()
    assert (np.diff(quiet) < 0).all()
    assert even == pytest.approx(np.zeros(len(day)), abs=1e-6)


def test_popularity_of_one_like_is_weak() -> None:
    day = candidates().with_archive_votes([0, 1, 2, 3])
    once, often = (np.ptp(popularity(day, voters(day, *[50] * n))) for n in (1, 10))
    assert once < often / 2


def test_popularity_uses_day_without_archive_votes() -> None:
    day = candidates()
    assert day.with_archive_votes([]) is day
    assert day.archive_votes.tolist() == day.weighted_votes.tolist()
