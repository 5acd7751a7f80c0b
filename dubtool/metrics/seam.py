"""Whether the edge of the blended region shows."""

from __future__ import annotations

import cv2
import numpy as np

from dubtool.metrics.pixels import luma

# Half a ring's width: the pixels on both sides of the edge, and their neighbours.
_REACH = 1.5


def edge_gradient(image: np.ndarray, region: np.ndarray) -> float:
    """Mean absolute gradient of the luma across the edge of `region`, grey levels per px.

    mean |g . n| over the ring of pixels within 1.5 px of the edge, g by central differences, n the edge's normal.
    image: [H, W, 3] or [H, W], 0..255. region: bool [H, W]. Not a number where the region has no edge.
    """
    distance = _signed_distance(region)
    ring = np.abs(distance) <= _REACH
    if not ring.any():
        return float("nan")
    normal_y, normal_x = np.gradient(cv2.GaussianBlur(distance, (0, 0), 1.0))
    length = np.maximum(np.hypot(normal_x, normal_y), 1e-6)
    slope_y, slope_x = np.gradient(luma(image))
    across = (slope_x * normal_x + slope_y * normal_y) / length
    return float(np.mean(np.abs(across[ring])))


def _signed_distance(region: np.ndarray) -> np.ndarray:
    """Distance of each pixel's centre to the edge between region (positive) and rest (negative), px: float32 [H, W]."""
    inside = region.astype(np.uint8)
    into = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    away = cv2.distanceTransform(1 - inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.where(inside > 0, into - 0.5, 0.5 - away).astype(np.float32)
