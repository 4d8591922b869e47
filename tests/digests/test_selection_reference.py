"""Compare the vectorised selection with the reference implementation."""

from dataclasses import replace
from functools import cache

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from digestd.digests.selection import DigestOptions, RankedCandidates, select
from digestd.domain.interest import Kind
from digestd.domain.subscriber import MinScore
from digestd.ranking.calibration import LocalCalibration
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.diversity import PaperSimilarity
from digestd.ranking.profile import Profiles, compile_profiles
from tests.digests.reference_selection import Reader
from tests.ranking.library import FIELDS, candidates, likes, paper, papers, wants

TERMS = st.lists(
    st.builds(
        DigestOptions, st.integers(1, 50), st.sampled_from(MinScore), st.booleans(), st.floats(0, 1, exclude_max=True)
    ),
    min_size=8,
    max_size=8,
)


@cache
def day() -> CandidateSet:
    """Return candidates that include pairs of similar, but not equal, papers."""
    texts = [text.split("|") for group in FIELDS.values() for text in group]
    fields = list(FIELDS)
    mixed = [
        paper(16 + 16 * a + b, fields[b // 4], f"{one[0]} {other[0]}", f"{one[1]} {other[1]}")
        for a, one in enumerate(texts)
        for b, other in enumerate(texts)
    ]
    made = candidates([*papers(), *mixed])
    # coarse enough that products of them are exact, in whatever order they are summed up: equals stay equal
    coarse = np.round(made.encoded.dense * 64) / np.float32(64)
    return replace(made, encoded=replace(made.encoded, dense=coarse), similarity=PaperSimilarity(coarse))


@cache
def people() -> Profiles:
    """Return eight profiles with none to several interests."""
    wishes = [
        (),
        likes((Kind.TOPIC, "honeybee foragers")),
        likes((Kind.TOPIC, "quantum error correction"), (Kind.TOPIC, "meltwater"), (Kind.TOPIC, "coin hoards")),
        likes((Kind.AUTHOR, "Jane Smith"), (Kind.CATEGORY, "bio"), (Kind.PHRASE, "harbour toll")),
        likes((Kind.AUTHOR, "Ana García Márquez")),
        likes((Kind.PAPER, "made:0"), (Kind.PAPER, "made:8"), (Kind.TOPIC, "swarming"), (Kind.TOPIC, "tweezers")),
        likes((Kind.PAPER, "made:5"), (Kind.AUTHOR, "P. van der Berg"), (Kind.CATEGORY, "geo.ice")),
        likes((Kind.CATEGORY, "hist"), (Kind.CATEGORY, "phys"), (Kind.CATEGORY, "geo"), (Kind.PHRASE, "ice cores")),
    ]
    return compile_profiles([wants(*wish) for wish in wishes], day().model, day())


def random_ranking(seed: int, share: float, grain: float) -> RankedCandidates:
    """Return random scores: a `share` of papers is open.

    Scores are multiples of `grain` if it is not 0.
    """
    rng = np.random.default_rng(seed)
    shape = (len(people()), len(day()))
    total = rng.normal(0, 3, shape).astype(np.float32)
    total = np.round(total / np.float32(grain)) * np.float32(grain) if grain else total
    total[rng.random(shape) < 0.01] = np.nan
    relevance = np.where(rng.random(shape) < 0.3, 0, rng.random(shape)).astype(np.float32)
    log_odds = rng.normal(-3, 2, shape).astype(np.float32)
    return RankedCandidates(people(), total, relevance, rng.random(shape) < 0.7, rng.random(shape) < share, log_odds)


@settings(max_examples=10)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.02, 0.3, 1.0]), st.sampled_from([0.0, 0.5]), TERMS)
def test_select_equals_selecting_one_by_one(
    seed: int, share: float, grain: float, options: list[DigestOptions]
) -> None:
    ranked, own = random_ranking(seed, share, grain), LocalCalibration(0.3, 0.9)
    found = select(day(), ranked, options, own)
    for row, each in enumerate(options):
        wanted = Reader(day(), ranked, row, each, own).choice()
        assert found.ranking(row).tolist() == wanted.order.tolist()
        assert found.above_minimum[row].tolist() == wanted.above_minimum.tolist()
        assert (found.chosen_by(row), int(found.explored[row])) == (wanted.chosen, wanted.explored)
        if wanted.explored >= 0:
            assert found.propensity[row] == wanted.propensity
