"""The latent space: its axes, and the inverse of its shrunk covariance."""

import numpy as np
from sklearn.utils.extmath import randomized_svd

from digestd.ranking.arrays import Floats, Sparse

DIMS = 200
SHRINK = 0.3
"""Share of the covariance replaced by the mean variance: measured best for libraries of several interests."""


def components(rows: Sparse, seed: int) -> Floats:
    """The axes (V, d), d ≤ 200 and below both sizes of `rows` (n, V).

    Kept to half precision, exactly as they are stored: it halves the file and costs no quality.
    """
    dims = min(DIMS, min(rows.shape) - 1)
    if dims < 1:
        return np.zeros((rows.shape[1], 0), dtype=np.float32)
    axes = randomized_svd(rows, n_components=dims, n_iter=4, random_state=seed)[2]
    half: Floats = np.asarray(axes.T, dtype=np.float16).astype(np.float32)
    return half


def precision(latent: Floats) -> Floats:
    """(.7 Σ + .3 tr(Σ)/d I)⁻¹ for latent vectors (n, d): the metric of linear discriminant analysis.

    Scaled to mean variance 1; the identity where the vectors do not vary.
    """
    n, dims = latent.shape
    cov = np.cov(latent, rowvar=False, bias=True).reshape(dims, dims) if n > 1 and dims else np.zeros((dims, dims))
    scale = np.trace(cov) / max(dims, 1)
    if scale <= 1e-12:
        return np.eye(dims, dtype=np.float32)
    inverse: Floats = np.linalg.inv((1 - SHRINK) * cov / scale + SHRINK * np.eye(dims)).astype(np.float32)
    return inverse
