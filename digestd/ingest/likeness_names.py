"""Whether two author lists are the same people, however their names are written. Pure.

`Smith, J.`, `John Smith`, `Smith JA`; `Nagy Péter` and `Péter Nagy`; `Müller`, `Mueller`, `Muller`.
Names in two scripts cannot be compared, which is not to say that they differ.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from digestd.ingest.normalization import folded

COMPARED = 40
"""Names compared of a list; a collaboration of thousands is known by its first."""
_UMLAUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
_TOKEN = re.compile(r"[^\W\d_]+")
_PARTICLES = (
    "van von der den de del della di da dos du la le el al bin ibn ben ter ten te zu zur y e jr sr ii iii phd md "
    "dr prof the and"
)
_SMALL = frozenset(_PARTICLES.split())
_CUT = re.compile(r"\b(?:et\.? al|and others|и др|u\. ?a)\b\.?|^(?:\.\.\.|…|others)$", re.IGNORECASE)
_NOBODY = re.compile(r"\s*(?:anonym|unknown|n/?a$|double.blind|paper under|author\(?s\)?$|nan$|none$)", re.IGNORECASE)


class Authors(IntEnum):
    """What two author lists have in common; higher is more."""

    NOBODY = 0  # people on both sides, none in common
    UNKNOWN = 1  # a list is missing, anonymous, or in another script
    SOME = 2  # some, but not the first
    FIRST = 3  # the first, and too few of the others
    MOST = 4  # the first, and most of the others
    ALL = 5  # the same people, or all that a list cut short names


@dataclass(frozen=True, slots=True)
class _Name:
    """Tokens of a name, each in its spellings; `family`: those before a comma."""

    tokens: tuple[frozenset[str], ...]
    family: frozenset[str]
    latin: bool


def compare(one: Sequence[str], other: Sequence[str]) -> tuple[Authors, int]:
    """What two lists have in common, and how many people."""
    (mine, cut_mine), (theirs, cut_theirs) = people(one), people(other)
    if not mine or not theirs or _name(mine[0]).latin != _name(theirs[0]).latin:
        return Authors.UNKNOWN, 0
    few, many = sorted((mine, theirs), key=len)
    shared = _shared(few[:COMPARED], many[:COMPARED])
    first = same_name(mine[0], theirs[0])
    is_cut = cut_mine if few is mine else cut_theirs
    whole = len(few) == len(many) or (is_cut and first)
    return _degree(shared, min(len(few), COMPARED), len(many), first, whole), shared


def _degree(shared: int, few: int, many: int, first: bool, whole: bool) -> Authors:
    if shared == few and whole:
        return Authors.ALL
    if first and shared >= max(2, 0.6 * few) and few >= 0.5 * min(many, COMPARED):
        return Authors.MOST
    if first:
        return Authors.FIRST
    return Authors.SOME if shared else Authors.NOBODY


def people(names: Sequence[str]) -> tuple[list[str], bool]:
    """The names that are somebody's, and whether the list says that it is cut."""
    kept = [_CUT.sub("", name).strip(" ,;") for name in names[: COMPARED * 4] if not _NOBODY.match(name)]
    return [name for name in kept if name], any(_CUT.search(name) for name in names)


def surname(name: str) -> str:
    """The family name as far as can be told: before a comma, else the last word that is no initial."""
    tokens = _TOKEN.findall(folded(name.partition(",")[0]))
    known: list[str] = [token for token in tokens if token not in _SMALL]
    if "," in name or len(known) < 2:
        return "".join(known)
    last = name.split()[-1].strip(".")
    is_initials = len(known[-1]) == 1 or (last.isupper() and len(last) <= 2)
    return known[0] if is_initials else known[-1]


@lru_cache(maxsize=8192)
def same_name(one: str, other: str) -> bool:
    """Whether two names may be one person's: nothing in them disagrees, and a full word agrees."""
    mine, theirs = _name(one), _name(other)
    if _agree(mine, theirs):
        return True
    return any(
        _agree(a, b)
        for a, b in ((_initials(one), theirs), (mine, _initials(other)))
        if a is not None and b is not None
    )  # fmt: skip


def _shared(few: Sequence[str], many: Sequence[str]) -> int:
    """How many of the few are among the many at most, each of them once (Kuhn 1955, by augmenting paths): whoever is
    looked up first must not decide it."""
    held: dict[int, str] = {}

    def place(name: str, tried: set[int]) -> bool:
        for n in sorted(range(len(many)), key=held.__contains__):
            if n not in tried and same_name(name, many[n]):
                tried.add(n)
                if n not in held or place(held[n], tried):
                    held[n] = name
                    return True
        return False

    return sum(place(name, set()) for name in few)


@lru_cache(maxsize=8192)
def _name(text: str) -> _Name:
    family, comma, _ = text.partition(",")
    tokens = _tokens(text)
    return _Name(
        tuple(tokens),
        frozenset(spelling for token in _tokens(family) for spelling in token) if comma else frozenset(),
        any(spelling.isascii() for token in tokens for spelling in token),
    )


def _tokens(text: str) -> list[frozenset[str]]:
    composed = unicodedata.normalize("NFC", text.replace("'", "").replace("’", "")).lower()
    plain = _TOKEN.findall(folded(text.replace("'", "").replace("’", "") if "\\" not in text else text))
    spelt = _TOKEN.findall(folded(composed.translate(_UMLAUT)))
    pairs = zip(plain, spelt if len(spelt) == len(plain) else plain, strict=True)
    return [frozenset(pair) for pair in pairs if pair[0] not in _SMALL]


@lru_cache(maxsize=8192)
def _initials(text: str) -> _Name | None:
    """PubMed's `Smith JA` as `Smith J A`; None for a name of another form."""
    parts = text.replace(",", " ").split()
    last = parts[-1] if parts else ""
    if len(parts) < 2 or not (1 < len(last) <= 3 and last.isupper() and last.isalpha()):
        return None
    return _name(" ".join([*parts[:-1], *last]))


def _agree(one: _Name, other: _Name) -> bool:
    if not _family_stands(one, other) or not _family_stands(other, one):
        return False
    mine, theirs = list(one.tokens), list(other.tokens)
    common = False
    for token in one.tokens:
        match = next((held for held in theirs if token & held), None)
        if match is not None:
            mine.remove(token)
            theirs.remove(match)
            common = common or max(map(len, token & match)) > 1
    if not common:
        return _glued(one.tokens) & _glued(other.tokens) != set()
    few, many = sorted((mine, theirs), key=len)
    return _begin(few, many) or bool(_glued(few) & _glued(many))


def _family_stands(one: _Name, other: _Name) -> bool:
    """A name before a comma is a whole word of the other name."""
    return not one.family or any(not token.isdisjoint(one.family) for token in other.tokens if max(map(len, token)) > 1)


def _begin(few: Sequence[frozenset[str]], many: Sequence[frozenset[str]]) -> bool:
    """Each of the few is an initial or a short form of one of the many, or the reverse."""
    free = list(many)
    for token in few:
        match = next((held for held in free if _short_of(token, held) or _short_of(held, token)), None)
        if match is None:
            return False
        free.remove(match)
    return True


def _short_of(short: frozenset[str], long: frozenset[str]) -> bool:
    return any(b.startswith(a) and (len(a) == 1 or len(a) >= 3) for a in short for b in long)


def _glued(tokens: Sequence[frozenset[str]]) -> set[str]:
    """`Xiao Ming` as one word, either way round."""
    plain = [min(token) for token in tokens]
    return {"".join(plain), "".join(reversed(plain))} if plain else set()
