"""Names of people: 'Smith, J.', 'J Smith' and 'Jane Q. Smith' may be one person; 'John Smith' is another."""

import re
from dataclasses import dataclass
from functools import lru_cache

from digestd.ranking.text import fold

_PARTICLES = frozenset(
    [
        *("van", "von", "der", "den", "de", "del", "della", "di", "da", "do", "dos", "das", "du", "la", "le", "ten"),
        *("ter", "bin", "ibn", "al", "el"),
    ]
)
_SUFFIXES = frozenset(["jr", "sr", "ii", "iii", "iv", "phd", "md"])
_PART = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class PersonName:
    """A folded surname and the given names or initials in order."""

    surname: str
    given: tuple[str, ...]


@lru_cache(maxsize=50_000)
def parse(text: str) -> PersonName | None:
    """Parse 'Given Surname', 'Surname, Given' or 'Surname G'; return None if there is no letter."""
    family, comma, given = text.partition(",")
    if comma and _parts(given):
        return _name(f"{given} {family}")
    bare = family.split()
    if len(bare) > 1 and len(bare[-1]) == 1 and len(bare[0]) > 1 and not bare[0].endswith("."):
        return _name(" ".join([*bare[1:], bare[0]]))
    return _name(family)


def same(one: PersonName, other: PersonName) -> bool:
    """Return True if two names may be one person's.

    Surnames must be equal, and given names equal or abbreviations of each other.
    """
    if one.surname != other.surname or bool(one.given) != bool(other.given):
        return False
    return all(_fits(a, b) for a, b in zip(one.given, other.given, strict=False))


def _name(text: str) -> PersonName | None:
    chunks = [(chunk, parts) for chunk in fold(text).split() if (parts := _parts(chunk))]
    if not chunks:
        return None
    given = [part for _, parts in chunks[:-1] for part in parts if part not in _PARTICLES]
    return PersonName("".join(_PART.findall(chunks[-1][0])), tuple(given))


def _parts(text: str) -> list[str]:
    return [part for part in _PART.findall(fold(text)) if part not in _SUFFIXES]


def _fits(one: str, other: str) -> bool:
    return one == other or (1 in (len(one), len(other)) and one[0] == other[0])
