"""The negative prior.

Kernel ridge regression on negatives that all subscribers share, solved once per run.

Kernel ridge regression with targets −1 on b archive texts and ±1 on a subscriber's k papers is a Gaussian-process
posterior (Rasmussen & Williams 2006, eq. 2.25). Conditioning on the archive texts first (a Schur complement)
leaves a k × k system per subscriber instead of (b + k) × (b + k):

    B = K_bb + λ/C_b I = L Lᵀ       φ(x) = L⁻¹ k_b(x)
    prior(x) = φ(x)ᵀ L⁻¹ (−1)       k'(x, z) = k(x, z) − φ(x)ᵀφ(z),   k(x, z) = x·z + 1

A candidate that is itself one of the archive texts must not count against itself. The leave-one-out value
f₋ᵢ = yᵢ − αᵢ/(B⁻¹)ᵢᵢ (eq. 5.12 there) equals f + 1 times `lift` = 1/(λ/C_b · (B⁻¹)ᵢᵢ), ignoring the
subscriber's small share of that inverse. Without it, citeulike with 20 likes loses .015 nDCG@10.
"""

from dataclasses import dataclass

import numpy as np

from digestd.ranking.arrays import Doubles, Sparse

RIDGE = 3.0
PENALTY = RIDGE / 0.5
"""λ/C of one negative text: with class balance half of the weight lies on some 300 of them, so C = ½."""
SAME = 0.97
"""Two texts with a larger cosine are the same text."""


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
