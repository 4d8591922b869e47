"""Institutions and venues: what subscribers follow, found in what papers say, which name both in many ways.

An institution is found at the beginning of a name or of a part of it ("York University" is not in "New York
University"), or anywhere if it is called neither university nor institute ("DeepMind" in "Google DeepMind"). A venue is
found as a whole ("Nature" is not "Nature Communications"), but for volume and edition, by its acronym before a year or
in brackets, or abbreviated word by word ("Phys. Rev. Lett."). places.txt has other names. An institution is also found
by its initials, and by its ROR id, which follows the name where a source gives it.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

from digestd.domain.paper import ROR, institution_name
from digestd.text.scripts import fold

_OF = frozenset(["of", "de", "des", "du", "d", "di", "do", "da"])
_SMALL = _OF.union(
    ["an", "and", "at", "for", "from", "in", "on", "the", "la", "le", "les", "l", "et", "der", "die", "das"],
    ["fur", "und", "y", "e", "zu"],
)
_UNIVERSITIES = frozenset(
    ["university", "universite", "universitat", "universidad", "universidade", "universita", "college"]
)
_INSTITUTES = frozenset(["institute", "institut", "instituto", "ecole", "school", "academy", "academie"])
_SHORT = {"univ": "university", "uni": "university", "inst": "institute"}
_TOKEN = re.compile(r"[^\W_]+(?:['’][^\W\d_]+)?\.?|[,;:()\[\]|–—]")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
_PUBLISHERS = frozenset(["ieee", "acm", "cvf"])
_EDITION = re.compile(
    r"\d+(?:st|nd|rd|th)|(?:\w+[-\s])?(?:\w+teenth|\w+tieth|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)"
    r"|volume|vol|no|proceedings|proc"
)
"""Words of one edition, which do not name the venue."""
_ACRONYM = re.compile(r"\(([A-Z][A-Za-z]*[A-Z][A-Za-z]*)\b|\b([A-Z][A-Za-z]*[A-Z][A-Za-z]*)\s?['’]?\d{2,4}\b")
"""Acronyms in brackets or before a year."""
_OTHER_PART = re.compile(r"workshop|withdrawn|reject|submi", re.IGNORECASE)
"""Words of a part of a conference, or of what is not published there."""
_INITIALS = 4
"""Letters of initials that name one institution; fewer name several ("MIT"), and may be a word ("mit")."""

Words = tuple[str, ...]


class _Word(NamedTuple):
    """A word of an institution's name.

    Attributes:
        text, raw: Folded, and as written.
        opens: Whether a name may begin here: at the start, after a sign, or after a small word.
        follows_of: Whether "of" or the like stands before it.
    """

    text: str
    raw: str
    opens: bool
    follows_of: bool


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """The institutions or venues of the day's papers.

    Attributes:
        papers: As written → the papers.
        keys: A key of a name → the names.
        search: Returns the names that a form of a sought name may mean.
        found: What was found before.
    """

    papers: Mapping[str, Sequence[int]]
    keys: Mapping[str, Sequence[str]]
    search: Callable[["Places", str], Iterable[str]]
    found: dict[str, Mapping[int, str]] = field(default_factory=dict)

    def find(self, name: str) -> Mapping[int, str]:
        """Return the papers of this institution or venue, each with the name as written there."""
        if name not in self.found:
            forms = other_names().get(_key(name), (name,))
            written = dict.fromkeys(one for form in forms for one in self.search(self, form))
            self.found[name] = {paper: institution_name(one) for one in written for paper in self.papers[one]}
        return self.found[name]


def index_institutions(names: Iterable[tuple[int, str]]) -> Places:
    """Index the (paper, name) pairs of the authors' institutions."""
    return _index(names, _institution_keys, _institutions)


def index_venues(names: Iterable[tuple[int, str]]) -> Places:
    """Index the (paper, name) pairs of journals and conferences."""
    return _index(names, _venue_keys, _venues)


@cache
def other_names() -> Mapping[str, Sequence[str]]:
    """Return all names of what has several, by each of them."""
    text = files("digestd.ranking").joinpath("places.txt").read_text(encoding="utf-8")
    lines = [line.split(" | ") for line in text.splitlines() if line and not line.startswith("#")]
    return {_key(name): names for names in lines for name in names}


def _index(
    names: Iterable[tuple[int, str]],
    keys_of: Callable[[str], Iterable[str]],
    search: Callable[[Places, str], Iterable[str]],
) -> Places:
    papers: defaultdict[str, list[int]] = defaultdict(list)
    keys: defaultdict[str, list[str]] = defaultdict(list)
    for paper, name in names:
        if name not in papers:
            for key in set(keys_of(name)):
                keys[key].append(name)
        papers[name].append(paper)
    return Places(papers, keys, search)


