"""Trends: how much a paper is discussed for its age, and its popularity rank.

A trend is log1p(weighted votes) minus the mean of papers of the same age in days, so that new papers are not
punished for having had no time; within a day, older votes decay with a half-life of 3 days. Where few papers have the
same age, the mean is shrunk towards that of all. Popularity is the rank of a paper's votes among comparable papers:
the day's for candidates, the archive's for old ones, which had time to collect votes.
"""

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from digestd.domain.paper import Paper, votes
from digestd.ranking.arrays import Floats

HALF_LIFE = 3.0
"""Days."""
PRIOR = 5
"""Weight of the overall mean in the mean of an age, in papers."""


def weighted_votes(papers: Sequence[Paper]) -> Floats:
    """Return the weighted votes of each paper (m,)."""
    return np.array([votes(paper.signals) for paper in papers], dtype=np.float32)


def trend(papers: Sequence[Paper], voted: Floats, now: datetime) -> Floats:
    """Return the trend of each paper (m,) from its weighted votes."""
    if not papers:
        return np.zeros(0, dtype=np.float32)
    ages = np.array([max(0.0, (now - paper.first_seen).total_seconds() / 86_400) for paper in papers])
    faded = np.log1p(voted.astype(np.float64)) - ages % 1 * np.log(2) / HALF_LIFE
    _, cohort = np.unique(np.floor(ages), return_inverse=True)
    sums = np.bincount(cohort, faded) + PRIOR * faded.mean()
    usual = sums / (np.bincount(cohort) + PRIOR)
    value: Floats = (faded - usual[cohort]).astype(np.float32)
    return value


def ranks(values: Floats, among: Floats) -> Floats:
    """Return mid-ranks of `values` among other papers, with mean 0 and, without ties, variance 1."""
    usual = np.sort(among)
    below, upto = (np.searchsorted(usual, values, side) for side in ("left", "right"))
    found = (below + upto) / (2 * max(len(usual), 1)) - 0.5
    return np.where(len(usual) > 0, np.sqrt(12) * found, 0).astype(np.float32)
