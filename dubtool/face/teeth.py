"""What HDTR-Net looks at: the crop of a mouth, the crop without its lips, and the drawn contour.

After Li et al., HDTR-Net (PRCV 2023), code. The crop reaches from the tip of the nose (iBUG 30) to the chin (8) and is
a square around the corners of the mouth (48, 54). Here it also turns with the head's roll and may reach over the
frame's border. Colours may come in any order.
"""

from __future__ import annotations

import cv2
import numpy as np

from dubtool.face.shape import MOUTH
from dubtool.face.topology import IBUG_68, tracked

# Nose tip and chin, then the lips: twelve points outside, eight inside.
_IBUG = (30, 8, *range(48, 68))
_TRACKED = tracked(tuple(IBUG_68[index] for index in _IBUG))
_MOUTH = np.array([MOUTH.index(IBUG_68[index]) for index in _IBUG[1:]])
_NOSE, _CHIN, _RIGHT, _LEFT = 0, 1, 2, 8
LIPS = slice(2, 22)
_OUTER, _INNER = slice(0, 12), slice(12, 20)

# Mean height of the gap between the lips, in sides of the crop: below the first nothing of the teeth is to be seen,
# above the second all that will be. Between them a restored mouth comes in slowly, or it would flicker.
_CLOSED, _OPEN = 0.015, 0.045
# How far the mask reaches beyond the lips, and the standard deviation of its feather, in sides of the crop.
_MARGIN, _FEATHER = 0.02, 0.02
# The feather of the lower face, likewise.
_FACE_FEATHER = 0.04


def teeth_landmarks(points: np.ndarray) -> np.ndarray:
    """Nose tip, chin and the 20 points of the lips [..., 22, 2] of tracked points [..., P, 2 or 3]."""
    return points[..., _TRACKED, :2]


def landmarks_of_mouths(noses: np.ndarray, mouths: np.ndarray) -> np.ndarray:
    """The same of points of mouths (`shape.MOUTH`) [..., 55, 2] and tips of noses [..., 2]."""
    return np.concatenate([noses[..., None, :], mouths[..., _MOUTH, :2]], axis=-2)


def teeth_crops(
    landmarks: np.ndarray, roll: np.ndarray, side: int, pixel_aspect: float = 1.0, reach: float = 1.0
) -> np.ndarray:
    """Matrices from picture px to px of upright square crops of `side` px: float64 [N, 2, 3].

    landmarks: [N, 22, 2] picture px. roll: of the head, radians, clockwise in the picture [N]. pixel_aspect: a pixel's
    width over its height. reach: side of the crop over that of the paper's.
    """
    stretch = np.array([pixel_aspect, 1.0])
    turn = np.stack([np.stack([np.cos(roll), np.sin(roll)], -1), np.stack([-np.sin(roll), np.cos(roll)], -1)], 1)
    upright = np.matmul(landmarks.astype(np.float64) * stretch, turn.transpose(0, 2, 1))
    low = np.stack([upright[:, _RIGHT, 0], upright[:, _NOSE, 1]], axis=-1)
    high = np.stack([upright[:, _LEFT, 0], upright[:, _CHIN, 1]], axis=-1)
    scale = side / reach / np.maximum((high - low).max(axis=1), 1e-3)
    linear = turn * stretch * scale[:, None, None]
    shift = (side - 1) / 2 - (low + high) / 2 * scale[:, None]
    return np.concatenate([linear, shift[..., None]], axis=2)


def hide_lips(crop: np.ndarray, lips: np.ndarray) -> np.ndarray:
    """The crop uint8 [S, S, 3] with the polygon of the outer lips black. lips: crop px [20, 2]."""
    hidden = crop.copy()
    cv2.fillPoly(hidden, [_pixels(lips[_OUTER])], (0, 0, 0))
    return hidden


