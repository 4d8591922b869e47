"""Folk: who wrote a paper, as a part of the kernel that likes are learnt with.

k(x, z) = words(x)·words(z) + SHARE · folk(x)·folk(z), folk being 1/√n for each of a paper's n authors: people
come back to what they wrote of, and an author shared with many likes tells more than one shared with
a single like, which the regression weighs by itself. The background's people are left out: they are few.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from digestd.ranking.arrays import Floats, Ints, Sparse, stacked
from digestd.ranking.person_names import PersonName, parse

SHARE = 0.3
"""Of the same people against the same words: .2 to .4 measured alike, 0 cost .013 with 20 likes."""
MAX_AUTHORS = 50
"""Papers with more authors say nothing about any one of them."""


@dataclass(frozen=True, slots=True, eq=False)
class AuthorKernel:
    """The people met so far, by number, those of the pool first; `papers` (m, P): who wrote each of the pool's."""

    papers: Sparse
    _known: dict[str, int] = field(default_factory=dict)

    def numbers(self, authors: Sequence[str]) -> Ints:
        """The numbers of those who wrote a paper; whoever is new gets one."""
        return _numbers(self._known, authors)

    def author_products(self, author_kernel: Sequence[Ints], each: Sequence[Floats]) -> Sparse:
        """What the people of k papers, by numbers and shares, add to the kernels with those of the pool: (k, m)."""
        width = self.papers.shape[1]
        author_products: Sparse = stacked(author_kernel, each, max(width, len(self._known)))[:, :width] @ self.papers.T
        return author_products


def build_author_kernel(authors: Sequence[Sequence[str]]) -> AuthorKernel:
    """From the authors of each paper of the pool."""
    known: dict[str, int] = {}
    each = [_numbers(known, names) for names in authors]
    return AuthorKernel(stacked(each, [author_weights(who) for who in each], len(known)), known)


def author_weights(who: Ints) -> Floats:
    """What each of a paper's people counts in the kernel: √(SHARE/n)."""
    return np.full(len(who), np.sqrt(SHARE / max(len(who), 1)), dtype=np.float32)


def _numbers(known: dict[str, int], authors: Sequence[str]) -> Ints:
    return np.array([known.setdefault(name, len(known)) for name in author_keys(authors)], dtype=np.intp)


def author_keys(authors: Iterable[str]) -> list[str]:
    """Return the distinct authors as surname plus first given name or all initials; none above MAX_AUTHORS."""
    found = dict.fromkeys(_key(name) for name in map(parse, authors) if name)
    return list(found) if len(found) <= MAX_AUTHORS else []


def _key(name: PersonName) -> str:
    has_initials = name.given[:1] != () and len(name.given[0]) == 1
    return " ".join([name.surname, *(name.given if has_initials else name.given[:1])])
