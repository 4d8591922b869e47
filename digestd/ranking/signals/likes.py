"""Similarity to likes and distance from dislikes.

Kernel ridge regression on TF-IDF and authors.
"""

import numpy as np

from digestd.ranking.arrays import Cells, Floats, above, grouped, stacked
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.profile import FeedbackMatrix, Profiles
from digestd.ranking.signals.base import ReasonEvidence, liked_at, nearest_of, zeros

NAME = "likes"
NEAR = 0.045
"""TF-IDF cosine of similar papers; 3 % of pairs in one field exceed it, one in a thousand across fields."""


def score(candidates: CandidateSet, profiles: Profiles) -> Floats:
    """Return the regression's value: about 1 for liked papers, −1 for others.

    0 without likes.
    """
    out, feedback = zeros(candidates, profiles), profiles.feedback
    values = kernels(candidates, feedback)
    values += candidates.prior + 1
    values *= candidates.leave_one_out
    values -= 1
    out[feedback.rows] = values
    return out


def kernels(candidates: CandidateSet, feedback: FeedbackMatrix) -> Floats:
    """Return the weighted kernel sums of each subscriber with the papers.

    The negative prior is given.

    Kernels are linear in the seeds, so seeds are summed first.
    """
    owned = grouped(feedback.seeds.sizes[feedback.rows])
    values = feedback.sum(feedback.dual_weights, feedback.seed_table.cosine)
    values -= feedback.sum(feedback.dual_weights, feedback.seed_table.features) @ candidates.features.T
    values += np.bincount(owned.owner, feedback.dual_weights, len(values)).astype(np.float32)[:, None]
    seeds = [feedback.seed_table.seeds[place] for place in feedback.places.tolist()]
    author_products = stacked(
        [seed.author_kernel for seed in seeds], [seed.author_products for seed in seeds], len(candidates)
    )
    shared = (owned.summing(feedback.dual_weights) @ author_products).tocoo()
    values[shared.row, shared.col] += shared.data
    return values


def evidence(candidates: CandidateSet, profiles: Profiles) -> Floats:  # noqa: ARG001  # the interface of all signals
    """Return the TF-IDF cosine with the nearest like, above the usual."""
    feedback = profiles.feedback
    return above(feedback.likes.best(feedback.seed_table.cosine[feedback.liked]), NEAR)


def explain(candidates: CandidateSet, profiles: Profiles, at: Cells) -> ReasonEvidence:  # noqa: ARG001  # the interface of all signals
    """Return the title of the nearest like."""
    likes, rows = liked_at(profiles, at)
    cosine = profiles.feedback.seed_table.cosine[profiles.feedback.liked[rows], at.columns[likes.owner]]
    return nearest_of(profiles, (likes, rows), cosine, NEAR)
