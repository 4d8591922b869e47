"""Feedback matrix: the likes and dislikes of a block of subscribers, as rows of one seed table."""

from dataclasses import dataclass

import numpy as np

from digestd.ranking.arrays import Floats, Groups, Ints, grouped
from digestd.ranking.seeds import SeedTable


@dataclass(frozen=True, slots=True, eq=False)
class FeedbackMatrix:
    """Likes and dislikes of n subscribers.

    Attributes:
        seed_table: The encoded seeds.
        likes, liked: Owner and table row of each like.
        seeds, places: Owner and table row of each like or dislike.
        dual_weights: Weight of each in the kernel ridge regression.
        centroid_weights: Weight of each in the LSA centroid.
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
        """Return the subscribers with likes."""
        return np.flatnonzero(self.likes.sizes)

    def sum(self, weights: Floats, table: Floats) -> Floats:
        """Return the weighted sum of table rows per subscriber in `rows`: (len(rows), columns of the table)."""
        total: Floats = grouped(self.seeds.sizes[self.rows]).summing(weights, self.places, len(table)) @ table
        return total
