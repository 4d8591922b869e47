"""Trends: how much a paper is talked about, for its age.

log1p(upvotes + .3 comments + .1 stars) less what papers of the same age in whole days have on average,
so that a new paper is not punished for having had no time; within a day older votes fade with a
half-life of H = 3 days. The average is drawn towards that of the whole pool where few are of an age.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np

from digestd.domain.paper import Paper
from digestd.ranking.arrays import Floats

SHARES: Mapping[str, float] = {"upvotes": 1.0, "comments": 0.3, "stars": 0.1}
HALF_LIFE = 3.0
"""Days."""
PRIOR = 5
"""Papers' worth of the pool's average in the average of an age."""


def points(papers: Sequence[Paper]) -> Floats:
    """upvotes + .3 comments + .1 stars of each paper (m,); what is no number counts as 0."""
    raw = np.array([[paper.signals.get(name, 0.0) for name in SHARES] for paper in papers], dtype=np.float64).reshape(
        len(papers), len(SHARES)
    )
    sane = np.clip(np.nan_to_num(raw, nan=0.0, posinf=0.0, neginf=0.0), 0, 1e9)
    total: Floats = (sane @ np.array(list(SHARES.values()))).astype(np.float32)
    return total


def trend(papers: Sequence[Paper], votes: Floats, now: datetime) -> Floats:
    """The trend value of each paper (m,) from its points."""
    if not papers:
        return np.zeros(0, dtype=np.float32)
    ages = np.array([max(0.0, (now - paper.first_seen).total_seconds() / 86_400) for paper in papers])
    faded = np.log1p(votes.astype(np.float64)) - ages % 1 * np.log(2) / HALF_LIFE
    _, cohort = np.unique(np.floor(ages), return_inverse=True)
    sums = np.bincount(cohort, faded) + PRIOR * faded.mean()
    usual = sums / (np.bincount(cohort) + PRIOR)
    value: Floats = (faded - usual[cohort]).astype(np.float32)
    return value
