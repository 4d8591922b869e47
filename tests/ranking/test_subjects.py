"""Test which papers are about a topic."""

from dataclasses import replace

import numpy as np
import pytest

from digestd.ranking.candidates import CandidateSet
from digestd.ranking.concepts import understand
from digestd.ranking.mentions import FEATURES
from digestd.ranking.subjects import DENSE, MIN_CHANCE, SPARSE, Subjects
from tests.ranking.library import candidates, papers, retitled


def day(*texts: tuple[str, str]) -> CandidateSet:
    return candidates([*papers(), *(retitled(title, abstract) for title, abstract in texts)])


def about(found: CandidateSet, topic: str) -> Subjects:
    place = found.model.encode([topic]).dense
    return found.subjects.of([understand(topic, found.model)[0].names], place, np.zeros((1, 0), dtype=np.float32))


def matched(found: CandidateSet, topic: str) -> list[int]:
    """Return the papers about a topic."""
    return list(about(found, topic).about.columns.tolist())


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
    papers = found.about.columns.tolist()
    place = found.place(papers.index(FIRST))
    assert place is not None
    assert found.mentions.quote(*place) == "Lunar-Tide Gauge"


def test_acronym_counts_only_as_written_and_meant() -> None:
    texts = [
        ("LTG at sea", PLAIN), ("Ltg at sea", PLAIN), ("More LTGs", PLAIN),
        ("LTG in maths", f"We define locally trivial groups (LTG). {PLAIN}"),
    ]  # fmt: skip
    found = matched(day(*texts), "LTG")
    assert [paper - FIRST for paper in found] == [0, 2, 3]  # nobody says yet what it stands for


def test_passing_mention_is_no_subject() -> None:
    late = " ".join([PLAIN] * 6) + " We thank the makers of gauges."
    assert FIRST not in matched(day(("Bees", late)), "gauges")
    assert FIRST in matched(day(("Gauges for bees", PLAIN)), "gauges")


def test_category_of_a_field_is_enough() -> None:
    paper = retitled("Bees", PLAIN)
    found = candidates([*papers(), replace(paper, words=replace(paper.words, categories=("cs.CL",)))])
    assert FIRST in matched(found, "natural language processing")


def test_chances_are_in_range() -> None:
    chances = about(day(("Lunar tide gauges", PLAIN)), "lunar tide gauges").chances
    assert MIN_CHANCE <= chances.min() <= chances.max() <= 1


def test_every_feature_has_a_coefficient() -> None:
    assert len(DENSE.lexical) == len(SPARSE.lexical) == len(FEATURES)
