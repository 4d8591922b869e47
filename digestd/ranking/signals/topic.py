"""Words of a topic stand in the paper: BM25 over the day's papers, all topics together."""

from collections.abc import Sequence

import numpy as np

from digestd.domain.digest import Why
from digestd.ranking.arrays import Floats, above, best_of_groups, stacked
from digestd.ranking.pool import Pool
from digestd.ranking.profile import Profile
from digestd.ranking.signals.base import Evidence

NAME = "topic"
PART = 0.3
"""The part of a topic's idf that must stand in a paper to mean anything: 'learning' alone is not 'metric learning'."""


def score(pool: Pool, profiles: Sequence[Profile]) -> Floats:
    """The sum of BM25 over all topics' stems; a stem of two topics counts twice."""
    rows = [np.concatenate([t.rows for t in p.topics] or [np.zeros(0, dtype=np.intp)]) for p in profiles]
    ones = [np.ones(len(row), dtype=np.float32) for row in rows]
    weights: Floats = (stacked(rows, ones, len(pool.lexicon.columns)) @ pool.lexicon.bm25).toarray()
    return weights


def evidence(pool: Pool, profiles: Sequence[Profile]) -> Floats:
    """The part of the best topic's idf that stands in the paper."""
    topics = [topic for profile in profiles for topic in profile.topics]
    shares = stacked([t.rows for t in topics], [t.shares for t in topics], len(pool.lexicon.columns))
    covered = (shares @ pool.lexicon.presence).toarray()
    return above(best_of_groups(covered, [len(profile.topics) for profile in profiles]), PART)


def explain(pool: Pool, profile: Profile, j: int) -> Evidence | None:
    """The topic of which most stands in the paper, with the words that stand there."""
    here = pool.surface[j]
    most, best = PART, None
    for topic in profile.topics:
        covered = 0.0
        for stem, weight in topic.weights.items():  # asked for every pick of everybody: no generator
            if stem in here:
                covered += weight
        if covered > most:
            most, best = covered, topic
    if best is None:
        return None
    words = dict.fromkeys(here[stem] for stem in best.weights if stem in here)
    return Evidence(Why.TOPIC, min(1.0, (most - PART) / (1 - PART)), best.value, tuple(words))
