"""Literal matches between papers and the named interests of subscribers."""

from dataclasses import dataclass

import numpy as np

from digestd.ranking.arrays import Bools, Ints
from digestd.ranking.profile import Profiles


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
    about = topics.subjects.about
    kinds = [profiles.phrases, profiles.authors, profiles.categories]
    return InterestMatches(
        owner=np.concatenate([topics.of.owner, *(kind.owner for kind in kinds)]),
        by=np.concatenate(
            [about.to_dense(1, (len(topics.of.owner), width)) > 0, *(kind.standing(width) for kind in kinds)]
        ),
    )
