"""Followed authors."""

import numpy as np

from digestd.domain.digest import ReasonKind
from digestd.ranking.arrays import Cells
from digestd.ranking.candidates import CandidateSet
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import ReasonEvidence, SparseValues, Words, sparse_values

NAME = "author"


def score(candidates: CandidateSet, profiles: Profiles) -> SparseValues:  # noqa: ARG001  # the interface of all signals
    """Return 1 for papers by a followed author."""
    return sparse_values(profiles.authors)


evidence = score


def explain(candidates: CandidateSet, profiles: Profiles, at: Cells) -> ReasonEvidence:
    """Return the first author as followed, and all followed ones as written in the paper."""
    found = profiles.authors.cells.find(at, len(candidates))

    def words(k: int) -> Words:
        row, column = int(at.rows[k]), int(at.columns[k])
        matches = profiles.authors.at(row, column)
        return matches[0].value, tuple(dict.fromkeys(match.written[column] for match in matches))

    return ReasonEvidence(ReasonKind.AUTHOR, (found >= 0).astype(np.float32), words, found)
