"""Signals of others: votes of the field, and likes on this installation."""

import numpy as np

from digestd.domain.digest import ReasonKind
from digestd.ranking.arrays import Cells, Floats, Sparse
from digestd.ranking.candidates import CandidateSet, popularity_ranks
from digestd.ranking.community import LEAST_PEOPLE
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import ReasonEvidence, Values, Words, no_values, zeros

UNKNOWN_TREND = 0.1
"""Evidence for papers without votes: to subscribers without interests, anything new may matter."""
SHRINKAGE = 2
"""Strength of the shrinkage of the preference for popular papers, in likes."""
SCALE_MIN = 0.02
"""Scale of the similarities of co-likers below which they are not amplified."""
CO_LIKES_MAX = 6.5
"""The most that co-likes add, whatever the number of fake accounts."""
CO_LIKES_REASON = 1.0
"""Least value that can be the reason for a paper."""
SHARED_LIKES = 2
"""The likes that two people share at least if a reason calls their likes similar."""
HALF_POPULAR = 5
"""The number of people whose likes count half."""


def trend(candidates: CandidateSet, profiles: Profiles) -> Floats:
    return np.broadcast_to(candidates.trend, (len(profiles), len(candidates)))


def trend_evidence(candidates: CandidateSet, profiles: Profiles) -> Values:
    """Return evidence that rises with votes from .1, for subscribers without interests only."""
    if not profiles.without_interests.any():
        return no_values()
    votes = np.log1p(candidates.weighted_votes)
    out = zeros(candidates, profiles)
    out[profiles.without_interests] = UNKNOWN_TREND + (1 - UNKNOWN_TREND) * votes / (votes + 3)
    return out


def explain_trend(candidates: CandidateSet, profiles: Profiles, at: Cells) -> ReasonEvidence:  # noqa: ARG001  # the interface of all signals
    """Return the number of upvotes, if any."""
    upvotes = np.array(
        [candidates.papers[j].signals.get("upvotes", 0.0) for j in at.columns.tolist()], dtype=np.float64
    )
    has_upvotes = (upvotes >= 1) & np.isfinite(upvotes)

    def words(k: int) -> Words:
        return str(int(upvotes[k])), ()

    strength = np.where(has_upvotes, 1 - 1 / (1 + np.where(has_upvotes, upvotes, 0)), 0).astype(np.float32)
    return ReasonEvidence(ReasonKind.TREND, strength, words, at.columns)


def popularity(candidates: CandidateSet, profiles: Profiles) -> Floats:
    """Return how much a subscriber likes what is popular, times the popularity of the paper.

    f = (Σ popularity of the likes)/(likes + SHRINKAGE): a slope per subscriber on top of the trend, shrunk to 0 for few
    likes. It gains .021 [.006, .039] on HF submitters and .015 [.006, .025] on HF authors.
    """
    feedback = profiles.feedback
    liked = popularity_ranks(feedback.seed_table.votes[feedback.liked, 0], candidates.archive_votes)
    whole = np.bincount(feedback.likes.owner, liked, len(profiles))
    slope = (whole / (feedback.likes.sizes + SHRINKAGE)).astype(np.float32)
    value: Floats = slope[:, None] * candidates.popularity
    return value


def co_likes(candidates: CandidateSet, profiles: Profiles) -> Floats:
    """Return the similarity to those who liked each paper, scaled: [0, CO_LIKES_MAX] (n, m); 0 for own likes.

    The sum of similarities s is scaled within the subscriber's day, s / √(mean s² + SCALE_MIN²), and cut. It is no
    evidence of relevance: a paper that matches no interest stays out of the digest.
    """
    community, feedback = candidates.community, profiles.feedback
    if community.is_empty:
        return zeros(candidates, profiles)
    found: Floats = (_shares(candidates, profiles) @ community.similarity).toarray()
    own = community.columns(feedback.seed_table.papers[feedback.liked])
    found[feedback.likes.owner[own >= 0], own[own >= 0]] = 0  # the subscriber is one of those who liked it
    scale = 1 / np.sqrt(np.mean(np.square(found), axis=1) + np.float32(SCALE_MIN**2))
    found *= scale[:, None]
    return np.minimum(found, np.float32(CO_LIKES_MAX), out=found)


def explain_co_likes(candidates: CandidateSet, profiles: Profiles, at: Cells) -> ReasonEvidence | None:
    """Return a reason without numbers where at least LEAST_PEOPLE people with similar likes liked the paper."""
    community = candidates.community
    if community.is_empty:
        return None
    people = np.zeros(len(at), dtype=np.intp)
    told = np.flatnonzero(co_likes(candidates, profiles)[at.rows, at.columns] >= CO_LIKES_REASON)
    rows, row = np.unique(at.rows[told], return_inverse=True)
    people[told] = community.count_similar(_shares(candidates, profiles)[rows], SHARED_LIKES)[row, at.columns[told]]

    def said(k: int) -> Words:  # noqa: ARG001  # the same for all
        return "", ()

    return ReasonEvidence(ReasonKind.CO_LIKES, (people >= LEAST_PEOPLE).astype(np.float32), said, np.zeros_like(people))


def local_popularity(candidates: CandidateSet, profiles: Profiles) -> Floats:
    """Return the number of likes on this installation as n / (n + HALF_POPULAR) minus its mean, the same for all.

    Without the mean, popular days would raise every score and with it every probability: on citeulike the calibration
    error falls from .053 to .029.
    """
    if candidates.community.is_empty:
        return zeros(candidates, profiles)
    likers = candidates.community.likers
    popularity = likers / (likers + np.float32(HALF_POPULAR))
    return np.broadcast_to(popularity - popularity.mean(), (len(profiles), len(candidates)))


def _shares(candidates: CandidateSet, profiles: Profiles) -> Sparse:
    """Return the weight of each liked paper for each subscriber (n, p + 1): 1 / √(number of likes)."""
    community, feedback = candidates.community, profiles.feedback
    rows = community.rows(feedback.seed_table.papers[feedback.liked])
    weights = (1 / np.sqrt(np.maximum(feedback.likes.sizes, 1))).astype(np.float32)[feedback.likes.owner]
    return feedback.likes.summing(weights, rows, len(community.papers) + 1)
