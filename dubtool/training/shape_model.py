"""Building the head frame and the mouth's modes of movement from tracked people."""

from __future__ import annotations

import numpy as np

from dubtool.face.pose import fit_poses
from dubtool.face.shape import MOUTH, ShapeModel
from dubtool.face.topology import STABLE, tracked

_CORNERS = tracked((33, 263))


def mean_head(points: np.ndarray, rounds: int = 4) -> np.ndarray:
    """The mean head float32 [P, 3] of tracked landmarks [N, P, 3] (generalised Procrustes over the stable points).

    Looking straight ahead on average, origin between the outer eye corners, their distance 1.
    """
    stable = tracked(STABLE)
    mean = points[len(points) // 2].astype(np.float64)
    for _ in range(rounds):
        mean = mean - mean[_CORNERS].mean(axis=0)
        mean /= np.linalg.norm(mean[_CORNERS[1]] - mean[_CORNERS[0]])
        mean = fit_poses(points[:, stable], mean[stable]).to_head(points).mean(axis=0)
    # Turn it so that the face's left-right symmetry plane is x = 0: angles then mean what people expect.
    across = mean[_CORNERS[1]] - mean[_CORNERS[0]]
    right = across / np.linalg.norm(across)
    down = mean[tracked((152,))[0]] - mean[tracked((10,))[0]]
    down -= right * (down @ right)
    down /= np.linalg.norm(down)
    mean = (mean - mean[_CORNERS].mean(axis=0)) @ np.stack([right, down, np.cross(right, down)], axis=1)
    return (mean / np.linalg.norm(mean[_CORNERS[1]] - mean[_CORNERS[0]])).astype(np.float32)


def shape_model(mean: np.ndarray, moved: np.ndarray, modes: int) -> ShapeModel:
    """Principal modes of mouths' deviations from rest, [N, 55, 3] in the head frame (principal component analysis).

    Depth is measured less well than x and y: it weighs a quarter in choosing the modes.
    """
    weight = np.array([1.0, 1.0, 0.25])
    flat = (moved * weight).reshape(len(moved), -1).astype(np.float64)
    # Around zero, not around the mean: zero coefficients must be the mouth at rest.
    values, vectors = np.linalg.eigh(flat.T @ flat / len(flat))
    order = np.argsort(values)[::-1][:modes]
    basis = (vectors[:, order] * np.sqrt(values[order])).T.reshape(modes, len(MOUTH), 3) / weight
    return ShapeModel(mean, basis.astype(np.float32))
