"""Kin: papers that come from the same people: an author in common."""

from collections.abc import Iterable, Sequence

from digestd.ranking.inverted_index import InvertedIndex
from digestd.ranking.person_names import PersonName, parse

CROWD = 50
"""A paper by more authors than this is nobody's in particular."""


def papers_by_coauthors(inverted_index: InvertedIndex, authors: Sequence[str]) -> frozenset[int]:
    """The positions in the pool of a paper's kin; itself, where it is there."""
    named = authors if len(authors) <= CROWD else ()
    return frozenset().union(*(inverted_index.author(name).keys() for name in named))


def author_keys(authors: Iterable[str]) -> list[str]:
    """Who wrote a paper, each once, by surname and first given name, or all initials; nobody where it is a crowd."""
    found = dict.fromkeys(_known_as(name) for name in map(parse, authors) if name)
    return list(found) if len(found) <= CROWD else []


def _known_as(name: PersonName) -> str:
    initials = name.given[:1] != () and len(name.given[0]) == 1
    return " ".join([name.surname, *(name.given if initials else name.given[:1])])
