"""Cutting references out of decoded frames: the pixels around the mouth as they are, and where the face is in them."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from dubtool.face.reference_warp import CONTROL, MOUTH_POINTS, Reference, shrink_for
from dubtool.face.shape import ShapeModel
from dubtool.media.frame import Frame
from dubtool.media.sampling import Box, bounds
from dubtool.tracking.motion import FaceMotion, smoothed_points
from dubtool.tracking.track import FaceTrack

# The part of the unit crop that a reference shows: left, top, right, bottom in face radii.
_REGION = (-1.3, -0.1, 1.3, 2.4)
# Pixels of a reference on one of the picture, from which on it is averaged down.
_MUCH_FINER = 1.3


def control_points(tracks: Sequence[FaceTrack], motion: FaceMotion, rows: np.ndarray) -> np.ndarray:
    """Where the landmarks CONTROL are in the unit crop on `rows` of the motion of `tracks`: float32 [n, 78, 2]."""
    starts = np.concatenate([[0], np.cumsum([len(track.frames) for track in tracks])])
    found = np.empty((len(rows), len(CONTROL), 2), np.float32)
    for place, row in enumerate(rows.tolist()):
        number = int(np.searchsorted(starts, row, side="right")) - 1
        local = row - int(starts[number])
        points = smoothed_points(tracks[number], slice(local, local + 1))[0, CONTROL, :2]
        unit = motion.unit[row]
        found[place] = points @ unit[:, :2].T + unit[:, 2]
    return found


class Cutter:
    """Cuts references out of the frames of one person. rows: of the motion that will be asked for, rising. model: None
    where the mouths that will be wanted are tracked ones, as the references' own then are."""

    def __init__(
        self, tracks: Sequence[FaceTrack], motion: FaceMotion, rows: np.ndarray, model: ShapeModel | None
    ) -> None:
        self._unit = dict(zip(rows.tolist(), motion.unit[rows], strict=True))
        control = control_points(tracks, motion, rows)
        self._control = dict(zip(rows.tolist(), control, strict=True))
        modelled = control[:, :MOUTH_POINTS]
        if model is not None:
            modelled = motion.mouths_in_crop(model, motion.coefficients[rows], rows).astype(np.float32)
        self._modelled = dict(zip(rows.tolist(), modelled, strict=True))

    def cut(self, frame: Frame, row: int) -> Reference:
        """The reference at `row`, which is to be seen in `frame`."""
        unit = self._unit[row]
        box = _region(unit, frame.width, frame.height)
        from_unit = cv2.invertAffineTransform(unit)
        from_unit[:, 2] -= box[:2]
        side = 2 / float(np.sqrt(abs(np.linalg.det(unit[:, :2]))))
        return Reference(frame.rgb(box), from_unit, self._control[row], self._modelled[row], shrink_for(side))


def reduced(reference: Reference, side: float) -> Reference:
    """The reference averaged down for a mouth box of `side` px, where it shows finer detail than that can hold: sampled
    as it is, it would alias."""
    own = 2 * float(np.sqrt(abs(np.linalg.det(reference.from_unit[:, :2]))))
    if own < _MUCH_FINER * side:
        return reference
    height, width = reference.picture.shape[:2]
    size = (max(1, round(width * side / own)), max(1, round(height * side / own)))
    scale = np.array([size[0] / width, size[1] / height])
    from_unit = reference.from_unit * scale[:, None]
    # Pixels' middles lie at whole numbers.
    from_unit[:, 2] += (scale - 1) / 2
    picture = cv2.resize(reference.picture, size, interpolation=cv2.INTER_AREA)
    return Reference(picture, from_unit, reference.control, reference.modelled, shrink_for(side))


def cutout_bytes(motion: FaceMotion) -> float:
    """About how many bytes one reference of this person takes."""
    density = float(np.median(np.abs(np.linalg.det(motion.unit[:, :, :2]))))
    left, top, right, bottom = _REGION
    # Three channels, and the shrunken picture.
    return 3.4 * (right - left) * (bottom - top) / density


def _region(unit: np.ndarray, width: int, height: int) -> Box:
    """Picture px of the part of the unit crop that a reference shows."""
    left, top, right, bottom = _REGION
    scale = 1 / float(np.sqrt(abs(np.linalg.det(unit[:, :2]))))
    matrix = unit * scale
    matrix[:, 2] -= (left * scale, top * scale)
    return bounds(matrix, round((right - left) * scale), round((bottom - top) * scale), width, height)
