"""478 face landmarks with the networks of MediaPipe's Face Landmarker on the crop of one face.

They are run as MediaPipe runs them for single pictures: its detector of the short range (Bazarevsky et al.,
"BlazeFace", 2019) says where in the crop the face is, and the mesh (Kartynnik et al., 2019; here its successor of
2023) looks there. Of videos MediaPipe takes the place from the mesh before, and smooths, which lags by up to 0.7 frames
and is wrong for three frames after a cut; the jitter that is left here is removed without lag in `smooth`. Landmarks
are those of MediaPipe 0.10.31 to 0.001 of the face's size, in the mean; mouths open as there (r 0.997 and more).
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from dubtool.engine.session import Session
from dubtool.errors import WeightsError
from dubtool.face.picture import Picture
from dubtool.trace import span

# Crops are reckoned in px of this side, whatever is sampled of them.
CROP_SIDE = 320
# The crop's side over the face's size: what MediaPipe's short-range detector is happiest with.
CROP_MARGIN = 2.0
# Of the mesh the square that it looks at, in sides of what the detector found.
_MESH_MARGIN = 1.5
_REGION_SIDE, _MESH_SIDE = 128, 256
# Of the detector and of the mesh.
_LEAST_SCORE, _LEAST_PRESENCE = 0.3, 0.3
# Boxes that overlap by more than this are of one face.
_SAME_FACE = 0.3
# The detector's cells along a side, and its boxes in each.
_CELLS = ((16, 2), (8, 6))


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
    """Landmarks of one face per crop; a context manager, so that its networks go when they are done with.

    model: the archive that `export.face_landmarker` writes.

    Raises:
        WeightsError: it is another file.
    """

    def __init__(self, model: Path, threads: int | None = None) -> None:
        try:
            with zipfile.ZipFile(model) as archive:
                region, mesh = (archive.read(f"{part}.onnx") for part in ("region", "mesh"))
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise WeightsError(f"{model}: not the face landmarker; run 'dubtool weights verify'") from error
        self._region = Session(region, "cpu", threads=threads, steady=True)
        self._mesh = Session(mesh, "cpu", threads=threads, steady=True)

    def __enter__(self) -> FaceLandmarker:
        return self

    def __exit__(self, *_: object) -> None:
        del self._region, self._mesh

    def landmarks(self, picture: Picture, roi: Roi) -> np.ndarray | None:
        """Landmarks float32 [478, 3] in full-size picture px (z in the same unit, smaller = nearer), or None."""
        with span("landmarks"):
            return self._landmarks(picture, roi)

    def _landmarks(self, picture: Picture, roi: Roi) -> np.ndarray | None:
        to_crop = roi.to_crop()
        # One crop for both: of the picture itself, smoothly shrunken, the detector tells less steady places.
        crop = picture.region(to_crop, CROP_SIDE)
        place = self._place(crop)
        if place is None:
            return None
        x, y, side, roll = place
        scale, middle = _MESH_SIDE / side, _MESH_SIDE / 2
        c, s = np.cos(roll) * scale, np.sin(roll) * scale
        from_crop = np.array([[c, s, middle - c * x - s * y], [-s, c, middle + s * x - c * y]])
        sides = (_MESH_SIDE, _MESH_SIDE)
        seen = cv2.warpAffine(crop, from_crop, sides, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        found = self._mesh.run({"picture": seen[None]}, ["mesh", "presence"])
        if _sigmoid(found["presence"].item()) < _LEAST_PRESENCE:
            return None
        mesh = found["mesh"].reshape(-1, 3).astype(np.float64)
        # MediaPipe counts from the crop's edges; pixel centres are at integers here.
        back = _after(cv2.invertAffineTransform(to_crop), _moved(cv2.invertAffineTransform(from_crop), -0.5))
        points = np.empty((len(mesh), 3), np.float32)
        points[:, :2] = mesh[:, :2] @ back[:, :2].T + back[:, 2]
        points[:, 2] = mesh[:, 2] * (roi.side / CROP_SIDE / scale)
        return points

    def _place(self, crop: np.ndarray) -> tuple[float, float, float, float] | None:
        """Where in the crop the mesh is to look: the middle (x, y), the side and the roll, in its px; None: nowhere."""
        sides = (_REGION_SIDE, _REGION_SIDE)
        small = cv2.warpAffine(crop, np.eye(2, 3) * (_REGION_SIDE / CROP_SIDE), sides, flags=cv2.INTER_LINEAR)
        found = self._region.run({"picture": small[None]})
        scores = _sigmoid(found["scores"].ravel())
        likely = np.flatnonzero(scores >= _LEAST_SCORE)
        if len(likely) == 0:
            return None
        scores = scores[likely]
        places = found["boxes"][0, likely].reshape(-1, 8, 2).astype(np.float64) / _REGION_SIDE
        middles, sizes = places[:, 0] + _ANCHORS[likely], places[:, 1]
        best = int(scores.argmax())
        low, high = middles - sizes / 2, middles + sizes / 2
        common = np.maximum(np.minimum(high, high[best]) - np.maximum(low, low[best]), 0).prod(axis=1)
        alike = common > _SAME_FACE * (sizes.prod(axis=1) + sizes[best].prod() - common)
        weights = scores[alike] / scores[alike].sum()
        low, high = weights @ low[alike], weights @ high[alike]
        right, left = np.tensordot(weights, places[alike, 2:4] + _ANCHORS[likely[alike], None], 1)
        x, y = (low + high) / 2 * CROP_SIDE
        roll = np.arctan2(*(left - right)[::-1])
        return float(x), float(y), float((high - low).max() * CROP_SIDE * _MESH_MARGIN), float(roll)


def _anchors() -> np.ndarray:
    """The middles of the cells that the detector's boxes are told from, 0..1 [896, 2]."""
    parts = []
    for cells, boxes in _CELLS:
        middles = (np.arange(cells) + 0.5) / cells
        parts.append(np.repeat(np.stack(np.meshgrid(middles, middles), axis=-1).reshape(-1, 2), boxes, axis=0))
    return np.concatenate(parts)


_ANCHORS = _anchors()


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(np.asarray(values, np.float64), -100, 100)))


def _after(second: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The affine matrix [2, 3] that does `first`, and then `second`."""
    return np.column_stack([second[:, :2] @ first[:, :2], second[:, :2] @ first[:, 2] + second[:, 2]])


def _moved(matrix: np.ndarray, by: float) -> np.ndarray:
    """What the matrix [2, 3] gives, moved in both directions."""
    return np.column_stack([matrix[:, :2], matrix[:, 2] + by])
