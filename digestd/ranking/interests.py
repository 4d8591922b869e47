"""Which of a subscriber's interests a paper meets: what is named outright, and stands there."""

from collections.abc import Sequence

import numpy as np

from digestd.ranking.arrays import Bools, Ints
from digestd.ranking.pool import Pool
from digestd.ranking.profile import Match, Profile
from digestd.ranking.topics import Topic

MOST = 0.58
"""The part of a topic's idf that must stand in a paper: as much as a reason asks that names the topic first."""


def met(pool: Pool, profile: Profile, papers: Ints) -> Bools:
    """(k, c): which of the k liked topics, phrases, authors and categories each of c papers (positions) meets."""
    named: Sequence[Match] = (*profile.phrases, *profile.authors, *profile.categories)
    rows = [_topic(pool, topic)[papers] for topic in profile.topics]
    rows += [np.isin(papers, match.papers) for match in named]
    return np.array(rows, dtype=np.bool_).reshape(len(rows), len(papers))


def _topic(pool: Pool, topic: Topic) -> Bools:
    covered = np.zeros(len(pool), dtype=np.float32)
    presence = pool.lexicon.presence
    for row, share in zip(topic.rows, topic.shares, strict=True):
        covered[presence.indices[presence.indptr[row] : presence.indptr[row + 1]]] += share
    enough: Bools = covered >= np.float32(MOST)
    return enough
