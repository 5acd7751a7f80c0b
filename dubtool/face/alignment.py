"""A face laid out as recognition networks want it: eyes, nose and mouth corners at fixed places of a small square."""

from __future__ import annotations

import numpy as np

# Five points in MediaPipe's mesh, in SFace's order: the person's right eye (outer, inner corner), left eye (outer,
# inner), nose tip, right and left corner of the mouth.
IDENTITY_POINTS = (33, 133, 263, 362, 4, 61, 291)
ALIGNED_SIDE = 112
# Where ArcFace and SFace want the five (Deng et al., CVPR 2019), px.
_PLACES = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]], np.float64
)


def five_points(points: np.ndarray) -> np.ndarray:
    """Middles of the eyes, nose tip and corners of the mouth [5, 2] of `IDENTITY_POINTS` [7, 2 or more]."""
    xy = np.asarray(points, np.float64)[:, :2]
    return np.stack([xy[0:2].mean(axis=0), xy[2:4].mean(axis=0), xy[4], xy[5], xy[6]])


def to_aligned(five: np.ndarray) -> np.ndarray:
    """Affine matrix float64 [2, 3] from picture px to the square of `ALIGNED_SIDE` px: the similarity that brings the
    `five_points` nearest to their places (Umeyama 1991)."""
    from_mean, to_mean = five.mean(axis=0), _PLACES.mean(axis=0)
    centred, wanted = five - from_mean, _PLACES - to_mean
    u, sizes, vt = np.linalg.svd(wanted.T @ centred)
    flip = np.array([1.0, np.sign(np.linalg.det(u @ vt))])
    scale = float((sizes * flip).sum() / max(float(np.square(centred).sum()), 1e-9))
    linear = scale * (u * flip) @ vt
    return np.column_stack([linear, to_mean - linear @ from_mean])
