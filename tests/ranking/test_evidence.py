"""Test where a paper's words show what somebody asked for."""

import pytest

from digestd.ranking.evidence import TITLE, Evidence, EvidenceFinder
from digestd.ranking.quotes import BACKGROUND, CONTRIBUTION, OWN
from digestd.ranking.text import tokens
from tests.ranking.library import retitled

PLAIN = "Bees fly far. We weigh bees."


def shown(topic: str, title: str, abstract: str = PLAIN) -> Evidence | None:
    return EvidenceFinder([retitled(title, abstract)]).find([tokens(topic)], 0)


@pytest.mark.parametrize(
    "title", ["Lunar Tide Gauges at sea", "Lunar-tide gauge", "Gauges of lunar tides", "Gauging lunar tides"]
)
def test_title_shows_topic_in_any_inflection(title: str) -> None:
    found = shown("lunar tide gauges", title)
    assert found is not None
    assert (found.tells, found.is_whole) == (TITLE, True)
    assert found.quote in title


@pytest.mark.parametrize(
    ("abstract", "evidence"),
    [
        (
            "Geese rest. We build lunar tide gauges for ships.",
            Evidence(CONTRIBUTION, "We build lunar tide gauges for ships", True),
        ),
        ("Lunar tide gauges are old. We weigh bees.", Evidence(BACKGROUND, "Lunar tide gauges", True)),
        ("Lunar tide gauges are old. We weigh lunar tides.", Evidence(BACKGROUND, "Lunar tide gauges", True)),
        ("We weigh old lunar tides.", Evidence(OWN, "We weigh old lunar tides", False)),
        ("We weigh a lunar lander. The tide is high, and the gauge of rails is narrow.", None),
    ],
)
def test_sentence_shows_topic_by_what_it_tells(abstract: str, evidence: Evidence | None) -> None:
    assert shown("lunar tide gauges", "Bees", abstract) == evidence


def test_words_in_different_clauses_show_nothing() -> None:
    assert shown("tide gauges", "Bees", "We love the tide, gauges and bees.") is None


def test_one_word_of_several_shows_nothing() -> None:
    assert shown("Byzantine pottery", "Byzantine faults in ledgers") is None


def test_lone_word_shows_itself() -> None:
    found = shown("glaciers", "A glacier")
    assert found is not None
    assert (found.tells, found.is_whole, found.quote) == (TITLE, True, "glacier")


def test_part_of_a_compound_is_not_the_whole_topic() -> None:
    found = shown("tide gauges", "Lunar-tide gauges")
    assert found is not None
    assert not found.is_whole
