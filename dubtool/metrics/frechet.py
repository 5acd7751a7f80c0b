"""How far two sets of pictures are apart as distributions of features."""

from __future__ import annotations

import numpy as np


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Fréchet distance of the normal distributions fitted to features [N, D] and [M, D], N, M >= 2; 0 for equal ones.

    |m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)) (Heusel et al., "GANs trained by a two time-scale update rule",
    NeurIPS 2017, eq. 6; Dowson and Landau 1982). FID is this on 2048 features of Inception v3. Those weights are not to
    be had here: on other features, as AlexNet's 256 means after its last convolution (`frechet_alexnet`), numbers are
    comparable among themselves, not with published FIDs. Both sets should be as large in all rows that are compared:
    the distance of small samples is too large.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    between = np.square(a.mean(axis=0) - b.mean(axis=0)).sum()
    first, second = (np.atleast_2d(np.cov(features, rowvar=False)) for features in (a, b))
    root = _root(first)
    # (C_a C_b)^(1/2) has the trace of (C_a^(1/2) C_b C_a^(1/2))^(1/2), which is symmetric.
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ second @ root), 0.0)).sum()
    return float(max(between + np.trace(first) + np.trace(second) - 2 * shared, 0.0))


def _root(matrix: np.ndarray) -> np.ndarray:
    """The symmetric square root of a covariance."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T)
