"""Which of a subscriber's interests a paper meets: what is named outright, and stands there."""

import numpy as np

from digestd.ranking.arrays import Bools, Ints
from digestd.ranking.profile import Profile

MOST = 0.6
"""The part of a topic's idf that must stand in a paper: as much as a reason asks that names the topic first."""


def met(profile: Profile, papers: Ints) -> Bools:
    """(k, c): which of the k liked topics, phrases, authors and categories each of c papers (positions) meets.

    Phrases, authors and categories that none of the day's papers has are left out.
    """
    topics = profile.covered[:, papers] >= np.float32(MOST)
    named = [np.isin(papers, match.papers) for match in (*profile.phrases, *profile.authors, *profile.categories)]
    return np.concatenate([topics, np.array(named, dtype=np.bool_).reshape(len(named), len(papers))])
