"""Which of the subscribers' interests a paper meets: what is named outright, and stands there."""

from dataclasses import dataclass

import numpy as np

from digestd.ranking.arrays import Bools, Ints
from digestd.ranking.profile import Profiles

MOST = 0.6
"""The part of a topic's idf that must stand in a paper: as much as a reason asks that names the topic first."""


@dataclass(frozen=True, slots=True, eq=False)
class InterestMatches:
    """k interests of a block of subscribers: whose each is, `owner` (k,), and which of the m papers meet it,
    `by` (k, m). Those of one subscriber stand in order: topics, phrases, authors, categories."""

    owner: Ints
    by: Bools


def met(profiles: Profiles, width: int) -> InterestMatches:
    """What the m = `width` papers of the day meet of the liked topics, phrases, authors and categories of a block.

    Phrases, authors and categories that none of the day's papers has are left out.
    """
    topics = profiles.topics
    kinds = [profiles.phrases, profiles.authors, profiles.categories]
    return InterestMatches(
        owner=np.concatenate([topics.of.owner, *(kind.owner for kind in kinds)]),
        by=np.concatenate([topics.covered >= np.float32(MOST), *(kind.standing(width) for kind in kinds)]),
    )
