"""Test which papers are about a topic."""

from dataclasses import replace

import numpy as np
import pytest

from digestd.domain.interest import Kind
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.profile import compile_profiles
from digestd.ranking.signals.topics import SURE, subject
from digestd.ranking.subjects import ABOUT_LOG_ODDS, DENSE, FEATURES, MEANING, SPARSE, TITLED_LOG_ODDS, Subjects
from digestd.ranking.topics import as_queries, compile_topics
from tests.ranking.library import candidates, likes, papers, retitled, wants


def day(*texts: tuple[str, str]) -> CandidateSet:
    return candidates([*papers(), *(retitled(title, abstract) for title, abstract in texts)])


def about(found: CandidateSet, topic: str) -> Subjects:
    [query] = compile_topics([topic], found.model, found.space)[topic]
    return found.subjects.of(as_queries([query], found.model))


def matched(found: CandidateSet, topic: str) -> list[int]:
    """Return the papers about a topic."""
    return np.flatnonzero(about(found, topic).about[0]).tolist()


FIRST = len(papers())
PLAIN = "Bees fly far. They come home before dark, as all keepers know."


@pytest.mark.parametrize(
    ("title", "abstract", "matches"),
    [
        ("Lunar tide gauges at sea", PLAIN, True),
        ("Gauges", f"We build lunar tide gauges. {PLAIN}", True),
        ("Gauges of lunar tides", PLAIN, True),
        ("The moon", f"A lunar base has a gauge. {PLAIN} The tide is high.", False),
        ("Lunar-tide gauge", PLAIN, True),
        ("Lunar and solar tide gauges", PLAIN, True),
    ],
)
def test_several_words_count_as_a_phrase(title: str, abstract: str, *, matches: bool) -> None:
    assert (FIRST in matched(day((title, abstract)), "lunar tide gauges")) is matches


def test_words_are_quoted_as_they_stand() -> None:
    found = about(day(("Lunar-Tide Gauge", PLAIN)), "lunar tide gauges")
    _, place = found.places(0, FIRST)
    assert place is not None
    assert found.index.mentions.quote(*place) == "Lunar-Tide Gauge"


@pytest.mark.parametrize(
    ("name", "abstract", "is_claimed"),
    [
        ("Named entity recognition", PLAIN, False),
        ("Named entity recognition", f"Information extraction is old. We count bees. {PLAIN}", True),
        ("Relation extraction", PLAIN, True),
    ],
)
def test_narrower_name_counts_and_is_quoted(name: str, abstract: str, *, is_claimed: bool) -> None:
    found = about(day((f"{name} for ships", abstract)), "information extraction")
    assert found.about[0].tolist().count(True) == 1
    named, place = found.places(0, FIRST)
    assert place is not None
    assert found.index.mentions.quote(*place) == name
    assert (named == place) is is_claimed


def test_topic_that_joins_two_subjects_wants_both() -> None:
    found = about(
        day(
            ("GRPO and robot grasping", f"We count bees. {PLAIN}"),
            ("GRPO and offline reinforcement learning", f"We count bees. {PLAIN}"),
            ("Robot grasping and motion planning", f"We count bees. {PLAIN}"),
        ),
        "reinforcement learning for robots",
    )
    both, *only = found.log_odds[0, FIRST : FIRST + 3].tolist()
    assert both > max(only) + 1
    assert [found.places(0, FIRST + n)[0] is not None for n in range(3)] == [True, False, False]


def test_sure_fits_differ_little() -> None:
    found = day(("Glaciers of glaciers", "Glaciers carve glaciers. We map glaciers."), ("Glaciers", "We map glaciers."))
    profiles = compile_profiles([wants(*likes((Kind.TOPIC, "glaciers")))], found.model, found)
    own, levelled = profiles.topics.subjects.log_odds[0], subject(found, profiles)[0]
    assert own[FIRST:].min() > SURE
    assert np.array_equal(np.argsort(levelled), np.argsort(own))
    assert np.ptp(levelled[FIRST:]) < np.ptp(own[FIRST:]) / 10
    assert levelled.max() <= SURE


def test_acronym_counts_only_as_written_and_meant() -> None:
    texts = [
        ("LTG at sea", PLAIN), ("Ltg at sea", PLAIN), ("More LTGs", PLAIN),
        ("LTG in maths", f"We define locally trivial groups (LTG). {PLAIN}"),
    ]  # fmt: skip
    found = matched(day(*texts), "LTG")
    assert [paper - FIRST for paper in found] == [0, 2, 3]  # nobody says yet what it stands for


def test_passing_mention_is_no_subject() -> None:
    others = " ".join(paper.plain_abstract for paper in papers()[4:])
    passing, titled = ("Bees", f"{others} We thank iceberg guides."), ("Icebergs", f"We map icebergs. {others}")
    found = about(day(passing, titled), "icebergs").log_odds[0, FIRST:]
    assert found[0] < ABOUT_LOG_ODDS < found[1]


@pytest.mark.parametrize(("topic", "is_match"), [("lunar tides", True), ("tides", False)])
def test_title_with_two_words_of_a_topic_is_a_match(topic: str, *, is_match: bool) -> None:
    others = " ".join(paper.plain_abstract for paper in papers())
    found = about(day(("Notes on a shelf of lunar tides and other lore", others)), topic).log_odds[0, FIRST]
    assert (found >= TITLED_LOG_ODDS) == is_match


def test_category_of_a_field_counts() -> None:
    paper = retitled("Bees", PLAIN)
    listed = replace(paper, words=replace(paper.words, categories=("cs.CL",)))
    without, within = about(candidates([paper, listed]), "natural language processing").log_odds[0]
    assert within > without + 2


def test_names_count_for_words_unknown_to_the_model() -> None:
    found = about(day(("On zymurgy of ice", PLAIN)), "zymurgy of ice").log_odds[0]
    assert found.argmax() == FIRST
    assert found[1] < about(day(), "ice").log_odds[0, 1] - 2, "flowing ice is a part of the topic only"


def test_every_feature_has_a_weight() -> None:
    assert len(DENSE.weights) == len(SPARSE.weights) == len(FEATURES)
    assert all(weight > 0 for weight in DENSE.weights)
    assert not any(weight for name, weight in zip(FEATURES, SPARSE.weights, strict=True) if name in MEANING)
