"""Tastes: the likes and dislikes of a block of subscribers, as rows of one shelf."""

from dataclasses import dataclass

import numpy as np

from digestd.ranking.arrays import Floats, Groups, Ints, grouped
from digestd.ranking.seeds import SeedTable


@dataclass(frozen=True, slots=True, eq=False)
class FeedbackMatrix:
    """`likes` and `liked`: whose they are and the place of each on the shelf; all of them: `seeds`, `places`.

    Of each of all: its weight in the ridge regression `duals`, its part of the latent centroid `pulls`.
    `kin`: the (subscriber, paper) where likes share people with a paper; there, `through`: the place of the first
    that does, and `shared`: how many do.
    """

    seed_table: SeedTable
    likes: Groups
    liked: Ints
    seeds: Groups
    places: Ints
    dual_weights: Floats
    centroid_weights: Floats

    @property
    def rows(self) -> Ints:
        """Who likes anything."""
        return np.flatnonzero(self.likes.sizes)

    def sum(self, weights: Floats, table: Floats) -> Floats:
        """Rows of the shelf added up by weight for each of those `rows`: (len(rows), columns of the table)."""
        total: Floats = grouped(self.seeds.sizes[self.rows]).summing(weights, self.places, len(table)) @ table
        return total
