"""Test which papers are about a topic."""

import numpy as np
import pytest

from digestd.domain.interest import Kind
from digestd.ranking.arrays import Floats
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.profile import compile_profiles
from digestd.ranking.signals.topics import SURE, subject
from digestd.ranking.subjects import ABOUT_LOG_ODDS, DENSE, FEATURES, MEANING, SPARSE, TITLED_LOG_ODDS
from digestd.ranking.topics import as_queries, compile_topics
from tests.ranking.library import candidates, likes, papers, retitled, wants


def day(*texts: tuple[str, str]) -> CandidateSet:
    return candidates([*papers(), *(retitled(title, abstract) for title, abstract in texts)])


def log_odds(found: CandidateSet, topic: str) -> Floats:
    queries = as_queries(compile_topics([topic], found.model, found.space)[topic], found.model, found.space.dims)
    best: Floats = found.subjects.log_odds(queries).max(axis=0)
    return best


FIRST = len(papers())
PLAIN = "Bees fly far. They come home before dark, as all keepers know."


@pytest.mark.parametrize(
    ("title", "abstract", "matches"),
    [
        ("Glacier icebergs at sea", PLAIN, True),
        ("Maps", f"We map glacier icebergs. {PLAIN}", True),
        ("Glaciers’ icebergs", PLAIN, True),
        ("Silver bees", f"We thank the ledgers of the railway. {PLAIN}", False),
    ],
)
def test_paper_with_all_words_matches(title: str, abstract: str, *, matches: bool) -> None:
    assert (log_odds(day((title, abstract)), "glacier icebergs")[FIRST] >= ABOUT_LOG_ODDS) == matches


@pytest.mark.parametrize(
    ("title", "matches"),
    [
        ("Tide gauges on lunar seas", False),
        ("A cold day: lunar tide gauges under the lamp", True),
        ("Gauges, lunar tide", False),
        ("Lunar-tide gauge", True),
    ],
)
def test_title_with_the_whole_topic_matches(title: str, *, matches: bool) -> None:
    assert (log_odds(day((title, PLAIN)), "lunar tide gauges")[FIRST] >= TITLED_LOG_ODDS) == matches


def test_list_matches_by_any_part() -> None:
    found = day(("Lunar tide gauges", PLAIN), ("Kelp forests", PLAIN))
    assert (log_odds(found, "kelp forests, lunar tide gauges")[FIRST:] >= TITLED_LOG_ODDS).all()


def test_passing_mention_is_no_subject() -> None:
    others = " ".join(paper.plain_abstract for paper in papers()[4:])
    passing, titled = log_odds(
        day(("Bees", f"{others} We thank iceberg guides."), ("Icebergs", f"We map icebergs. {others}")), "icebergs"
    )[FIRST:]
    assert passing < ABOUT_LOG_ODDS < titled


def test_sure_fits_differ_little() -> None:
    found = day(("Glacier ice", f"Icebergs. {PLAIN}"), ("Ice of glaciers", f"Glaciers. {PLAIN}"))
    profiles = compile_profiles([wants(*likes((Kind.TOPIC, "glacier ice")))], found.model, found)
    own, levelled = profiles.topics.log_odds[0], subject(found, profiles)[0]
    assert own[FIRST:].min() > SURE
    assert np.array_equal(np.argsort(levelled), np.argsort(own))
    assert np.ptp(levelled[FIRST:]) <= np.ptp(own[FIRST:]) / 4
    assert levelled.max() <= SURE + 1e-5


def test_every_feature_has_a_weight() -> None:
    assert len(DENSE.weights) == len(SPARSE.weights) == len(FEATURES)
    assert DENSE.weights[FEATURES.index("cosine")] > 0
    assert not any(weight for name, weight in zip(FEATURES, SPARSE.weights, strict=True) if name in MEANING)
