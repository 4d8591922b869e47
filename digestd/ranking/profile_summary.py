"""A profile summary: words and authors that distinguish a subscriber's likes, to show to them.

It never influences the ranking. A word scores the number of liked papers with it, times the log odds ratio of its
use in liked and other papers (Robertson & Spärck Jones 1976, formula F4, with ½ added to each count).
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
    """A word or a name, and the number of liked papers that have it."""

    value: str
    papers: int


@dataclass(frozen=True, slots=True)
class DocumentFrequencies:
    """The number of texts that contain each stem, among `texts` texts."""

    texts: int
    by_stem: Counter[str]

    @classmethod
    def of(cls, texts: Sequence[str]) -> "DocumentFrequencies":
        return cls(len(texts), Counter(stem for text in surfaces(texts) for stem in text))


def words(liked: Sequence[str], others: DocumentFrequencies, left_out: Iterable[str] = ()) -> list[ProfileTerm]:
    """Return the words that best distinguish liked papers from others.

    Those in `left_out` are excluded.
    """
    spelled = surfaces(liked)
    among = Counter(stem for text in spelled for stem in text)
    known = {stem for text in surfaces(list(left_out)) for stem in text}
    least = 2 if len(liked) >= _SHORT else 1
    scored = {
        stem: count * _weight(count, len(liked), others.by_stem[stem], others.texts)
        for stem, count in among.items()
        if count >= least and stem not in known and len(stem) >= _SHORT
    }
    best = sorted((stem for stem, score in scored.items() if score > 0), key=lambda stem: (-scored[stem], stem))
    return [ProfileTerm(_spelling(stem, spelled), among[stem]) for stem in best[:WORDS]]


def names(authors: Iterable[Sequence[str]], left_out: Iterable[str] = ()) -> list[ProfileTerm]:
    """Return the authors of more than one liked paper, most frequent first.

    Those in `left_out` are excluded.
    """
    known = {name.casefold() for name in left_out}
    counted = Counter(name for each in authors for name in dict.fromkeys(each) if name.casefold() not in known)
    return [ProfileTerm(name, count) for name, count in counted.most_common(NAMES) if count > 1]


def _weight(inside: int, liked: int, outside: int, others: int) -> float:
    here = (inside + 0.5) / (liked - inside + 0.5)
    there = (outside + 0.5) / (others - outside + 0.5)
    return log(here / there)


def _spelling(stem: str, spelled: Sequence[dict[str, str]]) -> str:
    """Return the most frequent spelling in liked papers, in lower case unless it never occurs so."""
    seen = Counter(text[stem] for text in spelled if stem in text)
    small = [word for word in seen if word.islower()]
    return max(small or seen, key=lambda word: (seen[word], word))
