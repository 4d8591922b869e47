"""The latent space: its axes, and the inverse of its shrunk covariance."""

import numpy as np

from digestd.ranking.arrays import Floats, Sparse

DIMS = 200
OVERSAMPLING = 10
POWER_STEPS = 4
TERMS = 60_000
"""The commonest terms span the space; what is rarer has no place in it."""
SHRINK = 0.6
"""Share of the covariance replaced by the mean variance: measured best for libraries of several interests."""


def components(rows: Sparse, seed: int) -> Floats:
    """The axes (V, d), d ≤ 200 and below both sizes of `rows` (n, V)."""
    dims = min(DIMS, min(rows.shape) - 1)
    if dims < 1:
        return np.zeros((rows.shape[1], 0), dtype=np.float32)
    return _axes(rows, dims, seed)


def halved(axes: Floats) -> Floats:
    """In half precision, exactly as they are stored: it halves the file and costs no quality."""
    half: Floats = axes.astype(np.float16).astype(np.float32)
    return half


def _axes(rows: Sparse, dims: int, seed: int) -> Floats:
    """The first right singular vectors (V, dims) of `rows`, nearly.

    Randomised subspace iteration: Halko, Martinsson and Tropp (2011), algorithms 4.4 and 5.1.
    """
    sketch = min(dims + OVERSAMPLING, min(rows.shape))
    basis = np.random.default_rng(seed).standard_normal((rows.shape[0], sketch)).astype(np.float32)
    for _ in range(POWER_STEPS):
        basis = np.linalg.qr(rows @ (rows.T @ basis))[0]
    wide = np.linalg.qr(rows.T @ basis)[0]
    turn = np.linalg.svd(rows @ wide, full_matrices=False)[2][:dims]
    axes: Floats = wide @ turn.T
    return axes


def precision(latent: Floats) -> Floats:
    """(.4 Σ + .6 tr(Σ)/d I)⁻¹ for latent vectors (n, d): the metric of linear discriminant analysis.

    Scaled to mean variance 1; the identity where the vectors do not vary.
    """
    n, dims = latent.shape
    cov = np.cov(latent, rowvar=False, bias=True).reshape(dims, dims) if n > 1 and dims else np.zeros((dims, dims))
    scale = np.trace(cov) / max(dims, 1)
    if scale <= 1e-12:
        return np.eye(dims, dtype=np.float32)
    inverse: Floats = np.linalg.inv((1 - SHRINK) * cov / scale + SHRINK * np.eye(dims)).astype(np.float32)
    return inverse
