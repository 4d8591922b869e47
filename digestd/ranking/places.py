"""Institutions and venues: what subscribers follow, found in what papers say, which name both in many ways.

An institution is found as a run of words ("DeepMind" in "Google DeepMind"), a venue as a whole ("Nature" is not
"Nature Communications"). Both are found by initials, by an abbreviation of each word ("Phys. Rev. Lett.") and by the
other names in places.txt; an institution also by its ROR id, which follows the name where a source gives it.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

from digestd.domain.paper import ROR, institution_name
from digestd.text.scripts import fold

_SMALL = frozenset(["an", "and", "at", "for", "from", "in", "of", "on", "the"]).union(
    ["de", "des", "du", "d", "la", "le", "les", "l", "et", "der", "die", "das", "fur", "und", "y", "e", "da", "do"]
)
_WORD = re.compile(r"[^\W_]+\.?")
_EDITION = re.compile(
    r"\d+(?:st|nd|rd|th)?|twenty|thirt(?:y|ieth)|fort(?:y|ieth)|\w+(?:teen|ieth|irst|econd|fth|venth|nth)|proceedings|proc"
    r"|annual|meeting|conference|international|volume|vol|long|short|papers?|main|track|poster|oral|spotlight|accepted"
    r"|submitted|submission"
)
"""Words of a volume that do not name the venue."""
_INITIALS_MIN = 4
"""Letters of initials that name one institution; three name several ("MIT")."""
_PART_MIN = 3
"""Words of a venue that name it although others stand beside them."""
_SOUGHT = 3
"""Letters by which names are looked up; an abbreviation has as many."""

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """The institutions or venues of the day's papers.

    Attributes:
        papers: As written → the papers.
        starts: First letters of a word → the names with such a word.
        initials: Initials → the names.
        is_named: Whether sought words name what written words do.
    """

    papers: Mapping[str, Sequence[int]]
    starts: Mapping[str, Sequence[str]]
    initials: Mapping[str, Sequence[str]]
    is_named: Callable[[Words, Words], bool]

    def find(self, name: str) -> dict[int, str]:
        """Return the papers of this institution or venue, each with the name as written there."""
        found: dict[int, str] = {}
        for form in other_names().get(_key(name), (name,)):
            sought = _words(form)
            if not sought:
                continue
            written = [one for one in self.starts.get(sought[0][:_SOUGHT], ()) if self.is_named(sought, _words(one))]
            if len(sought) == 1 and len(form) >= _INITIALS_MIN and form.isupper():
                written += self.initials.get(sought[0], ())
            for one in written:
                for paper in self.papers[one]:
                    found.setdefault(paper, institution_name(one))
        return found


def index_institutions(names: Iterable[tuple[int, str]]) -> Places:
    """Index the (paper, name) pairs of the authors' institutions."""
    return _index(names, _is_part)


def index_venues(names: Iterable[tuple[int, str]]) -> Places:
    """Index the (paper, name) pairs of journals and conferences."""
    return _index(names, _is_venue)


@cache
def other_names() -> Mapping[str, Sequence[str]]:
    """Return all names of what has several, by each of them."""
    text = files("digestd.ranking").joinpath("places.txt").read_text(encoding="utf-8")
    lines = [line.split(" | ") for line in text.splitlines() if line and not line.startswith("#")]
    return {_key(name): names for names in lines for name in names}


def _index(names: Iterable[tuple[int, str]], is_named: Callable[[Words, Words], bool]) -> Places:
    papers: defaultdict[str, list[int]] = defaultdict(list)
    starts: defaultdict[str, list[str]] = defaultdict(list)
    initials: defaultdict[str, list[str]] = defaultdict(list)
    for paper, name in names:
        if name not in papers:
            for start in {word[:_SOUGHT] for word in _words(name)}:
                starts[start].append(name)
            named = institution_name(name)
            for letters in {"".join(word[0] for word in _words(part)) for part in (named, *named.split(","))}:
                initials[letters].append(name)
        papers[name].append(paper)
    return Places(papers, starts, initials, is_named)


def _key(name: str) -> str:
    return " ".join(_words(name))


@lru_cache(maxsize=20_000)
def _words(name: str) -> Words:
    """Return the words of a name but for small ones, folded. Abbreviations keep their full stop; a ROR id is a word."""
    return tuple(word for word in _WORD.findall(fold(name.replace(ROR, " "))) if word.rstrip(".") not in _SMALL)


def _is_part(sought: Words, written: Words) -> bool:
    """Return True if the sought words stand in the written ones, one after the other."""
    last = len(written) - len(sought)
    return any(_are_same(sought, written[start : start + len(sought)]) for start in range(last + 1))


def _is_venue(sought: Words, written: Words) -> bool:
    """Return True if the sought words are the written ones but for those of a volume, or are many, or an acronym."""
    named, wanted = _without_edition(written), _without_edition(sought)
    if len(named) == len(wanted) and _are_same(wanted, named):
        return True
    is_acronym = len(wanted) == 1 and _key(wanted[0]) in _acronyms()
    return (is_acronym or len(wanted) >= _PART_MIN) and _is_part(wanted, named)


@cache
def _acronyms() -> frozenset[str]:
    """Return the names that are one word with two capitals, which no other venue has as a word."""
    names = (name for names in other_names().values() for name in names)
    return frozenset(_key(name) for name in names if " " not in name and sum(map(str.isupper, name)) > 1)


def _without_edition(words: Words) -> Words:
    return tuple(word for word in words if not _EDITION.fullmatch(word.rstrip("."))) or words


def _are_same(sought: Words, written: Words) -> bool:
    return all(_is_same(*pair) for pair in zip(sought, written, strict=True))


def _is_same(one: str, other: str) -> bool:
    """Return True if two words are equal, or one abbreviates the other."""
    if one.endswith(".") or other.endswith("."):
        short, long = sorted((one.rstrip("."), other.rstrip(".")), key=len)
        return long.startswith(short)
    return one == other
