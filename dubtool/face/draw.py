"""Drawing a mouth shape as a picture, the spatial half of a shape-conditioned generator's input."""

from __future__ import annotations

import cv2
import numpy as np

from dubtool.face.shape import split_mouth

DRAWING_CHANNELS = 3
_SHIFT = 4


def draw_mouth(points: np.ndarray, width: int, height: int) -> np.ndarray:
    """Draw a mouth: uint8 [3, height, width]: open mouth, lips, jaw line (0 or 255, edges anti-aliased).

    points: crop px [55, 2] (`shape.MOUTH`). Coordinates are kept to 1/16 px, since at small sizes half a pixel is a
    vowel.
    """
    outer, inner, jaw = (np.rint(part * (1 << _SHIFT)).astype(np.int32) for part in split_mouth(points))
    drawing = np.zeros((DRAWING_CHANNELS, height, width), np.uint8)
    cv2.fillPoly(drawing[0], [inner], 255, lineType=cv2.LINE_AA, shift=_SHIFT)
    cv2.fillPoly(drawing[1], [outer], 255, lineType=cv2.LINE_AA, shift=_SHIFT)
    drawing[1] -= np.minimum(drawing[1], drawing[0])
    cv2.polylines(drawing[2], [jaw], False, 255, max(1, width // 80), lineType=cv2.LINE_AA, shift=_SHIFT)
    return drawing


def landmark_picture(drawing: np.ndarray) -> np.ndarray:
    """`draw_mouth`'s channels [..., 3, H, W] as one grey picture [..., 1, H, W]: what G4G sees of the landmarks."""
    opening, lips, jaw = (drawing[..., channel, :, :] for channel in range(DRAWING_CHANNELS))
    return np.maximum(np.maximum(opening, lips // 2), jaw)[..., None, :, :]
