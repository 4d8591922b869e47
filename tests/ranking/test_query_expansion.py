"""What topics find in the archive, and who is kin to whom."""

from collections.abc import Sequence

import numpy as np
import pytest

from digestd.domain.interest import Kind
from digestd.domain.paper import Paper
from digestd.ranking.candidates import build_candidates
from digestd.ranking.model import fit
from digestd.ranking.profile import block
from digestd.ranking.signals import query_expansion
from tests.ranking.library import NOON, alone, candidates, likes, papers, profile, retitled


def archive_votes(topic: str, of: Sequence[Paper]) -> list[float]:
    """The echo of a topic in papers that are not in the archive."""
    day = build_candidates(of, fit(p.text for p in papers()), NOON)
    return [float(value) for value in query_expansion.score(day, alone(day, *likes((Kind.TOPIC, topic))))[0]]


def test_a_paper_without_a_word_of_the_topic_is_found_by_what_the_archive_says_of_it() -> None:
    swarm, ice = archive_votes(
        "waggle", [retitled("Scarce nectar and honeybee foragers"), retitled("Volcanic ice cores")]
    )
    assert swarm > 0.1
    assert ice == 0


def test_a_topic_that_the_archive_does_not_know_finds_nothing() -> None:
    assert archive_votes("zymurgy", papers()) == [0.0] * 16


def test_words_that_are_new_to_the_archive_are_heard_in_the_day_alone() -> None:
    new, old = archive_votes("zymurgy", [retitled("Zymurgy of ales"), papers()[0]])
    assert new > 0
    assert old == 0


def test_no_topic_finds_nothing() -> None:
    day = candidates()
    assert not query_expansion.score(day, alone(day)).any()


def test_the_best_of_the_archive_come_first_and_share_one_whole() -> None:
    model = fit(p.text for p in papers())
    columns = np.array([model.vocabulary[stem] for stem in ("glacier", "ice")], dtype=np.intp)
    [(rows, shares)] = model.archive.best([columns], model.encode(["glacier ice"]).dense)
    assert 1 < len(rows) <= 5
    assert shares.sum() == pytest.approx(1)
    assert (np.diff(shares) <= 0).all()


def test_an_echo_asked_for_again_is_the_same() -> None:
    day = candidates()
    who = profile(day, *likes((Kind.TOPIC, "honeybee foragers")))
    both = block([who, profile(day)], day)
    assert np.array_equal(query_expansion.score(day, block([who], day)), query_expansion.score(day, both)[:1])
