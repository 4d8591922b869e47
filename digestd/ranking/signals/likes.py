"""Likes and dislikes: how near a paper is to what a subscriber rated.

The whitened centroid (linear discriminant analysis) is w = P (mean of likes − ½ mean of dislikes − μ), with the
archive's mean μ and inverse covariance P: whitening keeps a library with several interests from blurring into none.
"""

from collections.abc import Sequence
from math import log

import numpy as np

from digestd.ranking.arrays import Cells, Floats, grouped, marked, stacked
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.profile import FeedbackMatrix, Profiles
from digestd.ranking.signals.base import ReasonEvidence, SparseValues, Values, liked_at, nearest_of, zeros

NEAREST = 3
"""Likes that a paper is compared with: the nearest, so that a library of many interests counts as much as one."""
DENSE, DENSE_BIAS = (14.6, 10.3, 10.2), -10.7
SPARSE, SPARSE_BIAS = (12.8, 18.3), -8.65
"""Weights of the mean TF-IDF, LSA and embedding cosine with these likes: log odds that the paper is wanted.

A logistic regression on the papers of three weeks that one reader judged for 15 profiles with 1 to 5 likes each. On
profiles left out of the fit, of papers with a chance of MIN_CHANCE or more at 5 likes half are right and another fifth
half right; by the former rule, a TF-IDF cosine above .045 or an LSA cosine above .39, a fifth were right.
"""
MIN_CHANCE = 0.25
"""Below this chance a paper does not match the likes."""
MIN_LOG_ODDS = log(MIN_CHANCE / (1 - MIN_CHANCE))


def likes(candidates: CandidateSet, profiles: Profiles) -> Floats:
    """Return a kernel ridge regression on TF-IDF and authors: about 1 for likes, −1 for others, 0 without likes."""
    out, feedback = zeros(candidates, profiles), profiles.feedback
    values = likes_kernels(candidates, feedback)
    values += candidates.prior + 1
    values *= candidates.leave_one_out
    values -= 1
    out[feedback.rows] = values
    return out


def likes_kernels(candidates: CandidateSet, feedback: FeedbackMatrix) -> Floats:
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


def likes_evidence(candidates: CandidateSet, profiles: Profiles) -> SparseValues:
    """Return the chance that a paper is wanted, from the likes that are nearest to it."""
    feedback, similarities = profiles.feedback, _similarities(candidates, profiles)
    # The single nearest like bounds the mean of three; few papers pass, so the mean is computed for these alone.
    bound = _log_odds(candidates, [feedback.likes.best(table[feedback.liked]) for table in similarities])
    at = marked((bound >= MIN_LOG_ODDS) & (feedback.likes.sizes > 0)[:, None])
    likes, rows = liked_at(profiles, at)
    where = feedback.liked[rows], at.columns[likes.owner]
    log_odds = _log_odds(candidates, [likes.mean_of_largest(table[where], NEAREST) for table in similarities])
    enough = log_odds >= MIN_LOG_ODDS
    return SparseValues(Cells(at.rows[enough], at.columns[enough]), _chance(log_odds[enough]))


def explain_likes(candidates: CandidateSet, profiles: Profiles, at: Cells) -> ReasonEvidence:
    """Return the title of the nearest like, if that alone is near enough."""
    likes, rows = liked_at(profiles, at)
    where = profiles.feedback.liked[rows], at.columns[likes.owner]
    log_odds = _log_odds(candidates, [table[where] for table in _similarities(candidates, profiles)])
    return nearest_of(profiles, (likes, rows), _chance(log_odds), MIN_CHANCE)


def dense_likes(candidates: CandidateSet, profiles: Profiles) -> Values:
    """Return the embedding times the whitened centroid of the likes; 0 without likes."""
    out, feedback = zeros(candidates, profiles), profiles.feedback
    if not candidates.space.is_empty:
        centres = feedback.sum(feedback.centroid_weights, feedback.seed_table.vectors) - candidates.space.mean
        out[feedback.rows] = centres @ candidates.space.precision @ candidates.vectors.T
    return out


def dense_near(candidates: CandidateSet, profiles: Profiles) -> Values:
    """Return the mean dense cosine with the three nearest likes; 0 without likes.

    A centroid blurs a library with many interests; the nearest likes do not.
    """
    feedback = profiles.feedback
    if candidates.space.is_empty:
        return zeros(candidates, profiles)
    return feedback.likes.mean_of_best(feedback.seed_table.dense_cosine[feedback.liked], NEAREST)


def _similarities(candidates: CandidateSet, profiles: Profiles) -> list[Floats]:
    table = profiles.feedback.seed_table
    return [table.cosine, table.lsa_cosine, *([] if candidates.space.is_empty else [table.dense_cosine])]


def _log_odds(candidates: CandidateSet, cosines: Sequence[Floats]) -> Floats:
    """Return the log odds that papers are wanted, from each kind of cosine."""
    weights, bias = (SPARSE, SPARSE_BIAS) if candidates.space.is_empty else (DENSE, DENSE_BIAS)
    log_odds = np.full(cosines[0].shape, bias, dtype=np.float32)
    for weight, cosine in zip(weights, cosines, strict=True):
        log_odds += np.float32(weight) * cosine
    return log_odds


def _chance(log_odds: Floats) -> Floats:
    chance: Floats = (1 / (1 + np.exp(-log_odds))).astype(np.float32)
    return chance
