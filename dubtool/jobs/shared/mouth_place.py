"""Where in a frame a new mouth is to be put, and what lies between its lips."""

from __future__ import annotations

import cv2
import numpy as np

from dubtool.face.blend import mask_over, to_mouth_box
from dubtool.face.crop import CropSize
from dubtool.face.mask import mouth_mask
from dubtool.face.painting_over import HIDDEN
from dubtool.face.reference_warp import Place
from dubtool.face.shape import split_mouth
from dubtool.media.frame import Frame
from dubtool.media.sampling import Box, bounds

# The mask's resolution: it is smooth.
MASK_SIZE = CropSize(128)
# Of the mouth box, in the unit crop.
_MIDDLE = np.array([0.0, 1.0])
# From so much lower than the new chin on the frame's own shows, and shows in full, face radii.
_SAME_CHIN, _LOWER_CHIN = 0.03, 0.1
# How far below the middle a chin may lie and be hidden whole, and by how much the box is made larger at the most:
# references show no more. Face radii. The feather grows with the box, so the box grows faster than the chin falls.
_CHIN_ROOM, _MOST_REACH, _FASTER = 0.8, 1.35, 1.25


def mask_of(
    to_crop: np.ndarray,
    covered: np.ndarray,
    width: int,
    height: int,
    hidden: tuple[float, float, float, float] = HIDDEN,
    reach: float = 1.0,
) -> tuple[np.ndarray, Box]:
    """How much of the new mouth each pixel of a picture of width x height shows, float32 [h, w] in 0..1, and the
    pixels' box; the other arguments are those of `place_over`."""
    mask = mouth_mask((covered - _MIDDLE) / reach + _MIDDLE, MASK_SIZE, hidden)
    to_box = to_mouth_box(to_crop, MASK_SIZE)
    middle = np.full((2, 1), (len(mask) - 1) / 2)
    to_box = np.hstack([to_box[:, :2] / reach, (to_box[:, 2:] - middle) / reach + middle])
    box = bounds(to_box, len(mask), len(mask), width, height)
    return mask_over(mask, to_box, box), box


def place_over(
    frame: Frame,
    unit: np.ndarray,
    to_crop: np.ndarray,
    covered: np.ndarray,
    mouth: np.ndarray,
    rim: np.ndarray,
    *,
    hidden: tuple[float, float, float, float] = HIDDEN,
    reach: float = 1.0,
) -> Place | None:
    """The whole mouth box, as far as the frame shows it; None if it does not.

    unit, to_crop: picture px to the unit crop and to the crop of `MASK_SIZE` [2, 3]. covered: points that the mask
    must cover, in the unit crop [..., 2]. mouth: the one that is wanted [55, 2]. rim: of the head [R, 2].
    hidden: see `mouth_mask`. reach: by how much the box is larger than the mouth box, around its middle.
    """
    weight, box = mask_of(to_crop, covered, frame.width, frame.height, hidden, reach)
    if not weight.any():
        return None
    rgb, beyond = frame.rgb_and_beyond(box)
    return Place(box, rgb.astype(np.float32), weight, unit, mouth, rim, beyond)


def chin_reach(mouths: np.ndarray) -> float:
    """By how much the mouth box must be larger to hide the frame's own chin, 1 to 1.35: where its mouth gapes the chin
    would show below a new mouth that is shut. mouths: the new one and the frame's own, in the unit crop [2, 55, 2]."""
    new, own = mouths[..., 1].max(axis=1)
    share = float(np.clip((own - new - _SAME_CHIN) / (_LOWER_CHIN - _SAME_CHIN), 0, 1))
    larger = 1 + _FASTER * ((own - _MIDDLE[1]) / _CHIN_ROOM - 1)
    return 1 + share * (float(np.clip(larger, 1.0, _MOST_REACH)) - 1)


def inner_mask(where: Place, box: Box) -> np.ndarray:
    """How much of each pixel of a picture's box lies between the lips: float32 [h, w], soft."""
    inner = split_mouth(where.mouth)[1]
    back = cv2.invertAffineTransform(where.to_unit)
    points = inner @ back[:, :2].T + back[:, 2] - box[:2]
    mask = np.zeros((box[3] - box[1], box[2] - box[0]), np.uint8)
    cv2.fillPoly(mask, [np.rint(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), max(0.01 * where.side, 0.5))
