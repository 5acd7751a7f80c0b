"""Where in a frame a new mouth is to be put, and what lies between its lips."""

from __future__ import annotations

import cv2
import numpy as np

from dubtool.face.blend import mask_over, to_mouth_box
from dubtool.face.crop import CropSize
from dubtool.face.mask import mouth_mask
from dubtool.face.painting_over import HIDDEN
from dubtool.face.picture import Box, bounds
from dubtool.face.reference_warp import STIFFNESS, Place
from dubtool.face.shape import split_mouth
from dubtool.media.frame import Frame

# The mask's resolution: it is smooth.
MASK_SIZE = CropSize(128)
# Of the mouth box, in the unit crop.
_MIDDLE = np.array([0.0, 1.0])
# How far below the middle a chin may lie and be hidden whole, and by how much the box is made larger at the most:
# references show no more. Face radii.
_CHIN_ROOM, _MOST_REACH = 0.8, 1.35


def place_over(
    frame: Frame,
    unit: np.ndarray,
    to_crop: np.ndarray,
    covered: np.ndarray,
    mouth: np.ndarray,
    rim: np.ndarray,
    stiffness: float = STIFFNESS,
    *,
    hidden: tuple[float, float, float, float] = HIDDEN,
    reach: float = 1.0,
) -> Place | None:
    """The whole mouth box, as far as the frame shows it; None if it does not.

    unit, to_crop: picture px to the unit crop and to the crop of `MASK_SIZE` [2, 3]. covered: points that the mask
    must cover, in the unit crop [..., 2]. mouth: the one that is wanted [55, 2]. rim: of the head [R, 2]. stiffness:
    see `Place`. hidden: see `mouth_mask`. reach: by how much the box is larger than the mouth box, around its middle.
    """
    mask, to_box = mask_for(covered, to_crop, MASK_SIZE, hidden, reach)
    box = bounds(to_box, len(mask), len(mask), frame.width, frame.height)
    weight = mask_over(mask, to_box, box)
    if not weight.any():
        return None
    return Place(box, frame.rgb(box).astype(np.float32), weight, unit, mouth, rim, stiffness)


def mask_for(
    covered: np.ndarray,
    to_crop: np.ndarray,
    size: CropSize,
    hidden: tuple[float, float, float, float],
    reach: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """The mask float32 [m, m] over a mouth box, and picture px to its px [2, 3].

    Arguments are as for `place_over`; size: of the crop that `to_crop` leads to.
    """
    mask = mouth_mask((covered - _MIDDLE) / reach + _MIDDLE, size, hidden)
    to_box = to_mouth_box(to_crop, size)
    middle = np.full((2, 1), (len(mask) - 1) / 2)
    return mask, np.hstack([to_box[:, :2] / reach, (to_box[:, 2:] - middle) / reach + middle])


def chin_reach(mouths: np.ndarray) -> float:
    """By how much the mouth box must be larger to hide the chins of all these mouths in the unit crop [..., 2]: where a
    mouth gapes its chin would show below a new one that is shut."""
    return float(np.clip((mouths[..., 1].max() - _MIDDLE[1]) / _CHIN_ROOM, 1.0, _MOST_REACH))


def inner_mask(where: Place, box: Box) -> np.ndarray:
    """How much of each pixel of a picture's box lies between the lips: float32 [h, w], soft."""
    inner = split_mouth(where.mouth)[1]
    back = cv2.invertAffineTransform(where.to_unit)
    points = inner @ back[:, :2].T + back[:, 2] - box[:2]
    mask = np.zeros((box[3] - box[1], box[2] - box[0]), np.uint8)
    cv2.fillPoly(mask, [np.rint(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), max(0.01 * where.side, 0.5))
