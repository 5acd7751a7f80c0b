"""Finding faces with YuNet (Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", 2023) through OpenCV."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from dubtool.face.picture import Picture
from dubtool.face.quiet import quiet_loading

_RETRY_LONG_SIDE = 1280


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
        with quiet_loading():
            self._net = cv2.FaceDetectorYN.create(str(model), "", (320, 320), score_threshold, 0.3, 200)

    def detect(self, picture: Picture) -> list[Detection]:
        """Faces in the picture, largest first; boxes and points in its full-size px."""
        found = self._detect_in(picture.small, picture)
        if not found and max(picture.width, picture.height) > max(picture.small.shape):
            found = self._detect_in(picture.whole(_RETRY_LONG_SIDE), picture)
        return sorted(found, key=lambda face: -face.size)

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