def draw_contour(crop: np.ndarray, lips: np.ndarray) -> np.ndarray:
    """The mouth as three flat parts on black, uint8 [S, S, 3].

    The inside of the mouth has its mean colour, the ring of the lips theirs, and a black line of one pixel is between
    them. A part without any pixel stays black. lips: crop px [20, 2].
    """
    inside, whole = (_filled(lips[part], len(crop)) for part in (_INNER, _OUTER))
    contour = np.zeros_like(crop)
    for part in (whole & ~inside, inside):
        if part.any():
            contour[part] = np.rint(crop[part].mean(axis=0))
    cv2.polylines(contour, [_pixels(lips[_INNER])], True, (0, 0, 0), 1)
    return contour


def teeth_shown(lips: np.ndarray, side: int) -> np.ndarray:
    """How much of the inside of mouths is to be seen [N]: 0 closed, 1 open. lips: crop px [N, 20, 2]."""
    inner = lips[:, _INNER].astype(np.float64)
    following = np.roll(inner, -1, axis=1)
    area = np.abs((inner[..., 0] * following[..., 1] - following[..., 0] * inner[..., 1]).sum(axis=1)) / 2
    width = np.maximum(np.linalg.norm(inner[:, 4] - inner[:, 0], axis=-1), 1.0)
    share = np.clip((area / width / side - _CLOSED) / (_OPEN - _CLOSED), 0, 1)
    return share * share * (3 - 2 * share)


def lips_box(lips: np.ndarray, side: int) -> tuple[slice, slice]:
    """Rows and columns of the crop that the lips lie in, a pixel at least. lips: crop px [20, 2]."""
    low = np.clip(np.floor(lips.min(axis=0)), 0, side - 1).astype(int)
    high = np.clip(np.ceil(lips.max(axis=0)) + 1, low + 1, side).astype(int)
    return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))


def teeth_mask(lips: np.ndarray, side: int) -> np.ndarray:
    """Which pixels of the crop are replaced, float32 [S, S] in 0..1: the lips and what they enclose, feathered.

    0 on the crop's edge. lips: crop px [20, 2].
    """
    mask = _filled(lips[_OUTER], side).astype(np.float32)
    width = 2 * max(1, round(_MARGIN * side)) + 1
    mask = np.asarray(cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))), np.float32)
    place = np.arange(side)
    edge = np.clip(np.minimum(place, side - 1 - place) / max(1.0, 2 * _FEATHER * side), 0, 1)
    soft = np.asarray(cv2.GaussianBlur(mask, (0, 0), _FEATHER * side), np.float32)
    return soft * np.outer(edge, edge).astype(np.float32)


def lower_face_mask(face: np.ndarray, side: int) -> np.ndarray:
    """Which pixels of the crop are replaced where a tool has made the whole lower face, float32 [S, S] in 0..1.

    face: points of its outline and within, crop px [P, 2]: their hull, feathered inwards. 0 on the crop's edge.
    """
    hull = np.zeros((side, side), np.float32)
    cv2.fillConvexPoly(hull, cv2.convexHull(_pixels(face)), (1,))
    sigma = _FACE_FEATHER * side
    # Beyond a deviation from its outline the hull has an end, so that the feather has one there, too.
    width = 2 * max(1, round(sigma)) + 1
    inner = np.asarray(cv2.erode(hull, np.ones((width, width)), borderValue=0), np.float32)
    place = np.arange(side)
    edge = np.clip(np.minimum(place, side - 1 - place) / max(1.0, 2 * sigma), 0, 1)
    soft = np.asarray(cv2.GaussianBlur(inner, (0, 0), sigma / 2), np.float32)
    return soft * np.outer(edge, edge).astype(np.float32)


def _filled(polygon: np.ndarray, side: int) -> np.ndarray:
    mask = np.zeros((side, side), np.uint8)
    cv2.fillPoly(mask, [_pixels(polygon)], 1)
    return mask.astype(bool)


def _pixels(polygon: np.ndarray) -> np.ndarray:
    return np.rint(polygon).astype(np.int32)
