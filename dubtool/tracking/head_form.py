"""Whose head it is, by its form alone: no pixels, so light, colour and clothes do not matter.

Landmarks are turned to the front and scaled, and projected on the directions in which people differ most beside what
the same person differs by in speech, expression and pose (linear discriminants, Fisher 1936; whitened within persons).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dubtool.face.pose import fit_poses

# Rows that are worked on at once, so that hours of track need no more memory than minutes.
_BLOCK = 2048


@dataclass(frozen=True)
class HeadForm:
    """head: float32 [P, 3], the mean of all heads, eye corners 1 apart. mean: float32 [2 P], of x and y of aligned
    heads. projection: float32 [2 P, K]."""

    head: np.ndarray
    mean: np.ndarray
    projection: np.ndarray

    @classmethod
    def load(cls, path: Path) -> HeadForm:
        """Read the `.npz` written by `save`."""
        with np.load(path) as stored:
            return cls(*(stored[name].astype(np.float32) for name in ("head", "mean", "projection")))

    def save(self, path: Path) -> None:
        np.savez(path, head=self.head, mean=self.mean, projection=self.projection.astype(np.float16))

    def vectors(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The forms float32 [N, K] of tracked landmarks [N, P, 3], and the heads' yaw in degrees, float32 [N].

        Means of one face's vectors are compared by `likeness`.
        """
        forms = np.empty((len(points), self.projection.shape[1]), np.float32)
        yaw = np.empty(len(points), np.float32)
        for start in range(0, len(points), _BLOCK):
            rows = slice(start, start + _BLOCK)
            poses = fit_poses(points[rows], self.head)
            flat = poses.to_head(points[rows].astype(np.float64))[..., :2].reshape(len(points[rows]), -1)
            forms[rows] = (flat.astype(np.float32) - self.mean) @ self.projection
            yaw[rows] = poses.angles[:, 1]
        return forms, yaw


def likeness(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cosines of forms [..., K], -1..1: strangers' lie around 0."""
    norms = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    return np.asarray((a * b).sum(axis=-1) / np.maximum(norms, 1e-9))
