"""Where a portrait is cropped for reenactment: a square that holds the whole head and some neck.

Axis-aligned, so that the way back into the picture is a plain enlargement; a head that leans does so in the crop too.
"""

from __future__ import annotations

import numpy as np

# Of the crop, in larger sides of the landmarks' bounding box, which ends at the hairline.
_SIDE = 1.75
# How far the crop's centre lies above the box's: hair takes more room than neck.
_RISE = 0.08


def portrait_crop(landmarks: np.ndarray, side: int, pixel_aspect: float = 1.0) -> np.ndarray:
    """Affine matrix float64 [2, 3] from picture to crop px of the crop `side` px wide and high.

    landmarks: [N, 2 or more] in picture px, the 478 of one face. pixel_aspect: a pixel's width over its height; the
    crop's pixels are square.
    """
    stretch = np.array([pixel_aspect, 1.0])
    points = landmarks[:, :2].astype(np.float64) * stretch
    low, high = points.min(axis=0), points.max(axis=0)
    size = max(float((high - low).max()), 1.0)
    centre = (low + high) / 2 - (0.0, _RISE * size)
    scale = side / (_SIDE * size)
    linear = np.diag(scale * stretch)
    return np.concatenate([linear, ((side - 1) / 2 - scale * centre)[:, None]], axis=1)


def rescaled(landmarks: np.ndarray, scale: float) -> np.ndarray:
    """Landmarks float32 [..., 3] in px of a crop, in px of the same crop `scale` times as large."""
    return (landmarks * scale + np.array([0.5, 0.5, 0.0]) * (scale - 1)).astype(np.float32)
