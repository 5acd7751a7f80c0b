"""A part of a picture through an affine matrix; the work is the part's, however large the picture."""

from __future__ import annotations

import cv2
import numpy as np

Box = tuple[int, int, int, int]

_GREY = 128.0


def bounds(to_crop: np.ndarray, width: int, height: int, frame_width: int, frame_height: int) -> Box:
    """The box of picture pixels under a crop of width x height, grown by two, within the frame; never empty."""
    corners = np.array([(x, y) for x in (-2, width + 1) for y in (-2, height + 1)], np.float64)
    corners = (corners - to_crop[:, 2]) @ np.linalg.inv(to_crop[:, :2]).T
    low = np.clip(np.floor(corners.min(axis=0)), 0, (frame_width - 1, frame_height - 1)).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)) + 1, low + 1, (frame_width, frame_height)).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def cut(picture: np.ndarray, to_crop: np.ndarray, width: int, height: int, beyond: float | None = _GREY) -> np.ndarray:
    """A picture's [H, W] or [H, W, C] crop of width x height through an affine matrix [2, 3]; `beyond` outside, or
    what is on the border.

    Sampled linearly, after it was halved as often as the crop is less than half as fine.
    """
    # Linear sampling sees two samples of each direction; of more to a pixel most would be passed over.
    density = float(np.sqrt(max(abs(np.linalg.det(to_crop[:, :2])), 1e-9)))
    x0, y0, x1, y1 = bounds(to_crop, width, height, picture.shape[1], picture.shape[0])
    factor = 1
    while 2 * factor * density <= 1 and 2 * factor <= min(x1 - x0, y1 - y0):
        factor *= 2
    # Whole cells; where the picture ends less than one may be left over.
    columns = min(-(-(x1 - x0) // factor), (picture.shape[1] - x0) // factor)
    rows = min(-(-(y1 - y0) // factor), (picture.shape[0] - y0) // factor)
    part = np.ascontiguousarray(picture[y0 : y0 + rows * factor, x0 : x0 + columns * factor])
    for halves in range(factor.bit_length() - 2, -1, -1):
        part = cv2.resize(part, (columns << halves, rows << halves), interpolation=cv2.INTER_AREA)
    middle = (factor - 1) / 2
    offset = to_crop[:, :2] @ (x0 + middle, y0 + middle) + to_crop[:, 2]
    matrix = np.column_stack([to_crop[:, :2] * factor, offset])
    border = {"borderMode": cv2.BORDER_REPLICATE} if beyond is None else {"borderValue": (beyond,) * 4}
    return cv2.warpAffine(part, matrix, (width, height), flags=cv2.INTER_LINEAR, **border)
