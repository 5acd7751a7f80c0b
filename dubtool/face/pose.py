"""Head pose: the similarity that carries a head-fixed frame onto the picture, fitted to points speech does not move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Poses:
    """N similarities, head frame to picture: `p = scale * rotation @ q + translation` (weak perspective).

    scale: float64 [N] picture px per head unit (the distance of the outer eye corners). rotation: [N, 3, 3].
    translation: [N, 3] px.
    """

    scale: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray

    def __len__(self) -> int:
        return len(self.scale)

    def __getitem__(self, where: slice | np.ndarray) -> Poses:
        return Poses(self.scale[where], self.rotation[where], self.translation[where])

    def to_picture(self, points: np.ndarray) -> np.ndarray:
        """Head-frame points [N or 1, K, 3] to picture [N, K, 3]."""
        turned = np.matmul(points, self.rotation.transpose(0, 2, 1))
        return turned * self.scale[:, None, None] + self.translation[:, None]

    def to_head(self, points: np.ndarray) -> np.ndarray:
        """Picture points [N, K, 3] to the head frame [N, K, 3]."""
        return np.matmul((points - self.translation[:, None]) / self.scale[:, None, None], self.rotation)

    @property
    def angles(self) -> np.ndarray:
        """Pitch, yaw and roll in degrees [N, 3]; positive: chin up, nose to the picture's right, clockwise."""
        r = self.rotation
        yaw = np.degrees(np.arcsin(np.clip(-r[:, 0, 2], -1, 1)))
        pitch = np.degrees(np.arctan2(-r[:, 1, 2], r[:, 2, 2]))
        roll = np.degrees(np.arctan2(r[:, 1, 0], r[:, 0, 0]))
        return np.stack([-pitch, yaw, roll], axis=1)


def fit_poses(points: np.ndarray, canonical: np.ndarray) -> Poses:
    """Least-squares similarities from `canonical` [K, 3] to each of `points` [N, K, 3].

    Source: S. Umeyama, "Least-squares estimation of transformation parameters between two point patterns", 1991.
    """
    points = points.astype(np.float64)
    canonical = canonical.astype(np.float64)
    middle = points.mean(axis=1)
    canonical_middle = canonical.mean(axis=0)
    centred = points - middle[:, None]
    model = canonical - canonical_middle
    covariance = np.matmul(centred.transpose(0, 2, 1), model) / len(canonical)
    u, d, vt = np.linalg.svd(covariance)
    sign = np.ones((len(points), 3))
    sign[:, 2] = np.sign(np.linalg.det(u) * np.linalg.det(vt))
    rotation = np.matmul(u * sign[:, None, :], vt)
    scale = (d * sign).sum(axis=1) / np.square(model).sum(axis=1).mean()
    translation = middle - scale[:, None] * np.matmul(rotation, canonical_middle)
    return Poses(scale, rotation, translation)
