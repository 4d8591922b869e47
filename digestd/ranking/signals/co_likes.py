"""Co-likes: candidates that people with similar likes liked, from the first liker on.

The sum of similarities s is scaled within the subscriber's day, s / √(mean s² + DOUBT²), and cut at MOST, which is all
that any number of fake accounts can add. It is no evidence of relevance: a paper that matches no interest stays out of
the digest. A reason needs `LEAST_PEOPLE` people, and neither it nor the digest shows a number.
"""

import numpy as np

from digestd.domain.digest import ReasonKind
from digestd.ranking.arrays import Cells, Floats, Sparse
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.community import LEAST_PEOPLE
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import ReasonEvidence, SparseValues, Words, no_values, zeros

NAME = "co_likes"
DOUBT = 0.02
"""Scale of the similarities below which they are not amplified."""
MOST = 6.5
TOLD = 1.0
"""Least value that can be the reason for a paper."""
SHARED = 2
"""The likes that two people share at least if a reason calls their likes similar."""


def score(candidates: CandidateSet, profiles: Profiles) -> Floats:
    """Return the scaled similarity to those who liked each paper: [0, MOST] (n, m); 0 for own likes."""
    community, feedback = candidates.community, profiles.feedback
    if community.is_empty:
        return zeros(candidates, profiles)
    found: Floats = (_shares(candidates, profiles) @ community.similarity).toarray()
    own = community.columns(feedback.seed_table.papers[feedback.liked])
    found[feedback.likes.owner[own >= 0], own[own >= 0]] = 0  # the subscriber is one of those who liked it
    scale = 1 / np.sqrt(np.mean(np.square(found), axis=1) + np.float32(DOUBT**2))
    found *= scale[:, None]
    return np.minimum(found, np.float32(MOST), out=found)


def evidence(candidates: CandidateSet, profiles: Profiles) -> SparseValues:  # noqa: ARG001  # the interface of all signals
    """Return none: likes of others match no interest."""
    return no_values()


def explain(candidates: CandidateSet, profiles: Profiles, at: Cells) -> ReasonEvidence | None:
    """Return a reason where at least LEAST_PEOPLE people with similar likes liked the paper."""
    community = candidates.community
    if community.is_empty:
        return None
    people = np.zeros(len(at), dtype=np.intp)
    told = np.flatnonzero(score(candidates, profiles)[at.rows, at.columns] >= TOLD)
    rows, row = np.unique(at.rows[told], return_inverse=True)
    people[told] = community.count_similar(_shares(candidates, profiles)[rows], SHARED)[row, at.columns[told]]

    def said(k: int) -> Words:  # noqa: ARG001  # the same for all
        return "", ()

    return ReasonEvidence(ReasonKind.CO_LIKES, (people >= LEAST_PEOPLE).astype(np.float32), said, np.zeros_like(people))


def _shares(candidates: CandidateSet, profiles: Profiles) -> Sparse:
    """Return the weight of each liked paper for each subscriber (n, p + 1): 1 / √(number of likes)."""
    community, feedback = candidates.community, profiles.feedback
    rows = community.rows(feedback.seed_table.papers[feedback.liked])
    weights = (1 / np.sqrt(np.maximum(feedback.likes.sizes, 1))).astype(np.float32)[feedback.likes.owner]
    return feedback.likes.summing(weights, rows, len(community.papers) + 1)
