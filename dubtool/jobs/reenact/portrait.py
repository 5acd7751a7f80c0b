"""The portrait of a reenactment: read, its face found, and put into the frames of the result."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from dubtool.errors import NoFaceError
from dubtool.face.blend import paste_crop
from dubtool.face.crop import apply, warp
from dubtool.face.picture import RgbPicture
from dubtool.face.portrait_crop import portrait_crop
from dubtool.jobs.shared.options import Framing
from dubtool.media.color import BT709_LIMITED
from dubtool.media.frame import Frame
from dubtool.media.pixels import layout_of
from dubtool.media.still import read_still
from dubtool.tracking.detect import FaceDetector
from dubtool.tracking.landmarks import FaceLandmarker, roi_from_five, roi_from_mesh
from dubtool.weights.locate import find

_LAYOUT = layout_of("420", 8)
# 4K; players and encoders refuse more.
_LONGEST, _MOST_PIXELS = 3840, 3840 * 2160
# Where the animated crop goes over into the portrait, in sides of the crop.
_FEATHER = 0.1
# A face that fills its picture is found when there is something around it.
_MARGIN = 0.5


@dataclass(frozen=True)
class Portrait:
    """A picture with a face. rgb: uint8 [H, W, 3]. landmarks: float32 [478, 3] px. scaled: it was made smaller."""

    path: Path
    rgb: np.ndarray
    landmarks: np.ndarray
    scaled: bool

    @property
    def natural_side(self) -> int:
        """Of the face's crop in the picture's own px."""
        return max(1, round(1 / float(portrait_crop(self.landmarks, 1)[0, 0])))

    def crop(self, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The square crop of the face uint8 [side, side, 3], its landmarks [478, 3], and picture to crop px [2, 3]."""
        to_crop = portrait_crop(self.landmarks, side)
        placed = np.empty_like(self.landmarks)
        placed[:, :2] = apply(to_crop, self.landmarks)
        placed[:, 2] = self.landmarks[:, 2] * to_crop[0, 0]
        return warp(self.rgb, to_crop, side, side), placed, to_crop


def load_portrait(path: Path) -> Portrait:
    """Read a portrait and find its largest face. A picture beyond 4K is made smaller.

    Raises:
        InputError: it is no picture that can be read. NoFaceError: no face is in it.
    """
    rgb = read_still(path)
    height, width = rgb.shape[:2]
    scale = min(_LONGEST / max(height, width), np.sqrt(_MOST_PIXELS / (height * width)), 1.0)
    if scale < 1:
        size = (max(2, int(width * scale)), max(2, int(height * scale)))
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    landmarks = find_face(rgb)
    if landmarks is None:
        raise NoFaceError(f"{path}: no face was found in the portrait; give a picture with a face seen from the front")
    return Portrait(path, rgb, landmarks, scale < 1)


def find_face(rgb: np.ndarray) -> np.ndarray | None:
    """Landmarks float32 [478, 3] px of the largest face in a picture uint8 [H, W, 3], None if there is none."""
    around = round(_MARGIN * max(rgb.shape[:2]))
    found = _look(rgb)
    if found is None:
        padded = cv2.copyMakeBorder(rgb, around, around, around, around, cv2.BORDER_REPLICATE)
        found = _look(padded)
        if found is not None:
            found[:, :2] -= around
    return found


def _look(rgb: np.ndarray) -> np.ndarray | None:
    picture = RgbPicture(rgb)
    faces = FaceDetector(find("yunet")).detect(picture)
    if not faces:
        return None
    with FaceLandmarker(find("face_landmarker")) as landmarker:
        for face in faces:
            rough = landmarker.landmarks(picture, roi_from_five(face.points, face.size))
            if rough is not None:
                # The mesh knows better than the detector where the face ends.
                fine = landmarker.landmarks(picture, roi_from_mesh(rough))
                return rough if fine is None else fine
    return None


class Canvas:
    """Makes frames of animated crops: the crop alone, or the whole portrait with the crop blended in; even-sized."""

    def __init__(self, portrait: Portrait, side: int, framing: Framing) -> None:
        self.crop, self.landmarks, self._to_crop = portrait.crop(side)
        self._base: Frame | None = None
        if framing == "full":
            height, width = (length - length % 2 for length in portrait.rgb.shape[:2])
            self._base = Frame.from_rgb(portrait.rgb[:height, :width], _LAYOUT, BT709_LIMITED)
        self._mask = soft_square(side)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the frames, px."""
        return (len(self.crop), len(self.crop)) if self._base is None else (self._base.width, self._base.height)

    def frame(self, made: np.ndarray) -> Frame:
        """The frame for a crop [side, side, 3] in 0..255."""
        if self._base is None:
            return Frame.from_rgb(made, _LAYOUT, BT709_LIMITED)
        frame = self._base.copy()
        paste_crop(frame, made, self._mask, self._to_crop)
        return frame

    def beside(self, driver: Frame) -> Frame:
        """The driver's frame within a frame of this size, its shape kept."""
        width, height = self.size
        scale = min(width / driver.width, height / driver.height)
        picture = driver.rgb(scale=scale)[:height, :width]
        top, left = (height - picture.shape[0]) // 2, (width - picture.shape[1]) // 2
        whole = np.zeros((height, width, 3), np.uint8)
        whole[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
        return Frame.from_rgb(whole, _LAYOUT, BT709_LIMITED)


def soft_square(side: int) -> np.ndarray:
    """Weights float32 [side, side]: 0 on the edges, 1 inside, a raised cosine between."""
    away = (np.minimum(np.arange(side), np.arange(side)[::-1]) / (_FEATHER * side)).clip(0, 1)
    ramp = (0.5 - 0.5 * np.cos(np.pi * away)).astype(np.float32)
    return ramp[:, None] * ramp[None, :]
