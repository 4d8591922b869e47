"""Literal matches between papers and the named interests of subscribers."""

from dataclasses import dataclass

import numpy as np

from digestd.ranking.arrays import Bools, Ints
from digestd.ranking.profile import Profiles

MOST = 0.6
"""Share of a topic's idf that must occur in a paper; a reason that names the topic asks for as much."""


@dataclass(frozen=True, slots=True, eq=False)
class InterestMatches:
    """k interests of a block of subscribers.

    `owner` (k,), and `by` (k, m), the papers that match each.

    The interests of one subscriber are in the order topics, phrases, authors, categories.
    """

    owner: Ints
    by: Bools


def match_interests(profiles: Profiles, width: int) -> InterestMatches:
    """Match the interests of a block against m = `width` papers.

    These are liked topics, phrases, authors and categories.

    Phrases, authors and categories without any match are left out.
    """
    topics = profiles.topics
    kinds = [profiles.phrases, profiles.authors, profiles.categories]
    return InterestMatches(
        owner=np.concatenate([topics.of.owner, *(kind.owner for kind in kinds)]),
        by=np.concatenate([topics.covered >= np.float32(MOST), *(kind.standing(width) for kind in kinds)]),
    )
