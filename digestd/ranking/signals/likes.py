"""It reads like the papers liked and not like those disliked: kernel ridge regression on TF-IDF."""

from collections.abc import Iterator, Sequence

import numpy as np

from digestd.domain.digest import Why
from digestd.ranking.arrays import Floats, Ints, above, above_one, best_of_groups, stacked
from digestd.ranking.pool import Pool
from digestd.ranking.profile import Profile, Tastes
from digestd.ranking.seeds import Shelf
from digestd.ranking.signals.base import Evidence, blank

NAME = "likes"
NEAR = 0.045
"""TF-IDF cosine above which two papers are alike; of one field 3 % are, of different fields one in a thousand."""


def score(pool: Pool, profiles: Sequence[Profile]) -> Floats:
    """The regression's value: about 1 for a liked paper, −1 for any other; 0 without likes."""
    out = blank(pool, profiles)
    prior = pool.background.prior(pool.features)
    for shelf, rows, tastes in by_shelf(profiles):
        dual = stacked([t.rows for t in tastes], [t.weights for t in tastes], len(shelf.rows))
        total = np.array([[t.weights.sum()] for t in tastes])
        value = prior + dual @ shelf.cosine + total - (dual @ shelf.features) @ pool.features.T
        out[rows] = (value + 1) * pool.lift - 1
    return out


def evidence(pool: Pool, profiles: Sequence[Profile]) -> Floats:
    """TF-IDF cosine with the nearest like, above the usual."""
    out = blank(pool, profiles)
    for shelf, rows, tastes in by_shelf(profiles):
        cosine = shelf.cosine[np.concatenate([t.likes for t in tastes])]
        out[rows] = above(best_of_groups(cosine, [len(t.likes) for t in tastes]), NEAR)
    return out


def explain(pool: Pool, profile: Profile, j: int) -> Evidence | None:  # noqa: ARG001 - every signal is asked alike
    """The title of the nearest like."""
    if profile.tastes is None:
        return None
    cosine = profile.tastes.shelf.cosine[profile.tastes.likes, j]
    best = int(cosine.argmax())
    strength = above_one(float(cosine[best]), NEAR)
    return Evidence(Why.LIKED, strength, profile.tastes.seeds[best].title) if strength else None


def by_shelf(profiles: Sequence[Profile]) -> Iterator[tuple[Shelf, Ints, list[Tastes]]]:
    """The profiles with likes, a shelf at a time: the shelf, their positions, their tastes."""
    shelves = {id(p.tastes.shelf): p.tastes.shelf for p in profiles if p.tastes}
    for key, shelf in shelves.items():
        found = [(i, p.tastes) for i, p in enumerate(profiles) if p.tastes and id(p.tastes.shelf) == key]
        yield shelf, np.array([i for i, _ in found], dtype=np.intp), [tastes for _, tastes in found]
