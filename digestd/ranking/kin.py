"""Kin: papers of the pool that come from the same people as another paper.

An author in common, or the owner of the code, model or project page that the text links to.
"""

from collections.abc import Sequence

from digestd.ranking.lookup import NOWHERE, Lookup, homes

CROWD = 50
"""A paper by more authors than this is nobody's in particular."""


def kin(lookup: Lookup, text: str, authors: Sequence[str]) -> frozenset[int]:
    """The positions in the pool of a paper's kin; itself, where it is there."""
    named = authors if len(authors) <= CROWD else ()
    shared = [lookup.author(name).keys() for name in named]
    return frozenset().union(*shared, *(map(int, lookup.homes.get(owner, NOWHERE)) for owner in homes(text)))
