"""Which pixels of the mouth box are replaced: a Gaussian-feathered hull of lips and jaw."""

from __future__ import annotations

import cv2
import numpy as np

from dubtool.face.crop import CropSize

# Standard deviation of the feather, in radii of the face.
_FEATHER = 0.08
# The hull is widened by this much before it is feathered, so that the lips themselves are replaced whole.
_MARGIN = 0.10


def mouth_mask(mouths: np.ndarray, size: CropSize, hidden: tuple[float, float, float, float]) -> np.ndarray:
    """Mask float32 [m, m] in 0..1 over the mouth box.

    mouths: unit-crop points [..., 2] that must lie within: the mouth to be made and the one that was there.
    hidden: what the generator made, in radii; the mask is 0 on its edge, since beyond it nothing needs replacing.
    """
    radius = size.mouth / 2
    points = mouths.reshape(-1, 2)
    corner = np.array([radius, 0.0])
    hull = cv2.convexHull(((points * radius + corner - 0.5) * 16).round().astype(np.int32))
    mask = np.zeros((size.mouth, size.mouth), np.float32)
    cv2.fillPoly(mask, [hull], 1.0, shift=4)
    width = 2 * round(_MARGIN * radius) + 1
    mask = np.asarray(cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))), np.float32)
    mask *= _window(size, hidden)
    return cv2.GaussianBlur(mask, (0, 0), _FEATHER * radius) * _window(size, hidden, soft=True)


def _window(size: CropSize, hidden: tuple[float, float, float, float], *, soft: bool = False) -> np.ndarray:
    """1 within the hidden part of the mouth box, less the feather's reach; `soft`: falling to 0 at its edge."""
    rows, columns = size.part(hidden)
    box_rows, box_columns = size.box
    reach = max(1.0, 2 * _FEATHER * size.mouth / 2)
    profiles = []
    for part, box in ((rows, box_rows), (columns, box_columns)):
        place = np.arange(box.start, box.stop) + 0.5
        inside = np.minimum(place - part.start, part.stop - place)
        profiles.append(np.clip(inside / reach, 0, 1) if soft else (inside > reach).astype(np.float32))
    return np.outer(*profiles).astype(np.float32)
