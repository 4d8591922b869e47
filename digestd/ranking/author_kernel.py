"""Author kernel: shared authors as part of the kernel that likes are learnt with.

k(x, z) = words(x)·words(z) + AUTHOR_SHARE · authors(x)·authors(z), where each of a paper's n authors counts 1/√n.
People return to what they wrote about, and the regression learns by itself that an author of many liked papers tells
more than an author of one. The shared negative examples have no authors here: hardly any would match.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from digestd.ranking.arrays import Floats, Ints, Sparse, stacked
from digestd.text.people import PersonName, parse_person_name

AUTHOR_SHARE = 0.3
"""Weight of authors against words. .2 to .4 measured alike; 0 costs .011 [.002, .020] nDCG@10 with five likes."""
MAX_AUTHORS = 50
"""Papers with more authors say nothing about any one of them."""


@dataclass(frozen=True, slots=True, eq=False)
class AuthorKernel:
    """Author numbers, the candidates' authors first.

    `papers` (m, P): the weighted authors of each candidate.
    """

    papers: Sparse
    _known: dict[str, int] = field(default_factory=dict)

    def numbers(self, authors: Sequence[str]) -> Ints:
        """Return the numbers of a paper's authors, assigning new ones as needed."""
        return _author_numbers(self._known, authors)

    def author_products(self, numbers: Sequence[Ints], weights: Sequence[Floats]) -> Sparse:
        """Return the author part of the kernel between k papers and the candidates (k, m).

        Args:
            numbers: Author numbers of each paper.
            weights: Author weights of each paper.
        """
        width = self.papers.shape[1]
        products: Sparse = stacked(numbers, weights, max(width, len(self._known)))[:, :width] @ self.papers.T
        return products


def build_author_kernel(authors: Sequence[Sequence[str]]) -> AuthorKernel:
    known: dict[str, int] = {}
    each = [_author_numbers(known, names) for names in authors]
    return AuthorKernel(stacked(each, [author_weights(numbers) for numbers in each], len(known)), known)


def author_weights(authors: Ints) -> Floats:
    """Return the weight of each author of a paper in the kernel: √(AUTHOR_SHARE/n)."""
    return np.full(len(authors), np.sqrt(AUTHOR_SHARE / max(len(authors), 1)), dtype=np.float32)


def author_keys(authors: Iterable[str]) -> list[str]:
    """Return the distinct authors as surname plus first given name or all initials.

    The list is empty if there are more than MAX_AUTHORS.
    """
    found = dict.fromkeys(_key(name) for name in map(parse_person_name, authors) if name)
    return list(found) if len(found) <= MAX_AUTHORS else []


def _author_numbers(known: dict[str, int], authors: Sequence[str]) -> Ints:
    return np.array([known.setdefault(name, len(known)) for name in author_keys(authors)], dtype=np.intp)


def _key(name: PersonName) -> str:
    has_initials = name.given[:1] != () and len(name.given[0]) == 1
    return " ".join([name.surname, *(name.given if has_initials else name.given[:1])])
