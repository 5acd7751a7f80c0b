"""Finding faces with YuNet (Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", 2023) through OpenCV."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from dubtool.engine.native_stderr import silent_stderr
from dubtool.face.picture import Picture, RgbPicture

_RETRY_LONG_SIDE = 1280

# YuNet finds faces at any roll, but puts the eyes of one that stands on its head where the mouth is, and scores it 0.90
# at most. In crops of 76 people turned by quarters the right way up scored highest by 0.03 and more, over upside down.
_SURELY_UPRIGHT = 0.93
_TURNED_MARGIN = 0.02
_TURNED_SIDE = 160
_TURNED_REACH = 2.0


@dataclass(frozen=True)
class Detection:
    """A found face: `box` (x0, y0, x1, y1) px; `points` float32 [5, 2]: eyes, nose tip, mouth corners; `score` 0..1."""

    box: tuple[float, float, float, float]
    points: np.ndarray
    score: float

    @property
    def size(self) -> float:
        """Geometric mean of width and height, px."""
        x0, y0, x1, y1 = self.box
        return float(np.sqrt(max(x1 - x0, 1.0) * max(y1 - y0, 1.0)))


class FaceDetector:
    """YuNet on a shrunken copy of the picture, tried again larger when that finds nothing."""

    def __init__(self, model: Path, score_threshold: float = 0.6) -> None:
        with silent_stderr():
            self._net = cv2.FaceDetectorYN.create(str(model), "", (320, 320), score_threshold, 0.3, 200)

    def detect(self, picture: Picture) -> list[Detection]:
        """Faces in the picture, largest first; boxes and points in its full-size px."""
        found = self._detect_in(picture.small, picture)
        if not found and max(picture.width, picture.height) > max(picture.small.shape):
            found = self._detect_in(picture.whole(_RETRY_LONG_SIDE), picture)
        return sorted(found, key=lambda face: -face.size)

    def detect_again(self, picture: Picture) -> list[Detection]:
        """`detect` of faces that are known to be there and not small, at a quarter of the work."""
        return sorted(self._detect_in(picture.coarse, picture), key=lambda face: -face.size)

    def righted(self, picture: Picture, face: Detection) -> Detection:
        """The same face with its points where they belong, should it stand on its head or lie on its side."""
        if face.score >= _SURELY_UPRIGHT:
            return face
        middle = np.array(face.box).reshape(2, 2).mean(axis=0)
        crops = [_turned(middle, face.size * _TURNED_REACH, quarters) for quarters in range(4)]
        found = [self._best_in(picture.region(to_crop, _TURNED_SIDE)) for to_crop in crops]
        scores = [0.0 if one is None else one.score for one in found]
        best = int(np.argmax(scores))
        turned = found[best]
        if best == 0 or turned is None or scores[best] < max(scores[0], face.score - _TURNED_MARGIN) + _TURNED_MARGIN:
            return face
        back = cv2.invertAffineTransform(crops[best])
        points = turned.points @ back[:, :2].T + back[:, 2]
        return Detection(face.box, points.astype(np.float32), turned.score)

    def _best_in(self, crop: np.ndarray) -> Detection | None:
        return max(self._detect_in(crop, RgbPicture(crop)), key=lambda face: face.score, default=None)

    def _detect_in(self, rgb: np.ndarray, picture: Picture) -> list[Detection]:
        bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
        # Very small pictures: YuNet's strides need some pixels to stand on.
        height, width = (max(32, side) for side in rgb.shape[:2])
        if (height, width) != rgb.shape[:2]:
            bgr = cv2.resize(bgr, (width, height))
        self._net.setInputSize((width, height))
        _, rows = self._net.detect(bgr)
        if rows is None:
            return []
        stretch = np.array([picture.width / width, picture.height / height], np.float32)
        faces = []
        for row in rows:
            corner, extent = row[:2] * stretch, row[2:4] * stretch
            box = (float(corner[0]), float(corner[1]), float(corner[0] + extent[0]), float(corner[1] + extent[1]))
            faces.append(Detection(box, row[4:14].reshape(5, 2) * stretch, float(row[14])))
        return faces


def _turned(middle: np.ndarray, reach: float, quarters: int) -> np.ndarray:
    """Affine matrix [2, 3] from the picture to a square crop of it, turned by quarters of a circle."""
    scale = _TURNED_SIDE / reach
    c, s = ((1, 0), (0, 1), (-1, 0), (0, -1))[quarters]
    linear = np.array([[c, s], [-s, c]], np.float64) * scale
    return np.column_stack([linear, (_TURNED_SIDE - 1) / 2 - linear @ middle])
