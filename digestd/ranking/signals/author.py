"""A followed author wrote it."""

from collections.abc import Sequence

from digestd.domain.digest import Why
from digestd.ranking.arrays import Floats
from digestd.ranking.pool import Pool
from digestd.ranking.profile import Profile
from digestd.ranking.signals.base import Evidence, first, hits

NAME = "author"


def score(pool: Pool, profiles: Sequence[Profile]) -> Floats:
    """1 for a paper by a followed author."""
    return hits(pool, profiles, lambda profile: profile.authors)


evidence = score


def explain(pool: Pool, profile: Profile, j: int) -> Evidence | None:  # noqa: ARG001 - every signal is asked alike
    """The author as followed, and as the paper writes the name."""
    match = first(profile.authors, j)
    return Evidence(Why.AUTHOR, 1.0, match.value, (match.written[j],)) if match else None
