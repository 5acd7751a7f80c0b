"""478 face landmarks with MediaPipe's Face Landmarker on the crop of one face (Tasks API, IMAGE mode).

IMAGE mode because VIDEO mode's own smoothing lags by up to 0.7 frames and is wrong for three frames after a cut; the
jitter that it leaves is removed without lag in `smooth`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import mediapipe as mp
import numpy as np

from dubtool.engine.native_stderr import silent_stderr
from dubtool.face.picture import Picture

# The mesh network sees 256 px; a crop of this side loses nothing and bounds the work for large faces.
CROP_SIDE = 320
# The crop's side over the face's size: what MediaPipe's short-range detector is happiest with.
CROP_MARGIN = 2.0


@dataclass(frozen=True)
class Roi:
    """A square region around a face: centre (x, y) px, side px, and the head's roll in radians (clockwise)."""

    x: float
    y: float
    side: float
    roll: float

    def to_crop(self) -> np.ndarray:
        """Affine matrix float64 [2, 3] from picture to crop pixels."""
        scale = CROP_SIDE / self.side
        c, s = np.cos(self.roll) * scale, np.sin(self.roll) * scale
        middle = (CROP_SIDE - 1) / 2
        return np.array(
            [[c, s, middle - c * self.x - s * self.y], [-s, c, middle + s * self.x - c * self.y]], dtype=np.float64
        )


def roi_from_five(points: np.ndarray, size: float) -> Roi:
    """Region around a detector's five points (eyes, nose, mouth corners), `size` in px."""
    eyes = points[1] - points[0]
    centre = points.mean(axis=0)
    return Roi(float(centre[0]), float(centre[1]), size * CROP_MARGIN, float(np.arctan2(eyes[1], eyes[0])))


def roi_from_mesh(points: np.ndarray) -> Roi:
    """Region around 478 landmarks [478, 2 or more]."""
    eyes = points[263, :2] - points[33, :2]
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    centre = (low + high) / 2
    size = float(np.sqrt(np.prod(np.maximum(high - low, 1.0))))
    return Roi(float(centre[0]), float(centre[1]), size * CROP_MARGIN, float(np.arctan2(eyes[1], eyes[0])))


class FaceLandmarker:
    """MediaPipe's Face Landmarker for one face per crop. Close it, or use it as a context manager."""

    def __init__(self, model: Path) -> None:
        vision = mp.tasks.vision
        options = vision.FaceLandmarkerOptions(
            base_options=mp.tasks.BaseOptions(model_asset_buffer=model.read_bytes()),
            running_mode=vision.RunningMode.IMAGE,
            num_faces=1,
            min_face_detection_confidence=0.3,
            min_face_presence_confidence=0.3,
        )
        with silent_stderr():
            self._task = vision.FaceLandmarker.create_from_options(options)

    def __enter__(self) -> FaceLandmarker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._task.close()

    def landmarks(self, picture: Picture, roi: Roi) -> np.ndarray | None:
        """Landmarks float32 [478, 3] in full-size picture px (z in the same unit, smaller = nearer), or None."""
        to_crop = roi.to_crop()
        crop = picture.region(to_crop, CROP_SIDE)
        found = self._task.detect(mp.Image(image_format=mp.ImageFormat.SRGB, data=crop)).face_landmarks
        if not found:
            return None
        # MediaPipe puts 0..1 on the crop's edges; pixel centres are at integers here.
        mesh = np.array([(p.x, p.y, p.z) for p in found[0]], np.float64) * CROP_SIDE
        mesh[:, :2] -= 0.5
        back = cv2.invertAffineTransform(to_crop)
        points = np.empty((478, 3), np.float32)
        points[:, :2] = mesh[:, :2] @ back[:, :2].T + back[:, 2]
        points[:, 2] = mesh[:, 2] * roi.side / CROP_SIDE
        return points