def _key(name: str) -> str:
    return " ".join(fold(name).split())


@lru_cache(maxsize=20_000)
def _words(name: str) -> tuple[_Word, ...]:
    """Return the words of an institution's name but for small ones; a ROR id is one of them."""
    found, opens, follows_of = [], True, False
    for raw in _TOKEN.findall(name.replace(ROR, ", ").removeprefix("ror.org/")):
        text = fold(raw).replace("’", "'").rstrip(".")
        if text in _SMALL or not text[0].isalnum():
            opens, follows_of = True, text in _OF
            continue
        found.append(_Word(_SHORT.get(text, text), raw.rstrip("."), opens, follows_of))
        opens = follows_of = False
    return tuple(found)


def _institution_keys(name: str) -> Iterable[str]:
    yield from (word.text for word in _words(name))
    named = institution_name(name)
    for part in (named, *re.split(r"[,(]", named)):
        yield f"initials {''.join(word.text[0] for word in _words(part))}"


def _institutions(places: Places, form: str) -> Iterable[str]:
    if _UNSPACED.search(form) and " " not in form.strip():
        return [name for name in places.papers if form.strip() in name]
    sought = _words(form)
    if not sought:
        return []
    rarest = min((places.keys.get(word.text, ()) for word in sought), key=len)
    found = [name for name in rarest if _is_institution(sought, _words(name))]
    has_initials = len(sought) == 1 and len(form) >= _INITIALS and form.isupper() and _key(form) not in other_names()
    return [*found, *places.keys.get(f"initials {sought[0].text}", ())] if has_initials else found


def _is_institution(sought: Sequence[_Word], written: Sequence[_Word]) -> bool:
    size, texts = len(sought), [word.text for word in sought]
    return any(
        [word.text for word in written[at : at + size]] == texts and _names_whole(sought, written, at)
        for at in range(len(written) - size + 1)
    )


def _names_whole(sought: Sequence[_Word], written: Sequence[_Word], at: int) -> bool:
    """Return True if the words at a place name the sought institution, and not part of the name of another."""
    texts = {word.text for word in sought}
    rest = written[at + len(sought) :][:1]
    if texts & _UNIVERSITIES:
        return written[at].opens and not (rest and rest[0].follows_of)
    if texts & _INSTITUTES:
        is_complete = any(word.follows_of for word in sought) or all(
            word.opens and not word.follows_of for word in rest
        )
        return written[at].opens and is_complete
    is_acronym = len(sought) == 1 and len(sought[0].raw) <= _INITIALS and sought[0].raw.isupper()
    return not is_acronym or written[at].raw == sought[0].raw


def _venue_keys(name: str) -> Iterable[str]:
    if not _OTHER_PART.search(name):
        yield from (f"acronym {(bracketed or dated).lower()}" for bracketed, dated in _ACRONYM.findall(name))
    if words := _venue(name):
        yield f"{words[0][0]} {len(words)}"


def _venues(places: Places, form: str) -> Iterable[str]:
    sought = _venue(form)
    if not sought:
        return []
    alike = places.keys.get(f"{sought[0][0]} {len(sought)}", ())
    found = [name for name in alike if all(map(_is_same, sought, _venue(name))) or sought == _venue(name)]
    return [*found, *places.keys.get(f"acronym {' '.join(sought)}", ())]


@lru_cache(maxsize=20_000)
def _venue(name: str) -> Words:
    """Return the words that name a venue, folded, without its edition, volume, pages and publisher."""
    if _OTHER_PART.search(name):
        return ()
    words: list[str] = []
    for token in _TOKEN.findall(fold(re.sub(r"[(\[].*?[)\]]", " ", name)).replace("–", " ")):
        text = token.rstrip(".")
        if text.isdigit() and words:
            break
        is_small = text in _SMALL and len(text) > 1
        if is_small or text in _PUBLISHERS or _EDITION.fullmatch(text) or not text[0].isalpha():
            continue
        words.append(token)
    return tuple(words)


def _is_same(one: str, other: str) -> bool:
    """Return True if two words are equal, or one abbreviates the other: "Phys.", "Natl.", "Commun"."""
    short, long = sorted((one.rstrip("."), other.rstrip(".")), key=len)
    if short == long:
        return True
    if one.endswith(".") or other.endswith("."):
        letters = iter(long)
        return short[0] == long[0] and all(letter in letters for letter in short)
    return False
