"""What topics find in the archive, and who is kin to whom."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from digestd.domain.interest import Kind
from digestd.domain.paper import Paper
from digestd.ranking.candidates import build_candidates
from digestd.ranking.coauthors import CROWD, papers_by_coauthors
from digestd.ranking.inverted_index import build_inverted_index
from digestd.ranking.model import fit, unit
from digestd.ranking.profile import block
from digestd.ranking.signals import coauthors as shared
from digestd.ranking.signals import query_expansion, topic_similarity
from digestd.ranking.signals.base import to_dense
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


def test_what_a_topic_means_is_what_the_archive_says_of_it_as_well() -> None:
    """In the archive waggles are of foragers, whatever the words of the topic stand beside elsewhere."""
    day = candidates()
    who = alone(day, *likes((Kind.TOPIC, "waggle")))
    deaf = replace(who, expansion=0 * who.expansion)
    foragers = [j for j, paper in enumerate(day.papers) if "forag" in paper.text]
    others = [j for j in range(len(day)) if j not in foragers]
    with_archive_votes, alone_with_words = (
        value[foragers].mean() - value[others].mean()
        for value in (unit(topic_similarity.score(day, one))[0] for one in (who, deaf))
    )
    assert with_archive_votes > alone_with_words


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


def test_papers_with_the_same_authors_are_kin() -> None:
    inverted_index = build_inverted_index(papers())
    assert papers_by_coauthors(inverted_index, ("Garcia Marquez, Ana",)) == {4, 5, 6, 7}
    assert papers_by_coauthors(inverted_index, ()) == frozenset()


def test_a_paper_by_a_crowd_is_nobodys_kin() -> None:
    crowd = ("Ana García Márquez", *(f"Author Number{n}" for n in range(CROWD)))
    assert papers_by_coauthors(build_inverted_index(papers()), crowd) == frozenset()


def test_kin_of_all_likes_counts_whole_and_kin_of_a_part_less() -> None:
    day = candidates()
    whole = alone(day, *likes((Kind.PAPER, "made:0"), (Kind.PAPER, "made:1")))
    half = alone(day, *likes((Kind.PAPER, "made:0"), (Kind.PAPER, "made:12")))
    of_all, of_part = (to_dense(shared.score(day, who), day, who)[0] for who in (whole, half))
    assert of_all[3] == 1
    assert of_part[3] == pytest.approx(0.5**0.5)
    assert not of_all[4:8].any()
