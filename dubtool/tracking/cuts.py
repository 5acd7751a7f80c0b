"""Cuts between shots, found from tiny copies of neighbouring frames."""

from __future__ import annotations

import cv2
import numpy as np

_SIZE = (48, 27)
# Mean HSV change (0..255) of a hard cut. Content detectors use 27 or so; a head turning stays below 12.
_THRESHOLD = 26.0
# A cut also stands out from the frames around it: pans and flicker do not.
_RATIO = 3.0


class CutDetector:
    """Feed frames in order; tells whether each begins a new shot (content detection in HSV, as PySceneDetect does)."""

    def __init__(self) -> None:
        self._previous: np.ndarray | None = None
        self._usual = 0.0

    def is_cut(self, rgb: np.ndarray) -> bool:
        """True where `rgb` (uint8 [H, W, 3]) starts a new shot. The first frame does not."""
        small = cv2.resize(rgb, _SIZE, interpolation=cv2.INTER_AREA)
        hsv = cv2.cvtColor(small, cv2.COLOR_RGB2HSV).astype(np.float32)
        previous, self._previous = self._previous, hsv
        if previous is None:
            return False
        hue = np.abs(hsv[..., 0] - previous[..., 0])
        # Hue is a circle of 180, and means nothing where there is no colour.
        hue = np.minimum(hue, 180.0 - hue) * np.minimum(hsv[..., 1], previous[..., 1]) / 255.0
        change = float((hue.mean() + np.abs(hsv[..., 1:] - previous[..., 1:]).mean(axis=(0, 1)).sum()) / 3.0)
        cut = change > _THRESHOLD and change > _RATIO * self._usual
        # Cuts count, too: the third change in a row is flicker.
        self._usual = 0.8 * self._usual + 0.2 * change
        return cut
