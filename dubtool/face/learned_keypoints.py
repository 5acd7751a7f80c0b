"""Keypoints in 3-D that a network learned, not landmarks: posed, and moved as a driver's have moved.

Source: Wang et al., "One-shot free-view neural talking-head synthesis", CVPR 2021; relative motion by Siarohin et al.,
"First order motion model", NeurIPS 2019. Coordinates are -1..1 from corner to corner of the picture, and in depth.
"""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np

# The constant of the authors' code.
_PI = 3.14


class Posture(NamedTuple):
    """angles: yaw, pitch and roll [3], degrees. translation: [3]. expression: what each keypoint is moved by [K, 3]."""

    angles: np.ndarray
    translation: np.ndarray
    expression: np.ndarray


def posed(canonical: np.ndarray, posture: Posture) -> np.ndarray:
    """Canonical keypoints [K, 3] turned by Rx(pitch) Ry(yaw) Rz(roll), shifted and deformed -> float32 [K, 3]."""
    yaw, pitch, roll = (float(angle) / 180 * _PI for angle in posture.angles)
    about_x = _turn(pitch, 1, 2)
    about_y = _turn(yaw, 2, 0)
    about_z = _turn(roll, 0, 1)
    turned = canonical @ (about_x @ about_y @ about_z).T
    return (turned + posture.translation + posture.expression).astype(np.float32)


def relative_scale(source: np.ndarray, start: np.ndarray) -> float:
    """By what motion from `start` [K, 3] is multiplied to become motion from `source` [K, 3]."""
    return float(np.sqrt(hull_volume(source) / hull_volume(start)))


def hull_volume(points: np.ndarray) -> float:
    """Volume of the convex hull of a few points [N, 3].

    Every triple of points with all others on one side is a facet. That needs no four points in one plane, so they are
    moved apart by a millionth of their spread, which changes the volume as little.
    """
    exact = points.astype(np.float64) - points.mean(axis=0, dtype=np.float64)
    noise = np.random.default_rng(0).standard_normal(exact.shape)
    moved = exact + 1e-6 * np.abs(exact).max() * noise
    triples = np.array(list(combinations(range(len(moved)), 3)))
    a, b, c = (moved[triples[:, corner]] for corner in range(3))
    normal = np.cross(b - a, c - a)
    reach = (normal * a).sum(axis=1)
    heights = normal @ moved.T - reach[:, None]
    np.put_along_axis(heights, triples, 0.0, axis=1)
    facet = (heights >= 0).all(axis=1) | (heights <= 0).all(axis=1)
    # The centroid (the origin) is inside the hull: the tetrahedra from it to the facets fill the hull.
    return float(np.abs(reach[facet]).sum() / 6)


def _turn(angle: float, one: int, other: int) -> np.ndarray:
    """The rotation [3, 3] that takes axis `one` towards axis `other`."""
    matrix = np.eye(3)
    matrix[one, one] = matrix[other, other] = np.cos(angle)
    matrix[other, one] = np.sin(angle)
    matrix[one, other] = -np.sin(angle)
    return matrix
