"""Where a face is cropped for a dubbing generator, and back.

DINet's crop (Zhang et al., AAAI 2023, code): with R the face's radius, the crop reaches from one R above the nose
bridge (iBUG 29) to 2.25 R below it and 1.25 R to both sides of the nose's base (iBUG 33). Here it also turns with the
head's roll, follows a changing distance, and may reach over the frame's border.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dubtool.face.pose import Poses
from dubtool.face.topology import IBUG_68, tracked

_TOP = tracked((IBUG_68[29],))[0]
_MIDDLE = tracked((IBUG_68[33],))[0]
_CORNERS = tracked((IBUG_68[48], IBUG_68[54]))
# The paper takes the largest radius of the clip; a quantile is not moved by one bad frame.
_RADIUS_QUANTILE = 0.95


@dataclass(frozen=True)
class CropSize:
    """Sizes of a DINet crop for a mouth box of `mouth` px (64, 128, 256)."""

    mouth: int

    @property
    def width(self) -> int:
        return self.mouth + self.mouth // 4

    @property
    def height(self) -> int:
        return 3 * (self.mouth // 2) + self.mouth // 8

    @property
    def box(self) -> tuple[slice, slice]:
        """Rows and columns of the mouth box."""
        return self.part((0.0, 2.0, -1.0, 1.0))

    def part(self, bounds: tuple[float, float, float, float]) -> tuple[slice, slice]:
        """Rows and columns of a part of the unit crop: top, bottom, left, right in radii."""
        radius = self.mouth / 2
        top, bottom, left, right = bounds
        rows = slice(round(self.mouth / 2 + top * radius), round(self.mouth / 2 + bottom * radius))
        columns = slice(round(self.width / 2 + left * radius), round(self.width / 2 + right * radius))
        return rows, columns


def crop_frames(
    poses: Poses, points: np.ndarray, rows: np.ndarray, mean_head: np.ndarray, pixel_aspect: float = 1.0
) -> np.ndarray:
    """One similarity per frame from picture to unit crop: float64 [N, 2, 3].

    In the unit crop the nose's base is at x = 0, the nose bridge at y = 0, and R = 1.

    poses: of every frame, smoothed. points: tracked landmarks [n, P, 3] of some `rows` [n], for the face's radius
    alone. mean_head: the person's mean head in the head frame [P, 3]; crops hang on it and the pose, so that they do
    not follow the mouth. pixel_aspect: a pixel's width over its height.
    """
    stretch = np.array([pixel_aspect, 1.0])
    anchors = poses.to_picture(mean_head[None, [_MIDDLE, _TOP]])[..., :2] * stretch
    roll = np.arctan2(poses.rotation[:, 1, 0], poses.rotation[:, 0, 0])
    turn = np.stack([np.stack([np.cos(roll), np.sin(roll)], -1), np.stack([-np.sin(roll), np.cos(roll)], -1)], 1)
    upright = np.matmul(anchors, turn.transpose(0, 2, 1))
    seen = np.matmul(points[..., :2] * stretch, turn[rows].transpose(0, 2, 1))
    drop = seen[..., 1].max(axis=1) - seen[:, _TOP, 1]
    width = np.linalg.norm(seen[:, _CORNERS[1]] - seen[:, _CORNERS[0]], axis=-1)
    ratio = np.quantile(np.maximum(drop, width) * 1.05 / 2 / poses.scale[rows], _RADIUS_QUANTILE)
    radius = ratio * poses.scale
    linear = turn / radius[:, None, None] * stretch
    origin = np.stack([upright[:, 0, 0], upright[:, 1, 1]], axis=-1) / radius[:, None]
    return np.concatenate([linear, -origin[..., None]], axis=2)


def to_pixels(unit: np.ndarray, size: CropSize) -> np.ndarray:
    """Affine matrices from picture px to crop px [N, 2, 3], of unit crops [N, 2, 3]."""
    radius = size.mouth / 2
    matrix = unit * radius
    matrix[..., 0, 2] += size.width / 2 - 0.5
    matrix[..., 1, 2] += size.mouth / 2 - 0.5
    return matrix


def apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points [N, K, 2 or more] through affine matrices [N, 2, 3]: [N, K, 2]."""
    return np.matmul(points[..., :2], matrix[..., :2].swapaxes(-1, -2)) + matrix[..., None, :, 2]


def warp(rgb: np.ndarray, matrix: np.ndarray, width: int, height: int) -> np.ndarray:
    """The crop uint8 [height, width, 3] of a picture; beyond its border the border is repeated."""
    # Shrinking by more than two aliases under bilinear sampling; area sampling needs an exact integer prescale.
    shrink = 1.0 / np.sqrt(max(abs(np.linalg.det(matrix[:, :2])), 1e-9))
    if shrink > 2.0:
        return _warp_shrunk(rgb, matrix, width, height, int(shrink))
    return cv2.warpAffine(rgb, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _warp_shrunk(rgb: np.ndarray, matrix: np.ndarray, width: int, height: int, factor: int) -> np.ndarray:
    """`warp` through an intermediate crop `factor` times as large, averaged down."""
    larger = matrix * factor
    larger[:, 2] += (factor - 1) / 2
    size = (width * factor, height * factor)
    crop = cv2.warpAffine(rgb, larger, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cv2.resize(crop, (width, height), interpolation=cv2.INTER_AREA)
