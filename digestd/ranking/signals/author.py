"""A followed author wrote it."""

import numpy as np

from digestd.domain.digest import Why
from digestd.ranking.arrays import Cells
from digestd.ranking.pool import Pool
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import Evidence, Hits, Words, hits

NAME = "author"


def score(pool: Pool, profiles: Profiles) -> Hits:  # noqa: ARG001 - every signal is asked alike
    """1 for a paper by a followed author."""
    return hits(profiles.authors)


evidence = score


def explain(pool: Pool, profiles: Profiles, at: Cells) -> Evidence:
    """The author as followed, and as the paper writes the name."""
    found = profiles.authors.cells.find(at, len(pool))

    def said(k: int) -> Words:
        match = profiles.authors.matches[found[k]]
        return match.value, (match.written[int(at.columns[k])],)

    return Evidence(Why.AUTHOR, (found >= 0).astype(np.float32), said, found)
