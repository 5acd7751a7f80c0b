"""Whether the mouth flickers: change from frame to frame that the head's motion does not explain."""

from __future__ import annotations

import cv2
import numpy as np

from dubtool.metrics.pixels import luma


class Flicker:
    """Mean absolute difference of neighbouring frames in a box that moves with the head, grey levels.

    Fed frame by frame, so that a film need not fit in memory. The ratio of a dub's value to its source's is the
    measure: 1.0 is as steady as the source.
    """

    def __init__(self, width: int, height: int) -> None:
        """width, height: of the head-fixed box, px."""
        self._size = (width, height)
        self._last: np.ndarray | None = None
        self._total = 0.0
        self._pairs = 0

    def add(self, frame: np.ndarray, matrix: np.ndarray | None) -> None:
        """The next frame [H, W, 3], 0..255, and its similarity [2, 3] from frame px to box px; None without a face.

        A frame without a face has no pairs with its neighbours.
        """
        if matrix is None:
            self._last = None
            return
        grey = luma(frame).astype(np.float32)
        flags = cv2.INTER_LINEAR
        box = cv2.warpAffine(grey, np.asarray(matrix, float), self._size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        if self._last is not None:
            self._total += float(np.mean(np.abs(box - self._last)))
            self._pairs += 1
        self._last = box

    @property
    def value(self) -> float:
        """The mean over all pairs so far; not a number without any."""
        return self._total / self._pairs if self._pairs else float("nan")


def flicker_ratio(dub: Flicker, source: Flicker) -> float:
    """Dub over source; not a number where the source does not change at all."""
    return dub.value / source.value if source.value else float("nan")
