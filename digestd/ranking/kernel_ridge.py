"""Kernel ridge regression on likes and dislikes, with negative examples that all subscribers share.

The kernel: k(x, z) = words(x)·words(z) + 1 + AUTHOR_SHARE · authors(x)·authors(z), where words are TF-IDF rows and each
of a paper's n authors counts 1/√n. People return to what they wrote about, and the regression learns by itself that an
author of many liked papers tells more than an author of one. The shared negative examples have no authors here: hardly
any would match.

The negative prior: kernel ridge regression with targets −1 on b archive texts and ±1 on a subscriber's k papers is a
Gaussian-process posterior (Rasmussen & Williams 2006, eq. 2.25). Conditioning on the archive texts first (a Schur
complement), once per run, leaves a k × k system per subscriber instead of (b + k) × (b + k):

    B = K_bb + λ/C_b I = L Lᵀ       φ(x) = L⁻¹ k_b(x)
    prior(x) = φ(x)ᵀ L⁻¹ (−1)       k'(x, z) = k(x, z) − φ(x)ᵀφ(z)

A candidate that is itself one of the archive texts must not count against itself. The leave-one-out value
f₋ᵢ = yᵢ − αᵢ/(B⁻¹)ᵢᵢ (eq. 5.12 there) equals f + 1 times `lift` = 1/(λ/C_b · (B⁻¹)ᵢᵢ), ignoring the
subscriber's small share of that inverse. Without it, citeulike with 20 likes loses .015 nDCG@10.

Weights: half of the total is on the likes. Of the other half, dislikes get 85 % if there are at least five, else 20 %:
learning from likes against a handful of dislikes alone measured .33 instead of .50 in nDCG@10.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from digestd.ranking.arrays import Columns, Doubles, Floats, Ints, Sparse, sparse, stacked
from digestd.text.people import PersonName, parse_person_name

RIDGE = 3.0
PENALTY = RIDGE / 0.5
"""λ/C of one negative text: with class balance half of the weight lies on some 300 of them, so C = ½."""
SAME = 0.97
"""Two texts with a larger cosine are the same text."""
AUTHOR_SHARE = 0.3
"""Weight of authors against words. .2 to .4 measured alike; 0 costs .011 [.002, .020] nDCG@10 with five likes."""
MAX_AUTHORS = 50
"""Papers with more authors say nothing about any one of them."""
FEW = 16
"""Up to this many seeds, a dense product is faster than a sparse one (36 µs against 95 µs for five)."""
MASS = 150.0
"""Total weight of the negative examples: 300 texts at C = ½."""


@dataclass(frozen=True, slots=True)
class EncodedSeed:
    """One encoded seed.

    Attributes:
        columns, values: TF-IDF row, followed by its authors after the V terms.
        features: (b,) against the shared negative examples.
        author_kernel, author_products: Candidates that share authors with it, and their author kernel.
    """

    title: str
    is_private: bool
    columns: Columns
    values: Floats
    features: Floats
    author_kernel: Columns
    author_products: Floats


@dataclass(frozen=True, slots=True, eq=False)
class NegativePrior:
    """TF-IDF `rows` (b, V) and their transpose `across`; `whiten` (b, b) = L⁻ᵀ.

    `answer` (b,) = L⁻¹ (−1).
    """

    rows: Sparse
    across: Sparse
    whiten: Doubles
    answer: Doubles

    def features(self, sparse: Sparse) -> Doubles:
        """Return φ of n texts: (n, b)."""
        kernel: Doubles = (sparse @ self.across).toarray().astype(np.float64) + 1
        return kernel @ self.whiten

    def prior(self, features: Doubles) -> Doubles:
        """Return the regression value of n texts before any like is known: (n,), about −1."""
        return features @ self.answer

    def lift(self, sparse: Sparse) -> Doubles:
        """Return the leave-one-out factor of n texts (n,).

        It is 1 for texts that are not in the archive sample.
        """
        size, texts = self.rows.shape[0], sparse.shape[0]
        if not size:
            return np.ones(texts)
        cosine = (sparse @ self.across).toarray()
        inverse = np.square(self.whiten).sum(axis=1)
        lifts: Doubles = np.where(cosine.max(axis=1) > SAME, 1 / (PENALTY * inverse[cosine.argmax(axis=1)]), 1.0)
        return lifts


def build_negative_prior(rows: Sparse) -> NegativePrior:
    """Solve for TF-IDF rows (b, V)."""
    size = rows.shape[0]
    kernel = (rows @ rows.T).toarray().astype(np.float64) + 1 + PENALTY * np.eye(size)
    lower = np.linalg.cholesky(kernel) if size else kernel
    inverse = np.linalg.inv(lower)
    return NegativePrior(rows, rows.T.tocsr(), inverse.T, -inverse.sum(axis=1))


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


def dual(negative_prior: NegativePrior, seeds: Sequence[EncodedSeed], likes: int) -> Floats:
    """Return the dual weight of each seed (k,).

    The first `likes` seeds are liked, the others disliked.
    """
    features = np.array([seed.features for seed in seeds], dtype=np.float64)
    kernel = gram(seeds) + 1 - features @ features.T
    kernel[np.diag_indices_from(kernel)] += penalties(likes, len(seeds) - likes)
    target = np.repeat([1.0, -1.0], [likes, len(seeds) - likes])
    return np.linalg.solve(kernel, target - negative_prior.prior(features)).astype(np.float32)


def gram(seeds: Sequence[EncodedSeed]) -> Doubles:
    """Return the kernel between all pairs of seeds, words and authors (k, k)."""
    every, columns = np.unique(np.concatenate([seed.columns for seed in seeds]), return_inverse=True)
    values, ends = np.concatenate([seed.values for seed in seeds]), np.cumsum([len(seed.columns) for seed in seeds])
    rows = sparse(values, columns, np.append(0, ends), len(every))
    if len(seeds) > FEW:
        return (rows @ rows.T).toarray().astype(np.float64)
    dense = rows.toarray().astype(np.float64)
    return dense @ dense.T


def penalties(likes: int, dislikes: int) -> Doubles:
    """Return λ/C of each like, then of each dislike; all seeds of a side share its weight equally."""
    share = 0.0 if not dislikes else 0.85 if dislikes >= 5 else 0.2
    weight = MASS / (1 - share)
    per_dislike = RIDGE * dislikes / (weight * share) if dislikes else 0.0
    return np.repeat([RIDGE * likes / weight, per_dislike], [likes, dislikes])
