"""How much two abstracts say the same, and whether they say it of the same thing. Pure."""

from dataclasses import dataclass
from functools import lru_cache

from digestd.domain.paper import Words
from digestd.ingest.likeness_titles import bare
from digestd.ingest.normalization import STOP, content, folded, title_words, words

SHINGLE = 3
LENGTH_MIN = 12
"""Words below which an abstract says nothing for or against."""
BEGINNING = 200
"""Characters from which the first words are taken."""
_BEGIN_WORDS = 10


@dataclass(frozen=True, slots=True)
class Abstracts:
    """`held`: the share of the shorter one's runs of three words that stand in the longer too; `words`: the same
    for words that carry meaning. `length`: words of the shorter; 0 where one is missing.
    """

    held: float = 0.0
    words: float = 0.0
    length: int = 0
    figures_differ: bool = False

    @property
    def known(self) -> bool:
        """Whether both are there."""
        return self.length >= LENGTH_MIN

    @property
    def verbatim(self) -> bool:
        """Word for word, as a copy is."""
        return self.known and self.held >= 0.9

    @property
    def same(self) -> bool:
        """A version of the same text."""
        return self.length >= 20 and self.held >= 0.7

    @property
    def alike(self) -> bool:
        """On the same, perhaps written anew."""
        return self.known and (self.held >= 0.3 or self.words >= 0.5)

    @property
    def unlike(self) -> bool:
        """On something else."""
        return self.length >= 25 and self.held < 0.1 and self.words < 0.25

    def say(self) -> str:
        """In words."""
        return f"abstracts {self.held:.0%} alike" if self.known else "no abstracts to compare"


def compare_abstracts(one: str, other: str) -> Abstracts:
    """How much two abstracts have in common."""
    mine, theirs = _words(one), _words(other)
    short, long = sorted((mine, theirs), key=len)
    if len(short) < LENGTH_MIN:
        return Abstracts()
    runs, all_runs = _runs(short), _runs(long)
    said, all_said = set(content(short)), set(content(long))
    figures, all_figures = _figures(short), _figures(long)
    return Abstracts(
        held=len(runs & all_runs) / len(runs),
        words=len(said & all_said) / len(said) if said else 0.0,
        length=len(short),
        figures_differ=len(figures - all_figures) > 1 and len(all_figures - figures) > 1,
    )


def other_subject(one: Words, other: Words) -> bool:
    """Whether what only one title names stands in its abstract in the place of something else.

    As `in mice` and `in rats`, where all the rest may agree word for word.
    """
    mine, theirs = _named(one.title), _named(other.title)
    said, heard = set(content(_words(one.abstract))), set(content(_words(other.abstract)))
    is_named = bool((mine - theirs) & (said - heard) or (theirs - mine) & (heard - said))
    return is_named and bool(said - heard) and bool(heard - said)


def start(abstract: str) -> str:
    """The first words of an abstract that carry meaning; empty where it is too short to tell."""
    found = [word for word in words(abstract[:BEGINNING]) if word not in STOP]
    return "".join(found[:_BEGIN_WORDS]) if len(found) >= _BEGIN_WORDS else ""


def _named(title: str) -> set[str]:
    found = content(title_words(bare(title)))
    return {piece for word in found for piece in (word if _is_spaceless(word) else [word])}


@lru_cache(maxsize=2048)
def _words(abstract: str) -> tuple[str, ...]:
    found = words(abstract)
    if abstract.endswith(("…", "...")):
        found = found[:-1]
    return tuple(found) if not _is_spaceless(abstract) else tuple(sign for sign in folded(abstract) if sign.isalnum())


def _is_spaceless(text: str) -> bool:
    """Chinese or Japanese: every sign is taken for a word."""
    return sum(ord(sign) > 0x2E80 for sign in text[:200]) > len(text[:200]) / 3


def _runs(found: tuple[str, ...]) -> set[tuple[str, ...]]:
    return set(zip(*(found[n:] for n in range(SHINGLE)), strict=False))


def _figures(found: tuple[str, ...]) -> set[str]:
    return {word for word in found if any(map(str.isdigit, word))}
