"""A picture as the trackers look at it: shrunken as a whole, or one region at its full resolution."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property

import cv2
import numpy as np

from dubtool.media.sampling import Box, cut

# YuNet finds faces from about 10 px up; at this side a face of a fortieth of the frame's width is above that.
SMALL_SIDE = 640
# Enough for cuts, for what a head looks like, and to find faces again that are known to be there.
COARSE_SIDE = 320


class Picture(ABC):
    """What trackers need of a frame; points and boxes are in its full-size px."""

    width: int
    height: int

    @cached_property
    def small(self) -> np.ndarray:
        """The whole picture, uint8 RGB, at most `SMALL_SIDE` px long."""
        return self.whole(SMALL_SIDE)

    @cached_property
    def coarse(self) -> np.ndarray:
        """The whole picture, uint8 RGB, at most `COARSE_SIDE` px long."""
        return self.whole(COARSE_SIDE)

    def whole(self, long_side: int) -> np.ndarray:
        """The whole picture, uint8 RGB, at most `long_side` px long."""
        scale = min(1.0, long_side / max(self.height, self.width))
        return self._scaled(max(1, round(self.width * scale)), max(1, round(self.height * scale)))

    @abstractmethod
    def region(self, to_crop: np.ndarray, side: int) -> np.ndarray:
        """A square uint8 RGB crop [side, side, 3] through an affine matrix [2, 3]; grey outside the picture."""

    @abstractmethod
    def _scaled(self, width: int, height: int) -> np.ndarray:
        """The whole picture in another size."""


class RgbPicture(Picture):
    """A `Picture` of an RGB array, uint8 [H, W, 3]."""

    def __init__(self, rgb: np.ndarray) -> None:
        self._rgb = rgb
        self.height, self.width = rgb.shape[:2]

    def region(self, to_crop: np.ndarray, side: int) -> np.ndarray:
        return cut(self._rgb, to_crop, side, side)

    def _scaled(self, width: int, height: int) -> np.ndarray:
        return cv2.resize(self._rgb, (width, height), interpolation=cv2.INTER_AREA)


def within(to_crop: np.ndarray, box: Box) -> np.ndarray:
    """The matrix for pixels of a cut-out that begins at the box's corner."""
    moved = to_crop.copy()
    moved[:, 2] += to_crop[:, :2] @ box[:2]
    return moved
