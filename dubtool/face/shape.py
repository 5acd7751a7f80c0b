"""Mouth shapes: lips and jaw in a head-fixed frame, as a few coefficients around a person's mouth at rest.

The frame's unit is the distance of the outer eye corners. A shape is `rest + sum_k coefficient_k * basis_k`, so what
speech moves is separated from who speaks (rest) and from where the head is (pose).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dubtool.face.pose import Poses, fit_poses
from dubtool.face.topology import INNER_LIP, JAW, OUTER_LIP, STABLE, tracked

MOUTH = OUTER_LIP + INNER_LIP + JAW
_OUTER, _INNER = len(OUTER_LIP), len(INNER_LIP)
# Places among these: the inner lips' middles, above and below, and the chin's tip.
TOP_LIP, BOTTOM_LIP = _OUTER + INNER_LIP.index(13), _OUTER + INNER_LIP.index(14)
CHIN = _OUTER + _INNER + JAW.index(152)
# Of the frames seen from the front, those least open: the mouth at rest, or close to it.
_REST_QUANTILE = 0.15
_FRONTAL_DEGREES = 25.0


@dataclass(frozen=True)
class ShapeModel:
    """The mean head and the mouth's modes of movement.

    mean: float32 [P, 3], every tracked landmark in the head frame. basis: float32 [K, 55, 3], coefficients scaled to
    unit deviation over the training people.
    """

    mean: np.ndarray
    basis: np.ndarray

    @property
    def size(self) -> int:
        """Number of coefficients K."""
        return len(self.basis)

    @classmethod
    def load(cls, path: Path) -> ShapeModel:
        """Read the `.npz` written by `save`."""
        with np.load(path) as stored:
            return cls(stored["mean"], stored["basis"])

    def save(self, path: Path) -> None:
        np.savez(path, mean=self.mean.astype(np.float32), basis=self.basis.astype(np.float32))

    def poses(self, points: np.ndarray) -> Poses:
        """Head poses of tracked points [N, P, 3]."""
        stable = tracked(STABLE)
        return fit_poses(points[:, stable], self.mean[stable])

    def coefficients(self, mouths: np.ndarray, rest: np.ndarray) -> np.ndarray:
        """Least-squares coefficients float32 [N, K] of head-frame mouths [N, 55, 3] around `rest` [55, 3]."""
        solve = np.linalg.pinv(self.basis.reshape(self.size, -1).astype(np.float64)).astype(np.float32)
        # Rest is taken away behind the product: hours of mouths need no copy of themselves.
        here = mouths.reshape(len(mouths), -1).astype(np.float32, copy=False) @ solve
        return here - rest.reshape(-1).astype(np.float32) @ solve

    @property
    def opening(self) -> np.ndarray:
        """How much further each coefficient opens the inner lips' middles: float32 [K], in the frame's unit."""
        return np.asarray(self.basis[:, BOTTOM_LIP, 1] - self.basis[:, TOP_LIP, 1])

    def mouths(self, coefficients: np.ndarray, rest: np.ndarray) -> np.ndarray:
        """Head-frame mouths [N, 55, 3] of coefficients [N, K]."""
        return rest + np.tensordot(coefficients, self.basis, axes=1)


def rest_mouth(mouths: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """A person's mouth at rest [55, 3]: the mean of the least open frontal frames.

    mouths: head frame [N, 55, 3]. angles: degrees [N, 3] as `Poses.angles` gives them.
    """
    frontal = np.abs(angles[:, :2] - np.median(angles[:, :2], axis=0)).max(axis=1) < _FRONTAL_DEGREES
    usable = mouths[frontal] if frontal.any() else mouths
    opening = inner_opening(usable)
    return usable[opening <= np.quantile(opening, _REST_QUANTILE)].mean(axis=0)


def inner_opening(mouths: np.ndarray) -> np.ndarray:
    """Distance of the inner lips' middles (mesh points 13 and 14) [N], in units of the eye corners' distance."""
    return np.linalg.norm(mouths[:, TOP_LIP] - mouths[:, BOTTOM_LIP], axis=-1)


def split_mouth(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outer lip [..., 20, D], inner lip [..., 20, D] and jaw [..., 15, D] of mouth points [..., 55, D]."""
    return points[..., :_OUTER, :], points[..., _OUTER : _OUTER + _INNER, :], points[..., _OUTER + _INNER :, :]
