"""A portrait: the words and names that set what somebody likes apart from everything else, for them to look at.

It is shown, never ranked by. A word counts by how many liked papers have it, times the logarithm of how much
commoner it is among them than among others (with a half added to each count, as in Robertson and Spärck Jones
1976, equation F4).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log

from digestd.ranking.text import surfaces

WORDS = 12
NAMES = 6
_SHORT = 3


@dataclass(frozen=True, slots=True)
class ProfileTerm:
    """A word or a name, and how many liked papers have it."""

    value: str
    papers: int


def words(liked: Sequence[str], others: Sequence[str], left_out: Iterable[str] = ()) -> list[ProfileTerm]:
    """The words that tell liked papers from others, the strongest first; `left_out`: what is not to be named."""
    spelled = surfaces(liked)
    among = Counter(stem for text in spelled for stem in text)
    elsewhere = Counter(stem for text in surfaces(others) for stem in text)
    known = {stem for text in surfaces(list(left_out)) for stem in text}
    least = 2 if len(liked) >= _SHORT else 1
    scored = {
        stem: count * _weight(count, len(liked), elsewhere[stem], len(others))
        for stem, count in among.items()
        if count >= least and stem not in known and len(stem) >= _SHORT
    }
    best = sorted((stem for stem, score in scored.items() if score > 0), key=lambda stem: (-scored[stem], stem))
    return [ProfileTerm(_spelling(stem, spelled), among[stem]) for stem in best[:WORDS]]


def names(authors: Iterable[Sequence[str]], left_out: Iterable[str] = ()) -> list[ProfileTerm]:
    """The authors of more than one liked paper, the most frequent first."""
    known = {name.casefold() for name in left_out}
    counted = Counter(name for each in authors for name in dict.fromkeys(each) if name.casefold() not in known)
    return [ProfileTerm(name, count) for name, count in counted.most_common(NAMES) if count > 1]


def _weight(inside: int, liked: int, outside: int, others: int) -> float:
    here = (inside + 0.5) / (liked - inside + 0.5)
    there = (outside + 0.5) / (others - outside + 0.5)
    return log(here / there)


def _spelling(stem: str, spelled: Sequence[dict[str, str]]) -> str:
    """As the liked papers mostly write it; in small letters unless they never do."""
    seen = Counter(text[stem] for text in spelled if stem in text)
    small = [word for word in seen if word.islower()]
    return max(small or seen, key=lambda word: (seen[word], word))
