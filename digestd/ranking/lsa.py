"""Latent semantic analysis: the axes of the latent space and the inverse of its shrunk covariance."""

from collections.abc import Iterable

import numpy as np

from digestd.ranking.arrays import Doubles, Floats, Sparse

DIMS = 200
OVERSAMPLING = 10
POWER_STEPS = 4
TERMS = 60_000
"""Only the commonest terms span the space."""
DEPENDENT = 1e-9
"""Directions with less than this share of the largest squared length are rounding errors."""
SHRINK = 0.6
"""Share of the covariance replaced by its mean variance; measured best for libraries with several interests."""


def components(rows: Sparse, seed: int) -> Floats:
    """Return the axes (V, d), d ≤ 200 and smaller than both dimensions of `rows` (n, V)."""
    dims = min(DIMS, min(rows.shape) - 1)
    if dims < 1:
        return np.zeros((rows.shape[1], 0), dtype=np.float32)
    return _axes(rows, dims, seed)


def _axes(rows: Sparse, dims: int, seed: int) -> Floats:
    """Approximate the first right singular vectors (V, dims) of `rows`.

    Randomised subspace iteration: Halko, Martinsson & Tropp 2011, algorithms 4.4 and 5.1. For 9,868 texts it takes
    9 s of CPU; scipy.linalg.qr instead of `_orthonormal` takes 17 s, and scipy.sparse.linalg.svds 27 s.
    """
    sketch = min(dims + OVERSAMPLING, min(rows.shape))
    basis = np.random.default_rng(seed).standard_normal((rows.shape[0], sketch)).astype(np.float32)
    for _ in range(POWER_STEPS):
        basis = _orthonormal(rows @ (rows.T @ basis))
    wide = _orthonormal(rows.T @ basis)
    inside = rows @ wide
    turn = np.linalg.eigh((inside.T @ inside).astype(np.float64))[1][:, ::-1][:, :dims]
    axes: Floats = wide @ turn.astype(np.float32)
    return axes


def _orthonormal(columns: Floats) -> Floats:
    """Orthonormalise columns (…, s); dependent ones become 0.

    Uses the eigenvectors of the Gram matrix, twice because of rounding: NumPy's QR works in double precision only.
    """
    for _ in range(2):
        values, turn = np.linalg.eigh((columns.T @ columns).astype(np.float64))
        scale = np.where(values > DEPENDENT * values.max(initial=0), 1 / np.sqrt(np.maximum(values, 1e-30)), 0)
        columns = columns @ (turn * scale).astype(np.float32)
    return columns


def spread(blocks: Iterable[Floats], dims: int) -> tuple[Floats, Doubles]:
    """Return the mean (d,) and covariance (d, d) of latent vectors given in blocks (…, d); zeros for none."""
    size, total, squares = 0, np.zeros(dims), np.zeros((dims, dims))
    for block in blocks:
        exact = block.astype(np.float64)
        size, total, squares = size + len(exact), total + exact.sum(axis=0), squares + exact.T @ exact
    mean = total / max(size, 1)
    return mean.astype(np.float32), squares / max(size, 1) - np.outer(mean, mean)


def precision(cov: Doubles) -> Floats:
    """Return (.4 Σ + .6 tr(Σ)/d I)⁻¹ of the covariance Σ (d, d), scaled to mean variance 1.

    This is the metric of linear discriminant analysis. The identity if nothing varies.
    """
    dims = len(cov)
    scale = np.trace(cov) / max(dims, 1)
    if scale <= 1e-12:
        return np.eye(dims, dtype=np.float32)
    inverse: Floats = np.linalg.inv((1 - SHRINK) * cov / scale + SHRINK * np.eye(dims)).astype(np.float32)
    return inverse
