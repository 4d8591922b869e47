"""Everybody's negatives, solved once: kernel ridge regression conditioned on a shared background.

Kernel ridge regression with targets −1 on b background texts and ±1 on a subscriber's k papers is a
Gaussian-process posterior (Rasmussen & Williams 2006, eq. 2.25); conditioning on the background first
(a Schur complement) leaves a k × k system per subscriber instead of (b + k) × (b + k):

    B = K_bb + λ/C_b I = L Lᵀ       φ(x) = L⁻¹ k_b(x)
    prior(x) = φ(x)ᵀ L⁻¹ (−1)       k'(x, z) = k(x, z) − φ(x)ᵀφ(z),   k(x, z) = x·z + 1

A paper of the pool that is itself background must not count against itself: leaving it out gives
f₋ᵢ = yᵢ − αᵢ/(B⁻¹)ᵢᵢ (eq. 5.12 there), which is f + 1 times `lift` = 1/(λ/C_b · (B⁻¹)ᵢᵢ), the
subscriber's own small part of that inverse neglected.
"""

from dataclasses import dataclass

import numpy as np

from digestd.ranking.arrays import Doubles, Sparse

RIDGE = 3.0
PENALTY = RIDGE / 0.5
"""λ/C of one background text: with class balance, half of all mass lies on some 300 of them, C = ½ each."""
SAME = 0.97
"""A cosine above which two texts are one."""


@dataclass(frozen=True, slots=True, eq=False)
class NegativePrior:
    """`rows` (b, V) TF-IDF, `across` (V, b) the same; `whiten` (b, b) = L⁻ᵀ; `answer` (b,) = L⁻¹ (−1)."""

    rows: Sparse
    across: Sparse
    whiten: Doubles
    answer: Doubles

    def features(self, sparse: Sparse) -> Doubles:
        """φ of n texts: (n, b)."""
        kernel: Doubles = (sparse @ self.across).toarray().astype(np.float64) + 1
        return kernel @ self.whiten

    def prior(self, features: Doubles) -> Doubles:
        """The value of n texts before any like is known: (n,), about −1."""
        return features @ self.answer

    def lift(self, sparse: Sparse) -> Doubles:
        """For n texts, what makes up for standing in the background: (n,), 1 for those that do not."""
        size, texts = self.rows.shape[0], sparse.shape[0]
        if not size:
            return np.ones(texts)
        cosine = (sparse @ self.across).toarray()
        inverse = np.square(self.whiten).sum(axis=1)
        lifts: Doubles = np.where(cosine.max(axis=1) > SAME, 1 / (PENALTY * inverse[cosine.argmax(axis=1)]), 1.0)
        return lifts


def build_negative_prior(rows: Sparse) -> NegativePrior:
    """The background of TF-IDF rows (b, V)."""
    size = rows.shape[0]
    kernel = (rows @ rows.T).toarray().astype(np.float64) + 1 + PENALTY * np.eye(size)
    lower = np.linalg.cholesky(kernel) if size else kernel
    inverse = np.linalg.inv(lower)
    return NegativePrior(rows, rows.T.tocsr(), inverse.T, -inverse.sum(axis=1))
