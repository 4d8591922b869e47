"""Trends: how much a paper is talked about, for its age.

log1p(weighted votes) less what papers of the same age in whole days have on average,
so that a new paper is not punished for having had no time; within a day older votes fade with a
half-life of H = 3 days. The average is drawn towards that of the whole pool where few are of an age.

Newness is 2^(−d/H) of a paper that had been out for d days when it was first seen, whenever that was.

Fame is the rank of a paper's votes among those of papers like it: new ones among the day's, old ones among
the archive's, which had time to collect.
"""

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from digestd.domain.paper import Paper, votes
from digestd.ranking.arrays import Floats

HALF_LIFE = 3.0
"""Days."""
PRIOR = 5
"""Papers' worth of the pool's average in the average of an age."""


def weighted_votes(papers: Sequence[Paper]) -> Floats:
    """The weighted votes of each paper (m,)."""
    return np.array([votes(paper.signals) for paper in papers], dtype=np.float32)


def trend(papers: Sequence[Paper], voted: Floats, now: datetime) -> Floats:
    """The trend value of each paper (m,) from its points."""
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
    """The ranks of values among those of other papers, of mean 0 and, without ties, of variance 1; equals share one."""
    usual = np.sort(among)
    below, upto = (np.searchsorted(usual, values, side) for side in ("left", "right"))
    found = (below + upto) / (2 * max(len(usual), 1)) - 0.5
    return np.where(len(usual) > 0, np.sqrt(12) * found, 0).astype(np.float32)
