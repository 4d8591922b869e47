"""Test query expansion: what topics find in the archive."""

from collections.abc import Sequence

import numpy as np
import pytest

from digestd.domain.interest import Kind
from digestd.domain.paper import Paper
from digestd.ranking.candidates import build_candidates
from digestd.ranking.model import fit
from digestd.ranking.profile import as_block
from digestd.ranking.signals.topics import query_expansion
from tests.ranking.library import NOON, alone, candidates, likes, papers, profile, retitled


def archive_votes(topic: str, of: Sequence[Paper]) -> list[float]:
    """Return the expansion score of papers that are not in the archive."""
    day = build_candidates(of, fit(p.text for p in papers()), NOON)
    return [float(value) for value in query_expansion(day, alone(day, *likes((Kind.TOPIC, topic))))[0]]


def test_expansion_finds_paper_without_topic_words() -> None:
    swarm, ice = archive_votes(
        "waggle", [retitled("Scarce nectar and honeybee foragers"), retitled("Volcanic ice cores")]
    )
    assert swarm > 0.1
    assert ice == 0


def test_expansion_of_unknown_topic_is_empty() -> None:
    assert archive_votes("zymurgy", papers()) == [0.0] * 16


def test_expansion_without_topic_is_empty() -> None:
    day = candidates()
    assert not query_expansion(day, alone(day)).any()


def test_expansion_shares_sum_to_one() -> None:
    model = fit(p.text for p in papers())
    columns = np.array([model.vocabulary[stem] for stem in ("glacier", "ice")], dtype=np.intp)
    [(rows, shares)] = model.archive.best([columns])
    assert 1 < len(rows) <= 5
    assert shares.sum() == pytest.approx(1)
    assert (np.diff(shares) <= 0).all()


def test_expansion_cache_changes_nothing() -> None:
    day = candidates()
    who = profile(day, *likes((Kind.TOPIC, "honeybee foragers")))
    both = as_block([who, profile(day)], day)
    assert np.array_equal(query_expansion(day, as_block([who], day)), query_expansion(day, both)[:1])
