"""A picture as the trackers look at it: shrunken as a whole, or one region at its full resolution."""

from __future__ import annotations

from functools import cached_property
from typing import Protocol

import cv2
import numpy as np

Box = tuple[int, int, int, int]

# YuNet finds faces from about 10 px up; at this side a face of a fortieth of the frame's width is above that.
SMALL_SIDE = 640


class Picture(Protocol):
    """What trackers need of a frame; points and boxes are in its full-size px."""

    width: int
    height: int

    @property
    def small(self) -> np.ndarray:
        """The whole picture, uint8 RGB, at most `SMALL_SIDE` px long."""
        ...

    def whole(self, long_side: int) -> np.ndarray:
        """The whole picture, uint8 RGB, at most `long_side` px long."""
        ...

    def region(self, to_crop: np.ndarray, side: int) -> np.ndarray:
        """A square uint8 RGB crop [side, side, 3] through an affine matrix [2, 3]; grey outside the picture."""
        ...


class RgbPicture:
    """A `Picture` of an RGB array, uint8 [H, W, 3]."""

    def __init__(self, rgb: np.ndarray) -> None:
        self._rgb = rgb
        self.height, self.width = rgb.shape[:2]

    @cached_property
    def small(self) -> np.ndarray:
        return self.whole(SMALL_SIDE)

    def whole(self, long_side: int) -> np.ndarray:
        scale = min(1.0, long_side / max(self.height, self.width))
        size = (max(1, round(self.width * scale)), max(1, round(self.height * scale)))
        return cv2.resize(self._rgb, size, interpolation=cv2.INTER_AREA)

    def region(self, to_crop: np.ndarray, side: int) -> np.ndarray:
        return cut(self._rgb, to_crop, side)


def cut(rgb: np.ndarray, to_crop: np.ndarray, side: int) -> np.ndarray:
    """A square crop through an affine matrix; grey outside."""
    shrinks = abs(np.linalg.det(to_crop[:, :2])) < 1
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.warpAffine(rgb, to_crop, (side, side), flags=how, borderValue=(128, 128, 128))


def bounds(to_crop: np.ndarray, width: int, height: int, frame_width: int, frame_height: int) -> Box:
    """The box of picture pixels under a crop of width x height, grown by two, within the frame; never empty."""
    corners = np.array([(x, y) for x in (-2, width + 1) for y in (-2, height + 1)], np.float64)
    corners = (corners - to_crop[:, 2]) @ np.linalg.inv(to_crop[:, :2]).T
    low = np.clip(np.floor(corners.min(axis=0)), 0, (frame_width - 1, frame_height - 1)).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)) + 1, low + 1, (frame_width, frame_height)).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def within(to_crop: np.ndarray, box: Box) -> np.ndarray:
    """The matrix for pixels of a cut-out that begins at the box's corner."""
    moved = to_crop.copy()
    moved[:, 2] += to_crop[:, :2] @ box[:2]
    return moved
