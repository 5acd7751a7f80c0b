"""Choosing reference pictures: sharp, frontal, spread over mouth openings, the same on every run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from dubtool.tracking.motion import FaceMotion

REFERENCES = 5
_CANDIDATES_EACH = 4


def reference_candidates(
    motion: FaceMotion, allowed: np.ndarray | None = None, count: int = REFERENCES
) -> list[np.ndarray]:
    """For each of `count` openings, rows worth a look [n <= 4], most frontal first.

    allowed: bool, the rows of the motion to choose from, one at least; all if None.

    The rows are sorted by opening and cut into equal parts, so that closed, half open and open mouths are all
    there as far as the person ever shows them.
    """
    allowed = np.ones(len(motion.frames), bool) if allowed is None else allowed
    rows = np.flatnonzero(allowed & ~motion.covered)
    if len(rows) < count:
        rows = np.flatnonzero(allowed)
    # How far the head is turned from where it mostly looks: what the frames to be made look like.
    turned = np.abs(motion.angles[:, :2] - np.median(motion.angles[rows, :2], axis=0)).max(axis=1)
    straight = rows[turned[rows] <= np.quantile(turned[rows], 0.7)]
    straight = straight[np.argsort(motion.opening[straight], kind="stable")]
    parts = np.array_split(straight, count) if len(straight) >= count else [straight] * count
    return [part[np.argsort(turned[part], kind="stable")][: _CANDIDATES_EACH * 4 : 4] for part in parts]


def sharpness(crop: np.ndarray) -> float:
    """Variance of the Laplacian of the crop's luma (uint8 RGB [H, W, 3])."""
    return float(cv2.Laplacian(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), cv2.CV_32F).var())


def sharpest(candidates: Sequence[np.ndarray], crops: Mapping[int, np.ndarray]) -> list[int]:
    """Of each part of the candidates the row whose crop is sharpest."""
    return [max(part.tolist(), key=lambda row: sharpness(crops[row])) for part in candidates]
