"""What topics find in the archive, and who is kin to whom."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from digestd.domain.interest import Kind
from digestd.domain.paper import Paper
from digestd.ranking.kin import CROWD, kin
from digestd.ranking.lookup import build_lookup
from digestd.ranking.model import fit, unit
from digestd.ranking.pool import build_pool
from digestd.ranking.profile import block
from digestd.ranking.signals import echo, meaning
from digestd.ranking.signals import kin as shared
from digestd.ranking.signals.base import laid_out
from tests.ranking.library import NOON, alone, likes, papers, pool, profile, retitled


def heard(topic: str, of: Sequence[Paper]) -> list[float]:
    """The echo of a topic in papers that are not in the archive."""
    day = build_pool(of, fit(p.text for p in papers()), NOON)
    return [float(value) for value in echo.score(day, alone(day, *likes((Kind.TOPIC, topic))))[0]]


def test_a_paper_without_a_word_of_the_topic_is_found_by_what_the_archive_says_of_it() -> None:
    swarm, ice = heard("waggle", [retitled("Scarce nectar and honeybee foragers"), retitled("Volcanic ice cores")])
    assert swarm > 0.1
    assert ice == 0


def test_a_topic_that_the_archive_does_not_know_finds_nothing() -> None:
    assert heard("zymurgy", papers()) == [0.0] * 16


def test_words_that_are_new_to_the_archive_are_heard_in_the_day_alone() -> None:
    new, old = heard("zymurgy", [retitled("Zymurgy of ales"), papers()[0]])
    assert new > 0
    assert old == 0


def test_what_a_topic_means_is_what_the_archive_says_of_it_as_well() -> None:
    """In the archive waggles are of foragers, whatever the words of the topic stand beside elsewhere."""
    day = pool()
    who = alone(day, *likes((Kind.TOPIC, "waggle")))
    deaf = replace(who, echoes=0 * who.echoes)
    foragers = [j for j, paper in enumerate(day.papers) if "forag" in paper.text]
    others = [j for j in range(len(day)) if j not in foragers]
    hearing, alone_with_words = (
        value[foragers].mean() - value[others].mean()
        for value in (unit(meaning.score(day, one))[0] for one in (who, deaf))
    )
    assert hearing > alone_with_words


def test_no_topic_finds_nothing() -> None:
    day = pool()
    assert not echo.score(day, alone(day)).any()


def test_the_best_of_the_archive_come_first_and_share_one_whole() -> None:
    model = fit(p.text for p in papers())
    columns = np.array([model.vocabulary[stem] for stem in ("glacier", "ice")], dtype=np.intp)
    [(rows, shares)] = model.archive.best([columns], model.encode(["glacier ice"]).dense)
    assert 1 < len(rows) <= 5
    assert shares.sum() == pytest.approx(1)
    assert (np.diff(shares) <= 0).all()


def test_an_echo_asked_for_again_is_the_same() -> None:
    day = pool()
    who = profile(day, *likes((Kind.TOPIC, "honeybee foragers")))
    both = block([who, profile(day)], day)
    assert np.array_equal(echo.score(day, block([who], day)), echo.score(day, both)[:1])


def test_papers_with_the_same_authors_are_kin() -> None:
    lookup = build_lookup(papers())
    assert kin(lookup, ("Garcia Marquez, Ana",)) == {4, 5, 6, 7}
    assert kin(lookup, ()) == frozenset()


def test_a_paper_by_a_crowd_is_nobodys_kin() -> None:
    crowd = ("Ana García Márquez", *(f"Author Number{n}" for n in range(CROWD)))
    assert kin(build_lookup(papers()), crowd) == frozenset()


def test_kin_of_all_likes_counts_whole_and_kin_of_a_part_less() -> None:
    day = pool()
    whole = alone(day, *likes((Kind.PAPER, "made:0"), (Kind.PAPER, "made:1")))
    half = alone(day, *likes((Kind.PAPER, "made:0"), (Kind.PAPER, "made:12")))
    of_all, of_part = (laid_out(shared.score(day, who), day, who)[0] for who in (whole, half))
    assert of_all[3] == 1
    assert of_part[3] == pytest.approx(0.5**0.5)
    assert not of_all[4:8].any()
