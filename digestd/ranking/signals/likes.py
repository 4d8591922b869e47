"""It reads like the papers liked and not like those disliked: kernel ridge regression on TF-IDF."""

import numpy as np

from digestd.ranking.arrays import Cells, Floats, above, grouped, stacked
from digestd.ranking.pool import Pool
from digestd.ranking.profile import Profiles
from digestd.ranking.signals.base import Evidence, blank, liked_at, nearest_of
from digestd.ranking.tastes import Tastes

NAME = "likes"
NEAR = 0.045
"""TF-IDF cosine above which two papers are alike; of one field 3 % are, of different fields one in a thousand."""


def score(pool: Pool, profiles: Profiles) -> Floats:
    """The regression's value: about 1 for a liked paper, −1 for any other; 0 without likes."""
    out, tastes = blank(pool, profiles), profiles.tastes
    values = kernels(pool, tastes)
    values += pool.prior + 1
    values *= pool.lift
    values -= 1
    out[tastes.rows] = values
    return out


def kernels(pool: Pool, tastes: Tastes) -> Floats:
    """The weighted sum of each taste's kernels with the papers, the background being known.

    Kernels are linear in seeds, so seeds are added up first.
    """
    owned = grouped(tastes.seeds.sizes[tastes.rows])
    values = tastes.sum(tastes.duals, tastes.shelf.cosine)
    values -= tastes.sum(tastes.duals, tastes.shelf.features) @ pool.features.T
    values += np.bincount(owned.owner, tastes.duals, len(values)).astype(np.float32)[:, None]
    seeds = [tastes.shelf.seeds[place] for place in tastes.places.tolist()]
    bonds = stacked([seed.folk for seed in seeds], [seed.bonds for seed in seeds], len(pool))
    shared = (owned.summing(tastes.duals) @ bonds).tocoo()
    values[shared.row, shared.col] += shared.data
    return values


def evidence(pool: Pool, profiles: Profiles) -> Floats:  # noqa: ARG001 - every signal is asked alike
    """TF-IDF cosine with the nearest like, above the usual."""
    tastes = profiles.tastes
    return above(tastes.likes.best(tastes.shelf.cosine[tastes.liked]), NEAR)


def explain(pool: Pool, profiles: Profiles, at: Cells) -> Evidence:  # noqa: ARG001 - every signal is asked alike
    """The title of the nearest like."""
    asked, rows = liked_at(profiles, at)
    cosine = profiles.tastes.shelf.cosine[profiles.tastes.liked[rows], at.columns[asked.owner]]
    return nearest_of(profiles, (asked, rows), cosine, NEAR)
