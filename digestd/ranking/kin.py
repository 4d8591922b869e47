"""Kin: papers of the pool that come from the same people as another paper: an author in common."""

from collections.abc import Sequence

from digestd.ranking.lookup import Lookup

CROWD = 50
"""A paper by more authors than this is nobody's in particular."""


def kin(lookup: Lookup, authors: Sequence[str]) -> frozenset[int]:
    """The positions in the pool of a paper's kin; itself, where it is there."""
    named = authors if len(authors) <= CROWD else ()
    return frozenset().union(*(lookup.author(name).keys() for name in named))
